"""Sixty panels of every kind and the classic data sets: lme4's numbers, and the optimum at 60 digits.

``tests/oracles/goldens/goldens.R`` wrote ``lme4.json``, and ``exact.py`` beside it ``exact.json``.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from reference import coefficient_tests, criterion_at, fit, parse_formula

FOLDER = Path(__file__).parents[1] / "oracles" / "goldens"
LME4 = json.loads((FOLDER / "lme4.json").read_text(encoding="utf-8"))
EXACT = json.loads((FOLDER / "exact.json").read_text(encoding="utf-8"))
PAIRS = list(zip(LME4["fits"], EXACT["fits"], strict=True))
NAMES = [f"{one['panel']} {one['formula']} {'REML' if one['reml'] else 'ML'}" for one in LME4["fits"]]


def numbers(value):
    return np.array([float(entry) for entry in (value if isinstance(value, list) else [value])])


def table(name):
    return pd.read_csv(FOLDER / f"{name}.csv")


def within(actual, expected, relative):
    return float(np.max(np.abs(np.asarray(actual) - expected) / np.maximum(np.abs(expected), 1e-300))) <= relative


def test_goldens_have_a_source():
    assert LME4["provenance"]["R"].startswith("R version ")
    assert {"lme4", "pbkrtest", "nlme", "command"} < LME4["provenance"].keys()
    assert {"gmpy2", "precision", "command"} < EXACT["provenance"].keys()
    assert len({golden["panel"] for golden in LME4["fits"]}) >= 49


@pytest.mark.parametrize("name", sorted({golden["panel"] for golden in LME4["fits"]}))
def test_tables_are_the_ones_that_were_fitted(name):
    digest = hashlib.md5((FOLDER / f"{name}.csv").read_bytes()).hexdigest()
    assert {one["md5"] for pair in PAIRS for one in pair if one["panel"] == name} == {digest}


@pytest.mark.parametrize(("golden", "exact"), PAIRS, ids=NAMES)
def test_optimum(golden, exact):
    assert (golden["formula"], golden["reml"], golden["panel"]) == (exact["formula"], exact["reml"], exact["panel"])
    result = fit(golden["formula"], table(golden["panel"]), reml=golden["reml"])
    best = float(exact["criterion"])
    assert result.criterion <= min(best, float(golden["criterion"])) + 1e-8
    assert result.criterion == pytest.approx(best, abs=1e-8, rel=1e-14)
    assert [term.rank for term in result.terms] == exact["ranks"]
    rows = coefficient_tests(result)
    assert within([row.estimate for row in rows], numbers(exact["fixed"]), 1e-7)
    assert within([row.standard_error for row in rows], numbers(exact["se"]), 1e-8)
    assert within([row.df for row in rows], numbers(exact["df"]), 1e-6)
    assert result.sigma == pytest.approx(float(exact["sigma"]), rel=1e-9)
    for term, expected in zip(result.terms, exact["covariances"], strict=True):
        expected = np.array([numbers(row) for row in expected])
        deviations = np.sqrt(np.diagonal(expected))
        slack = 1e-6 * np.outer(deviations, deviations) + 1e-300
        assert (np.abs(term.covariance - expected) <= slack).all()


@pytest.mark.parametrize("golden", LME4["fits"], ids=NAMES)
def test_agreement_with_lme4(golden):
    result = fit(golden["formula"], table(golden["panel"]), reml=golden["reml"])
    # As far as lme4's own optimiser went.
    assert result.criterion == pytest.approx(float(golden["criterion"]), abs=1e-7)
    assert within(result.coefficients, numbers(golden["fixed"]), 1e-6)
    assert result.sigma == pytest.approx(float(golden["sigma"]), rel=1e-5)
    assert result.singular == golden["singular"]
    ours, theirs = _by_term(result.model, result.theta), _by_term(golden, numbers(golden["theta"]))
    for key, block in ours.items():
        size = np.abs(theirs[key]).max() + 1e-12
        assert np.abs(block @ block.T - theirs[key] @ theirs[key].T).max() <= 2e-4 * size**2 + 1e-8


@pytest.mark.parametrize("golden", LME4["fits"], ids=NAMES)
def test_criterion_at_a_given_theta(golden):
    model = parse_formula(golden["formula"])
    blocks = _by_term(golden, numbers(golden["at_theta"]))
    theta = np.concatenate([blocks[key].T[np.triu_indices(len(blocks[key]))] for key in _keys(model)])
    value = criterion_at(table(golden["panel"]), model, theta, reml=golden["reml"])
    assert value == pytest.approx(float(golden["criterion_at_theta"]), abs=1e-8, rel=1e-13)


def _keys(model):
    """Return what tells the terms apart: the columns that group them, and how many such terms came before."""
    seen = []
    for term in model.terms:
        group = frozenset(term.group)
        seen.append((group, sum(other == group for other, _ in seen)))
    return seen


def _by_term(source, theta):
    """Return the lower triangular factors by term; lme4 has an order of its own."""
    if isinstance(source, dict):
        labels = source["terms"] if isinstance(source["terms"], list) else [source["terms"]]
        sizes = [int(size) for size in numbers(source["sizes"])]
        keys = []
        for label in labels:
            group = frozenset(re.findall(r"[A-Za-z_]\w*", label))
            keys.append((group, sum(other == group for other, _ in keys)))
    else:
        keys = _keys(source)
        sizes = [_size(term.effects) for term in source.terms]
    blocks, start = {}, 0
    for key, size in zip(keys, sizes, strict=True):
        lower = np.zeros((size, size))
        count = size * (size + 1) // 2
        columns, rows = np.triu_indices(size)
        lower[rows, columns] = theta[start : start + count]
        start += count
        blocks[key] = lower
    return blocks


def _size(effects):
    """Return how many effects a term of a golden has."""
    parts = [part.strip() for part in effects.split("+")]
    if parts == ["Machine"]:
        return 3
    intercept = 0 if "0" in parts else 1
    return intercept + sum(part not in ("0", "1") for part in parts)


@pytest.mark.skipif(shutil.which("Rscript") is None, reason="needs R, which makes the goldens")
def test_r_makes_the_same_goldens_again():
    packages = ("lme4", "pbkrtest", "nlme", "jsonlite")
    has = subprocess.run(
        ["Rscript", "-e", "q(status = !all(sapply(commandArgs(TRUE), requireNamespace, quietly = TRUE)))", *packages],
        check=False,
        capture_output=True,
    )
    if has.returncode:
        pytest.skip(f"needs the R packages {', '.join(packages)}")
    made = subprocess.run(
        ["Rscript", str(FOLDER / "goldens.R"), "--check"], check=False, capture_output=True, text=True
    )
    assert made.returncode == 0, made.stderr[-2000:]
    assert "148 fits made again" in made.stderr
