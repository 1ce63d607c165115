"""Time and memory of a fit, ours beside every other engine that is installed, in one run.

Every engine fits every table in a process of its own, warmed up on the tutorial's panel or, before a large table, on
one of 20,000 rows, so that neither start-up nor imports nor what a library sets up once count. Memory is the peak of
that process while it fits, the table included, less what the warm process held before it read the table.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np
from engines import ENGINES, LME4, NAMES, installed

from reference.output.text import aligned
from reference.panels import tutorial_panel

HERE = Path(__file__).resolve().parent
EXAMPLE = """example:
  python benchmarks/fit.py --largest 1e6                  every engine on up to a million rows
  python benchmarks/fit.py --engines ours lme4            two engines, up to ten million rows
"""
OURS = next(iter(ENGINES))
ROWS = (10**5, 10**6, 10**7)
GROUPS = (10**3, 10**4, 10**5)
ROWS_PER_GROUP = 100
# Enough for every engine to take the ways it takes with a large table.
WARM_ROWS = 20_000
# Responses that a bootstrap simulates and fits.
DRAWS = 1_000
# Small fits are timed in turns, so that a busy moment of the machine falls on every engine.
TURNS = 3
CHUNK = 10**6
MEGABYTE = 1e6
MEMORY = ("table MB", "peak MB", "peak / table", "without the table")
# Says what is under way, apart from the tables.
say = partial(print, file=sys.stderr, flush=True)


@dataclass(frozen=True)
class Measured:
    """One engine on one table: seconds of every fit, where they ended, bytes of the table and at the peak."""

    times: tuple[float, ...]
    criterion: float
    data: int
    peak: int

    @property
    def seconds(self) -> float:
        """The median fit's."""
        return median(self.times)


Outcome = Measured | str


