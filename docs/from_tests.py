"""Helpers of the tests that the pictures are drawn with too."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent / "tests"))

from chromium import chromium
from page_driver import Driver
from practice_server import serving
from practised import practise

__all__ = ["Driver", "chromium", "practise", "serving"]
