"""The simulated exchange: session, broker, account."""
