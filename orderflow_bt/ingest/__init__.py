"""Where archives and the lake meet: the downloader."""

from orderflow_bt.ingest.discover import Published, published, symbols
from orderflow_bt.ingest.download import download, pieces
from orderflow_bt.ingest.local import ImportResult, import_files
from orderflow_bt.ingest.local_series import import_series
from orderflow_bt.ingest.recheck import RecheckResult, recheck
from orderflow_bt.ingest.results import DayResult, NoProgress, Progress

__all__ = [
    "DayResult",
    "ImportResult",
    "NoProgress",
    "Progress",
    "Published",
    "RecheckResult",
    "download",
    "import_files",
    "import_series",
    "pieces",
    "published",
    "recheck",
    "symbols",
]
