"""Readings of the tape: a thin validated skin over the kernels."""
