"""The engine of a replay: a cursor over stored days, its past, what stops it, its dump."""
