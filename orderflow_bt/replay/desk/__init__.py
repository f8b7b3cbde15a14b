"""The desk: what pages may ask, the pace, and the guarded server on loopback that they reach."""
