"""A simulated market in exchange-archive form."""
