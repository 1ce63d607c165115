"""Make the tables of the three example courses, byte for byte: python tests/courses/make_tables.py FOLDER."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd


def schools(rng: np.random.Generator) -> pd.DataFrame:
    """Pupils in classes in schools: ids are texts such as 007, and every school has a class A."""
    rows = []
    for number in sorted(rng.choice(np.arange(1, 400), size=22, replace=False)):
        level, steepness = rng.normal(0, 4.5), rng.normal(0, 0.16)
        for name in "ABC"[: rng.integers(2, 4)]:
            of_class = rng.normal(0, 3.0)
            for _ in range(rng.integers(7, 12)):
                prior, books = rng.normal(50, 10) + 0.6 * level, rng.integers(0, 6)
                score = 12 + level + of_class + (0.75 + steepness) * prior + 1.2 * books + rng.normal(0, 5.0)
                rows.append((f"{number:03d}", name, round(prior, 1), books, round(score, 1)))
    return pd.DataFrame(rows, columns=["school", "class_id", "prior", "books", "score"])


def recovery(rng: np.random.Generator) -> pd.DataFrame:
    """Repeated measures: the pain of patients on days that differ between them, under one of two treatments."""
    rows = []
    for number in range(1, 41):
        level, pace = rng.multivariate_normal([0, 0], [[64, -1.5], [-1.5, 0.36]])
        treatment = "exercise" if number % 2 else "rest"
        days = np.sort(rng.choice(np.arange(0, 29), size=rng.integers(5, 9), replace=False))
        for day in days:
            slope = -0.9 - (0.8 if treatment == "exercise" else 0.0) + pace
            rows.append((f"P{number:02d}", day, treatment, round(68 + level + slope * day + rng.normal(0, 4.0), 1)))
    return pd.DataFrame(rows, columns=["patient", "day", "treatment", "pain"])


def essays(rng: np.random.Generator) -> pd.DataFrame:
    """Raters by items: every rater has marked most of the essays."""
    raters = {f"R{number}": rng.normal(0, 3.0) for number in range(1, 15)}
    marks = {f"E{number:02d}": (rng.normal(0, 5.0), rng.integers(250, 900)) for number in range(1, 31)}
    rows = [
        (rater, essay, words, round(40 + severity + quality + 0.02 * words + rng.normal(0, 3.5)))
        for rater, severity in raters.items()
        for essay, (quality, words) in marks.items()
        if rng.random() < 0.8
    ]
    return pd.DataFrame(rows, columns=["rater", "essay", "words", "mark"])


TABLES = {
    "schools/attainment/schools.csv": schools,
    "recovery/pain/recovery.csv": recovery,
    "essays/marking/essays.csv": essays,
}

if __name__ == "__main__":
    for place, (path, make) in enumerate(TABLES.items()):
        target = Path(sys.argv[1]) / path
        target.parent.mkdir(parents=True, exist_ok=True)
        make(np.random.default_rng([20261129, place])).to_csv(target, index=False, lineterminator="\n")
