"""``python -m orderflow_bt``: the command line without the script on PATH."""

from orderflow_bt.cli import main

main()
