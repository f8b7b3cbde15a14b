"""Fixtures that every kind of test shares."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import settings

# The first call of a kernel compiles it, so no example has a deadline. CI draws the same examples
# every time; a run by hand draws new ones.
settings.register_profile("local", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "local")

REPOSITORY = Path(__file__).resolve().parent.parent


def _shared_folder() -> Path:
    """Where the real exchange data lies, or skip: it is not part of the repository."""
    candidates = [os.environ.get("ORDERFLOW_BT_REAL_DATA"), REPOSITORY.parent / "shared"]
    for candidate in candidates:
        if candidate and (Path(candidate) / "data" / "SHA256SUMS").exists():
            return Path(candidate)
    pytest.skip("no real exchange data beside the repository (set ORDERFLOW_BT_REAL_DATA)")


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of real exchange data, as found."""
    return _shared_folder() / "data"


@pytest.fixture(scope="session")
def real_mirror(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The real data laid out as the exchange's public archive."""
    tool = _shared_folder() / "tools" / "make_mirror.py"
    out = tmp_path_factory.mktemp("mirror")
    subprocess.run([sys.executable, str(tool), str(out)], check=True, capture_output=True)
    return out
