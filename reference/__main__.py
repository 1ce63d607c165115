"""Print the tutorial's results as tables: ``python -m reference``."""

import sys

from reference.panels import tutorial_panel
from reference.tutorial import render_tutorial, run_tutorial


def main() -> None:
    """Print the tables."""
    sys.stdout.write(render_tutorial(run_tutorial(tutorial_panel())))


if __name__ == "__main__":
    main()
