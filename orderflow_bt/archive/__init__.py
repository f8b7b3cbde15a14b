"""Exchanges' archives: what exists, fetch, verify, parse."""
