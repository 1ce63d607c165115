"""Whether a drawn table can be graded on, and the search for one that can."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from reference import MixedFit
from reference.errors import ConvergenceError, DesignError, FormulaError, MultilevelError
from reference.questions.answers import AnswerKey
from reference.questions.dataset import Dataset
from reference.questions.draws import LARGEST_CORRELATION, Panels, Source, correlations_in
from reference.questions.fits import Fits
from reference.questions.key import answer_key
from reference.questions.question import Question
from reference.questions.setting import Items, Setting

#: After so many tries without a table the search ends, if one reason speaks against this share of them.
EARLY_TRIES, EARLY_SHARE = 40, 0.9
_NUMBER = re.compile(r"-?\d+(\.\d+)?(e[+-]?\d+)?")


class SimulationError(MultilevelError, RuntimeError):
    """No table that can be graded on was drawn in the tries allowed."""


def faults(
    setting: Setting,
    items: Items,
    library: Mapping[str, Question],
    data: Dataset,
    panels: Panels | None = None,
    doubtful: Sequence[str] = (),
) -> tuple[tuple[str, ...], AnswerKey | None]:
    """Return why nobody should be graded on a table, nothing if it will do, and its answer key if it came so far.

    Checked, what is cheap first: fits away from the boundary, by REML and by ML, so that other software arrives too;
    and what the questions themselves find, of the ``doubtful`` items first: where one of these has no clear answer the
    others are not computed. How far apart known answers are is for whoever compares answers to say.

    Raises
    ------
    QuestionError
        If an item has no answer as it is asked.
    """
    panels = panels or Panels()
    try:
        fits = Fits(data, setting, items)
        # The last model is the largest as a rule, and the first to fail.
        for reml in (True, False):
            for name in reversed(setting.models):
                called = f"the {'REML' if reml else 'ML'} fit of {name!r}"
                reason = _boundary_reason(called, fits.mixed(name, reml=reml), panels.smallest(name))
                if reason:
                    return (reason,), None
        key = answer_key(setting, items, library, data, fits=fits, doubtful=doubtful)
    except FormulaError:
        raise
    except (DesignError, ConvergenceError) as error:
        return (f"a model cannot be fitted: {error}",), None
    return key.faults, key


def usable_draw(
    setting: Setting,
    panels: Panels,
    items: Items,
    library: Mapping[str, Question],
    data: Dataset,
    seed: int,
    tries: int = 200,
    *,
    tried: Callable[[int], None] = lambda tries: None,
) -> tuple[Dataset, AnswerKey]:
    """Return the first table of a seed that :func:`faults` has nothing against, and its key, from ``(seed, try)``.

    Parameters
    ----------
    setting, panels, items, library, data
        As for :class:`Source` and :func:`faults`.
    seed : int
        Not negative; it always gives the same table.
    tries : int
        After how many draws to give up.
    tried : function of (int)
        Told before each draw how many there were.

    Raises
    ------
    SimulationError
        If the seed is negative or no draw was usable; the message says why, and what to do.
    QuestionError
        As for :meth:`Source.of` and :func:`faults`.
    """
    if seed < 0:
        raise SimulationError(f"seed {seed} is negative; give 0 or more.")
    origin = Source.of(setting, panels, data)
    doubtful: dict[str, None] = {}
    counts: Counter[str] = Counter()
    said: dict[str, str] = {}
    for attempt in range(tries):
        tried(attempt)
        table = origin.draw(np.random.default_rng([seed, attempt]), f"the table drawn from seed {seed}")
        reasons, key = faults(setting, items, library, table, panels, list(doubtful))
        if key is not None and not reasons:
            return table, key
        doubtful |= dict.fromkeys(reason.partition(": ")[0] for reason in reasons if key is not None)
        # Reasons that differ in their numbers only are one.
        alike = {_NUMBER.sub("#", reason): reason for reason in reasons}
        said = alike | said
        counts.update(alike.keys())
        nearly_all = [one for one in counts.most_common() if one[1] >= EARLY_SHARE * EARLY_TRIES]
        if attempt + 1 == EARLY_TRIES < tries and nearly_all:
            raise SimulationError(f"seed {seed}, ended after {EARLY_TRIES} draws: {_listed(nearly_all, said)}.")
    listed = _listed(counts.most_common(3), said)
    raise SimulationError(f"seed {seed}: none of {tries} draws can be graded on: {listed}.")


def _listed(counts: Sequence[tuple[str, int]], said: Mapping[str, str]) -> str:
    return "; ".join(f"in {often} of them {said[one]} ({_advice(said[one])})" for one, often in counts)


def _boundary_reason(name: str, fit: MixedFit, smallest: float) -> str:
    if fit.singular:
        return f"{name} is singular"
    if float(fit.optimum.scales.min()) < smallest:
        return f"{name} has an effect with an sd below {smallest:g} of the residual's"
    for term in fit.terms:
        off = correlations_in(term.covariance)[np.triu_indices(len(term.effects), 1)]
        if off.size and float(np.abs(off).max()) > LARGEST_CORRELATION:
            return f"{name} has a correlation beyond {LARGEST_CORRELATION:g}"
    return ""


def _advice(reason: str) -> str:
    if reason.startswith(("the REML fit", "the ML fit", "a model cannot")):
        return "give [panels] sd, or more [panels] groups; a smaller [panels] smallest_sd lets more draws pass"
    return "draw clearer effects with [panels] fixed and sd, or more [panels] groups"
