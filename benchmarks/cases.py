"""What benchmarks share: cases in processes of their own, their memory, a tape that is given."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path


def parser_of(text):
    """A parser of options that is described by the first line of a script's docstring."""
    return argparse.ArgumentParser(description=text.splitlines()[0])


def case(script, *words, python=sys.executable):
    """Run a case of a script in a process of its own; what it printed last, as JSON."""
    command = [python, str(Path(script).resolve()), *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        return {"failed": (done.stderr.strip().splitlines() or ["no message"])[-1]}
    return json.loads(done.stdout.strip().splitlines()[-1])


def peak_mib():
    """The most memory that this process has held: getrusage would count its parent's too."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), 0.0)


def given_tape(option):
    """The days of a tape that the user names, as the exchange publishes them; none else."""
    folder = option or os.environ.get("ORDERFLOW_BT_BENCH_TAPE")
    return sorted(Path(folder).rglob("*-aggTrades-*.zip")) if folder else []
