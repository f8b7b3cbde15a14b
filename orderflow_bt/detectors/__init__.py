"""Detectors: flow in, events out, each with the moment it could first be known."""

from orderflow_bt.detectors.absorption import Absorption, AbsorptionBar
from orderflow_bt.detectors.alerts import Alerts
from orderflow_bt.detectors.base import Detector
from orderflow_bt.detectors.delta_divergence import DeltaDivergence
from orderflow_bt.detectors.exhaustion import Exhaustion
from orderflow_bt.detectors.imbalance_zones import ImbalanceZones
from orderflow_bt.detectors.poc_retest import PocRetest
from orderflow_bt.detectors.takers import BigTrades, IcebergLike, TakerClusters
from orderflow_bt.detectors.volume_spike import TapeSpeed, VolumeSpike

__all__ = [
    "Absorption",
    "AbsorptionBar",
    "Alerts",
    "BigTrades",
    "DeltaDivergence",
    "Detector",
    "Exhaustion",
    "IcebergLike",
    "ImbalanceZones",
    "PocRetest",
    "TakerClusters",
    "TapeSpeed",
    "VolumeSpike",
]
