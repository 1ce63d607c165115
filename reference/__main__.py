"""Print the tutorial's results: ``python -m reference [--panel FILE.csv]``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from reference import MultilevelError
from reference.panels import COLUMNS, Panel, tutorial_panel
from reference.tutorial import render_tutorial, run_tutorial


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the tutorial's tables for its own panel or for one in a file; return the exit status."""
    parser = argparse.ArgumentParser("python -m reference", description="Print the tutorial's results as tables.")
    parser.add_argument(
        "--panel",
        type=Path,
        metavar="FILE.csv",
        help=f"a panel with the columns {', '.join(COLUMNS)} (default: the tutorial's)",
    )
    path: Path | None = parser.parse_args(arguments).panel
    try:
        panel = tutorial_panel() if path is None else Panel.from_csv(path)
        sys.stdout.write(render_tutorial(run_tutorial(panel)))
    except MultilevelError as error:
        sys.stderr.write(f"{parser.prog}: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
