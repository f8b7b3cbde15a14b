"""Metrics and their uncertainty: pure functions on fills and equity."""
