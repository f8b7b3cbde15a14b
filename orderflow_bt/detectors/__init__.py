"""Detectors: flow in, events out, each with the moment it could first be known."""
