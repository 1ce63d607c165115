"""Fit one table with one engine and print, as one line of JSON, how long it took and how much memory it needed.

``benchmarks/fit.py`` runs this in a process of its own for every engine and table. Linux only: the peak of the memory
is read from, and reset through, ``/proc/self``.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from engines import ENGINES, NAMES, Columns, bootstrap, bootstrap_of_test

PROC = Path("/proc/self")


def main() -> None:
    """Warm the engine up on the first table, then measure it on the second."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("engine", choices=ENGINES)
    parser.add_argument("warm", type=Path, help="folder of the small table that the engine is warmed up with")
    parser.add_argument("table", type=Path, help="folder of the table")
    parser.add_argument("effects", choices=("slope", "intercept", "test"), help="what varies between stores")
    parser.add_argument("seconds", type=float, help="repeat the fit for about this long")
    parser.add_argument("draws", type=int, help="fit so many simulated responses instead, if any")
    options = parser.parse_args()
    prepare, slope = ENGINES[options.engine][1], options.effects != "intercept"
    warm_up = prepare(read_columns(options.warm), slope)
    for _ in range(3):
        warm_up()
    baseline = _settled_memory()
    columns = read_columns(options.table)
    if options.effects == "test":
        fit = bootstrap_of_test(columns, options.draws)
    else:
        fit = bootstrap(columns, slope, options.draws) if options.draws else prepare(columns, slope)
    _settled_memory()
    (PROC / "clear_refs").write_text("5")  # the peak starts anew
    criterion, times = _repeat(fit, options.seconds)
    result = {
        "times": times,
        "criterion": criterion,
        "data": sum(column.nbytes for column in columns.values()),
        "peak": _memory("VmHWM") - baseline,
    }
    json.dump(result, sys.stdout)


def read_columns(folder: Path) -> Columns:
    """Return the columns of a table that ``benchmarks/fit.py`` wrote, each as 64-bit numbers."""
    whole = ("store_id", "week")
    columns = {name: np.fromfile(folder / name, np.int32 if name in whole else np.float64) for name in NAMES}
    return columns | {name: columns[name].astype(np.int64) for name in whole}


def _repeat(fit: Callable[[], float], seconds: float) -> tuple[float, list[float]]:
    times: list[float] = []
    while sum(times) < seconds:
        start = time.perf_counter()
        criterion = fit()
        times.append(time.perf_counter() - start)
    return criterion, times


def _settled_memory() -> int:
    """Return the bytes in memory once what is free has been given back."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    return _memory("VmRSS")


def _memory(name: str) -> int:
    status = (PROC / "status").read_text(encoding="ascii").splitlines()
    line = next(line for line in status if line.startswith(f"{name}:"))
    return int(line.split()[1]) * 1024


if __name__ == "__main__":
    main()
