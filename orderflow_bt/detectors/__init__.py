"""Detectors: flow in, events out, each with the moment it could first be known."""

from orderflow_bt.detectors.base import Detector
from orderflow_bt.detectors.delta_divergence import DeltaDivergence

__all__ = ["DeltaDivergence", "Detector"]