def main() -> None:
    """Measure and print."""
    options = _options()
    sizes = [rows for rows in ROWS if rows <= options.largest]
    with tempfile.TemporaryDirectory() as scratch:
        warm, warm_large, table = (Path(scratch) / name for name in ("tutorial", "warm", "table"))
        panel = tutorial_panel()
        write_table(warm, [{name: getattr(panel, name) for name in NAMES}])
        write_table(warm_large, draw_table(WARM_ROWS, WARM_ROWS // ROWS_PER_GROUP, by_week=options.by_week))
        run = partial(run_engine, warm, patience=options.patience)
        run_large = partial(run_engine, warm_large, patience=options.patience)
        able = [engine for engine in options.engines if engine in (OURS, LME4)]
        for effects in ("intercept", "slope"):
            name = f"random {effects}"
            say(f"... the tutorial's panel, {name}: {', '.join(options.engines)}")
            show(f"The tutorial's panel, {name}, warm", compare_small(run, warm, options.engines, effects=effects))
            say(f"... the tutorial's panel, {name}, {DRAWS:,} draws: {', '.join(able)}")
            outcomes = compare_small(run, warm, able, effects=effects, draws=DRAWS)
            show(f"The tutorial's panel, {name}, {DRAWS:,} simulated responses fitted (lme4: bootMer)", outcomes)
        say(f"... the tutorial's panel, slopes tested, {DRAWS:,} draws: {', '.join(able)}")
        outcomes = compare_small(run, warm, able, effects="test", draws=DRAWS)
        show(f"The tutorial's panel, slopes tested by {DRAWS:,} draws, both models fitted (lme4: bootMer)", outcomes)
        growth = {}
        for rows in sizes:
            for groups in GROUPS:
                whole = groups * ROWS_PER_GROUP == rows
                if not whole and (OURS not in options.engines or groups * 10 > rows):
                    continue
                write_table(table, draw_table(rows, groups, by_week=options.by_week))
                outcomes = {}
                for engine in options.engines if whole else [OURS]:
                    say(f"... {rows:,} rows, {groups:,} groups: {engine}")
                    outcomes[engine] = run_large(table, engine, effects="slope", seconds=options.seconds)
                if whole:
                    show(f"{rows:,} rows, {groups:,} groups, random slope", outcomes)
                if OURS in outcomes:
                    growth[rows, groups] = outcomes[OURS]
        if OURS in options.engines:
            show_growth(growth)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    engines = installed()
    parser.add_argument("--largest", type=float, default=ROWS[-1], metavar="ROWS", help="no table of more rows")
    parser.add_argument("--engines", nargs="+", choices=engines, default=engines, help="all that are installed")
    parser.add_argument("--patience", type=float, default=300.0, metavar="S", help="seconds after which one is stopped")
    parser.add_argument("--seconds", type=float, default=5.0, metavar="S", help="repeat the large fits for so long")
    parser.add_argument("--by-week", action="store_true", help="order the rows by week instead of by store")
    return parser.parse_args()


def draw_table(rows: int, groups: int, *, by_week: bool) -> Iterator[Mapping[str, np.ndarray]]:
    """Yield a balanced panel chunk by chunk: stores with levels and slopes of their own, spend in thousands."""
    rng = np.random.default_rng(rows + groups)
    level, slope = 1.5 * rng.standard_normal(groups), 0.02 * rng.standard_normal(groups)
    weeks = rows // groups
    for start in range(0, rows, CHUNK):
        row = np.arange(start, min(start + CHUNK, rows))
        store, week = (row % groups, row // groups) if by_week else (row // weeks, row % weeks)
        n = row.size
        youtube, facebook = rng.uniform(0, 350, n), rng.uniform(0, 60, n)
        sales = 4.0 + 0.01 * week + level[store] + (0.045 + slope[store]) * youtube + 0.18 * facebook
        yield {
            "store_id": store + 1,
            "week": week + 1,
            "youtube": youtube,
            "facebook": facebook,
            "newspaper": rng.gamma(2.0, 18.0, n),
            "sales": sales + 2.0 * rng.standard_normal(n),
        }


def write_table(folder: Path, chunks: Iterable[Mapping[str, np.ndarray]]) -> None:
    """Write each column as a file of raw numbers, which Python and R read alike: ids in 4 bytes, others in 8."""
    folder.mkdir(exist_ok=True)
    for name in NAMES:
        (folder / name).write_bytes(b"")
    for chunk in chunks:
        for name, values in chunk.items():
            with (folder / name).open("ab") as file:
                values.astype(np.int32 if values.dtype.kind == "i" else np.float64).tofile(file)


def run_engine(
    warm: Path, table: Path, engine: str, *, effects: str, seconds: float, patience: float, draws: int = 0
) -> Measured | str:
    """Return what an engine needs for a table, or for a bootstrap of so many draws, or why it has not fitted it."""
    program = ["Rscript", HERE / "lme4.R"] if engine == LME4 else [sys.executable, HERE / "measure.py", engine]
    command = [*map(str, program), str(warm), str(table), effects, str(seconds), str(draws)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=patience, check=False)
    except subprocess.TimeoutExpired:
        return f"stopped after {patience:g} s"
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        return f"failed with code {done.returncode}" + (f": {lines[-1][:80]}" if lines else "")
    record = json.loads(done.stdout.splitlines()[-1])
    return Measured(tuple(record["times"]), record["criterion"], record["data"], record["peak"])


def compare_small(run, table: Path, engines: Sequence[str], *, effects: str, draws: int = 0) -> dict[str, Outcome]:
    """Return what every engine needs for a small table, timed in turns."""
    outcomes: dict[str, Outcome] = {}
    for _ in range(TURNS):
        for engine in engines:
            outcome, earlier = run(table, engine, effects=effects, seconds=1.0, draws=draws), outcomes.get(engine)
            if isinstance(outcome, Measured) and isinstance(earlier, Measured):
                outcome = Measured(earlier.times + outcome.times, outcome.criterion, outcome.data, outcome.peak)
            outcomes[engine] = outcome
    return outcomes


def show(title: str, outcomes: Mapping[str, Outcome]) -> None:
    """Print a table with ratios to our time, and how far above the lowest criterion each engine ended."""
    measured = [outcome for outcome in outcomes.values() if isinstance(outcome, Measured)]
    ours, lowest = outcomes.get(OURS), min((one.criterion for one in measured), default=0.0)
    large = any(one.data > MEGABYTE for one in measured)
    header = ["engine", "fits", "seconds", "times ours", "above the lowest criterion"]
    rows = []
    for engine, one in outcomes.items():
        if not isinstance(one, Measured):
            rows.append([engine, "", one])
            continue
        ratio = f"{one.seconds / ours.seconds:.2f}" if isinstance(ours, Measured) else ""
        row = [engine, str(len(one.times)), f"{one.seconds:.4f}", ratio, f"{one.criterion - lowest:.1e}"]
        rows.append(row + (memory_cells(one) if large else []))
    print_table(title, [*header, *(MEMORY if large else ())], rows)


def print_table(title: str, header: Sequence[str], rows: Sequence[Sequence[str]], left: int = 1) -> None:
    """Print a table whose rows may be shorter than its header."""
    filled = [[*row, *[""] * (len(header) - len(row))] for row in rows]
    print(f"\n{title}", *aligned(header, filled, left), sep="\n", flush=True)


def memory_cells(one: Measured) -> list[str]:
    """Return the table's size, the peak's, and the peak over it, with the table and without."""
    data, peak = one.data / MEGABYTE, one.peak / MEGABYTE
    return [f"{data:.1f}", f"{peak:.1f}", f"{peak / data:.2f}", f"{peak / data - 1.0:.2f}"]


def show_growth(outcomes: Mapping[tuple[int, int], Outcome]) -> None:
    """Print how our time grows with the rows and the groups."""
    header = ["rows", "groups", "seconds", "per million rows", *MEMORY]
    rows = []
    for (n, groups), one in sorted(outcomes.items(), key=lambda item: (item[0][1], item[0][0])):
        if isinstance(one, Measured):
            timing = [f"{one.seconds:.3f}", f"{one.seconds / n * 1e6:.3f}"]
            rows.append([f"{n:,}", f"{groups:,}", *timing, *memory_cells(one)])
        else:
            rows.append([f"{n:,}", f"{groups:,}", one])
    title = "Ours by size: seconds per million rows stay the same where the time is linear in rows"
    print_table(title, header, rows, left=0)


if __name__ == "__main__":
    main()
