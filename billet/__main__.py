"""Run the command line: `python -m billet`."""

from billet.cli import main

main(prog_name="python -m billet")
