"""The engines that are compared: how each is called with one and the same model, and what criterion it ends at.

An engine is known by its name in ``ENGINES``; one that is not installed is left out of the comparison.
"""

from __future__ import annotations

import shutil
import subprocess
import warnings
from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

Columns: TypeAlias = Mapping[str, np.ndarray[Any, Any]]
#: From columns to a fit ready to run, which returns the REML criterion where it ended.
Engine: TypeAlias = Callable[[Columns, bool], Callable[[], float]]

FIXED = "sales ~ week + youtube + facebook + newspaper"
NAMES = ("store_id", "week", "youtube", "facebook", "newspaper", "sales")


def _formula(slope: bool) -> str:
    return f"{FIXED} + ({'1 + youtube' if slope else '1'} | store_id)"


def _ours(columns: Columns, slope: bool) -> Callable[[], float]:
    from reference import fit

    frame = pd.DataFrame(columns, copy=False)
    return lambda: fit(_formula(slope), frame).criterion


def bootstrap(columns: Columns, slope: bool, draws: int) -> Callable[[], float]:
    """Return our parametric bootstrap of a fit, which it makes first, and ends at that fit's criterion."""
    from reference import bootstrap_shares, fit

    model = fit(_formula(slope), pd.DataFrame(columns, copy=False))

    def run() -> float:
        bootstrap_shares(model, draws=draws)
        return model.criterion

    return run


def bootstrap_of_test(columns: Columns, draws: int) -> Callable[[], float]:
    """Return our bootstrap test of the slopes: both models are fitted to each response. It ends at the larger's."""
    from reference import bootstrap_test, fit

    frame = pd.DataFrame(columns, copy=False)
    smaller, larger = (fit(_formula(slope), frame, reml=False) for slope in (False, True))

    def run() -> float:
        bootstrap_test(smaller, larger, draws=draws)
        return larger.criterion

    return run


def _by_groups(module: str, columns: Columns, slope: bool) -> Callable[[], float]:
    """Fit by the call that statsmodels made known, with its default optimiser."""
    mixedlm = import_module(module).mixedlm
    frame = pd.DataFrame(columns, copy=False)
    effects = "~youtube" if slope else "1"

    def fit() -> float:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = mixedlm(FIXED, frame, groups=frame["store_id"], re_formula=effects)
            return -2.0 * float(model.fit().llf)

    return fit


def _mixedlm(columns: Columns, slope: bool) -> Callable[[], float]:
    from mixedlm import lmer

    frame = pd.DataFrame(columns, copy=False)
    return lambda: float(lmer(_formula(slope), frame).REMLcrit())


def _lme_python(columns: Columns, slope: bool) -> Callable[[], float]:
    from lme_python import lmer
    from polars import DataFrame

    frame = DataFrame(dict(columns))
    return lambda: float(lmer(_formula(slope), frame).reml_criterion)


ENGINES: Mapping[str, tuple[str, Engine]] = {
    "ours": ("reference", _ours),
    "mixedlm-rs": ("mixedlm_rs", partial(_by_groups, "mixedlm_rs")),
    "lme-python": ("lme_python", _lme_python),
    "mixedlm": ("mixedlm", _mixedlm),
    "statsmodels": ("statsmodels", partial(_by_groups, "statsmodels.formula.api")),
}
LME4 = "lme4"


def installed() -> list[str]:
    """Return the names of the engines that can be run here, ours first."""
    names = [name for name, (module, _) in ENGINES.items() if find_spec(module)]
    rscript = shutil.which("Rscript")
    if rscript and not subprocess.run([rscript, "-e", "library(lme4)"], check=False, capture_output=True).returncode:
        names.insert(1, LME4)
    return names
