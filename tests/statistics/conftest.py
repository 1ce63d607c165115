"""Fixtures of the statistics tests: the tutorial's results, computed once, and panels drawn for a test."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from autograder.cli import main
from reference.panels import Panel, tutorial_panel
from reference.tutorial import Tutorial, run_tutorial


@pytest.fixture(scope="session")
def panel() -> Panel:
    return tutorial_panel()


@pytest.fixture(scope="session")
def results(panel: Panel) -> Tutorial:
    return run_tutorial(panel)


@pytest.fixture(scope="session")
def drawn_frame():
    """Draw an unbalanced frame with the columns of a panel; the slope may be the same in every store."""

    def draw(seed: int, *, stores: int = 14, slope_sd: float = 0.02, level_sd: float = 1.5) -> pd.DataFrame:
        rng = np.random.default_rng(seed)
        weeks = rng.integers(5, 12, stores)
        store = np.repeat(np.arange(1, stores + 1), weeks)
        n = store.size
        youtube = rng.uniform(0, 300, n)
        facebook, newspaper = rng.uniform(0, 60, n), rng.gamma(2.0, 15.0, n)
        level, slope = level_sd * rng.standard_normal(stores), slope_sd * rng.standard_normal(stores)
        week = np.concatenate([np.arange(1, count + 1) for count in weeks])
        sales = 5 + level[store - 1] + 0.1 * week + (0.05 + slope[store - 1]) * youtube + 0.2 * facebook
        columns = {"youtube": youtube, "facebook": facebook, "newspaper": newspaper}
        return pd.DataFrame({"store_id": store, "week": week, **columns, "sales": sales + 2.0 * rng.standard_normal(n)})

    return draw


@pytest.fixture(scope="session")
def dense_errors():
    """Compute from n x n matrices how far slopes may be off, and how far their distances from the average one."""

    def errors(found, predictor, contrasts=None):
        """The prediction error variance of each slope, and of its distance from the average, from n x n matrices."""
        matrices, n = found.design.matrices, found.design.n_observations
        covariance, maps = found.sigma**2 * np.eye(n), []
        for term, design, effects in zip(found.terms, found.design.terms, matrices.random, strict=True):
            codes = matrices.codes[design.factor]
            z = np.zeros((n, len(term.levels), effects.shape[1]))
            z[np.arange(n), codes] = effects
            z = z.reshape(n, -1)
            g = np.kron(np.eye(len(term.levels)), term.covariance)
            covariance += z @ g @ z.T
            maps.append((term, g, z))
        x, weight = matrices.fixed, np.linalg.inv(covariance)
        estimator = np.linalg.solve(x.T @ weight @ x, x.T @ weight)
        term, g, z = next(part for part in maps if predictor in part[0].effects)
        places = np.arange(len(term.levels)) * len(term.effects) + term.effects.index(predictor)
        predictor_of_modes = (g @ z.T @ weight @ (np.eye(n) - x @ estimator))[places]
        fixed = estimator[found.design.fixed_names.index(predictor)] if contrasts is None else contrasts @ estimator

        def variances(weights):
            # Of weights · y - b: what the weights make of V, less twice their covariance with b, and b's own variance.
            return np.diag(
                weights @ covariance @ weights.T - 2.0 * weights @ (z @ g)[:, places] + g[np.ix_(places, places)]
            )

        return variances(fixed + predictor_of_modes), variances(predictor_of_modes)

    return errors


@pytest.fixture
def run(capsys):
    """Run ``mlm fit`` with a table; return the exit code and what it printed."""

    def fit(*arguments):
        with pytest.raises(SystemExit) as stop:
            main(["fit", *map(str, arguments)])
        printed = capsys.readouterr()
        return stop.value.code or 0, printed.out, printed.err

    return fit
