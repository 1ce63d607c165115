"""What to ask of a table, given the formula of a mixed model: the models around it, and questions that suit them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from pandas.api.types import is_numeric_dtype

from autograder.authoring.naming import names_of, noun_of, plural_of, slug
from autograder.authoring.size import require_small
from autograder.errors import CourseError
from autograder.language.catalogue import DEFAULT, Sentence, translated
from reference import MixedFit, MixedModel, fit_mixed, parse_formula
from reference.data.formula import INTERCEPT, RandomTerm
from reference.questions import (
    LIBRARY,
    RESIDUAL,
    Asked,
    Column,
    Dataset,
    Fits,
    Items,
    Panels,
    Setting,
    answer_key,
    faults,
)
from reference.questions.dataset import by_line
from reference.questions.draws import SMALLEST_SD, Source
from reference.questions.formulas import factors_in, predictors_in, terms_beside

#: Tables that are drawn to see which questions have clear answers, and the share of them on which all must have one.
TRIALS, CLEAR = 12, 0.6
#: The most coefficients that are asked for.
COEFFICIENTS = 3
NULL, INTERCEPTS, SLOPES, WITHOUT = "null", "intercepts", "slopes", "without"
# All others are worth one point.
_TWO_POINTS = {"icc", "sentence", "lrt", "coefficient", "group_values", "ranking", "expected", "deviation"}


@dataclass(frozen=True)
class Task:
    """A notebook: its name, its title, and its items, each with the keys that it has in an assignment.toml."""

    name: str
    title: Sentence
    items: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True)
class Proposal:
    """An assignment as it could be; ``remarks`` says what was left out, and why."""

    setting: Setting
    panels: Panels
    tasks: tuple[Task, ...]
    remarks: tuple[str, ...] = ()

    @property
    def items(self) -> Items:
        """What is asked of tables, for the library of questions."""
        return Items(tuple(asked_of(item) for task in self.tasks for item in task.items))

    def fits(self, data: Dataset) -> Fits:
        """Return the models fitted to a table."""
        return Fits(data, self.setting, self.items)


def propose(data: Dataset, formula: str, language: str = DEFAULT) -> Proposal:
    """Return what to ask of a table.

    Parameters
    ----------
    data : Dataset
        The learners' table.
    formula : str
        Of a mixed model, as R's lme4 writes it.
    language : str
        Of what a row of the table is called.

    Raises
    ------
    CourseError
        If the table is too large for a course or has empty cells, or the groups do not differ in it, so that there is
        nothing to ask.
    FormulaError, DesignError, TableError
        If the formula cannot be read, or not fitted to the table.
    """
    whole = parse_formula(formula)
    if whole.offset or whole.spelled_out([]) != whole:
        raise CourseError(
            f"the formula {formula!r} has an offset or a dot, which no question knows; write its columns."
        )
    if whole.response.strip("`") not in data.frame:
        raise CourseError(
            f"the response {whole.response!r} is no column of {data.source}, so that no tables like it can be drawn; "
            "write it into the file as a column of its own."
        )
    columns = _columns(whole, data, language)
    require_small(whole, data)
    models = _models(whole, language)
    fits = {
        name: fit_mixed(by_line(data.frame), parse_formula(text, name=name), missing="raise")
        for name, text in models.items()
    }
    remarks = []
    for name, fit in fits.items():
        if fit.singular:
            why = f"{models.pop(name)} is singular in {data.source}: {'; '.join(t.face for t in fit.terms if t.face)}."
            if name == INTERCEPTS:
                raise CourseError(f"{why} Groups that do not differ give nothing to ask; leave that level out.")
            remarks.append(f"{why} The assignment asks about models without it.")
    rows = (translated(Sentence(f"new.{name}"), language) for name in ("row", "rows"))
    setting = Setting(columns=columns, rows=Column(call=next(rows), calls=next(rows)), models=models)
    largest = next(reversed(models))
    smallest = {name: round(0.45 * float(fits[name].optimum.scales.min()), 3) for name in models}
    small = {name: sd for name, sd in smallest.items() if sd < SMALLEST_SD}
    panels = Panels(simulate=largest, smallest_sd=small or SMALLEST_SD)
    tasks = tuple(_tasks(setting, fits, data))
    remarks += _not_asked(setting, tasks, fits[largest])
    return _with_clear_answers(Proposal(setting, panels, tasks, tuple(remarks)), data)


def _columns(model: MixedModel, data: Dataset, language: str) -> dict[str, Column]:
    """Return the columns of groups, and what lies in what, as the table has it."""
    names = list(dict.fromkeys(name for term in model.terms for name in term.group))
    found = {}
    for name in names:
        if name not in data.frame:
            raise CourseError(f"{data.source} has no column {name!r}; it has {', '.join(map(str, data.frame))}.")
        if empty := data.empty_line(name):
            raise CourseError(f"{data.source}, line {empty}, column {name!r}: no group is named; fill it in.")
        inside = next((g[g.index(name) - 1] for g in model.groups if name in g[1:]), None)
        noun = noun_of(name, language)
        found[name] = Column(group=True, within=inside, call=noun, calls=plural_of(noun, language))
    return found


def _models(whole: MixedModel, language: str) -> dict[str, str]:
    """Return the models around one by name: without predictors, with levels alone that vary, and with slopes."""
    levels = tuple(dict.fromkeys(RandomTerm("1", group) for group in whole.groups))
    intercepts = replace(whole, terms=levels)
    found = {NULL: replace(intercepts, fixed="1")} if whole.fixed.strip() != "1" else {}
    if len(levels) > 1 and whole.terms == levels:
        found[f"{WITHOUT} {noun_of(levels[-1].group[-1], language)}"] = replace(intercepts, terms=levels[:-1])
    found[INTERCEPTS] = intercepts
    if any(term.effects.strip() != "1" for term in whole.terms):
        found[SLOPES] = whole
    return {name: model.formula for name, model in found.items()}


def _tasks(setting: Setting, fits: Mapping[str, MixedFit], data: Dataset) -> Iterator[Task]:
    levels = list(dict.fromkeys(term.group[-1] for term in fits[INTERCEPTS].model.terms))
    groups = setting.plural(levels[0])
    yield Task("task1-levels", Sentence("new.levels", groups=groups), tuple(_of_levels(setting, levels)))
    largest = next(reversed(setting.models))
    smaller = (
        INTERCEPTS if largest == SLOPES else next((one for one in reversed(setting.models) if one != largest), None)
    )
    varying = _varying(fits[largest])
    level, effect = varying or (levels[0], INTERCEPT)
    coefficients = [name for name in fits[largest].design.fixed_names if name != INTERCEPT]
    about = list(_of_test(smaller, largest)) if smaller and _is_nested(fits[smaller], fits[largest]) else []
    # A product is what a formula with one is about.
    asked = sorted(coefficients, key=lambda one: (one != effect, ":" not in one))[:COEFFICIENTS]
    about += [_item("coefficient", f"slope_{name}", model=largest, term=term) for term, name in names_of(asked).items()]
    if largest == SLOPES and _varies_together(fits[SLOPES], level, effect):
        about.append(
            _item("effects_correlation", "corr_effects", model=SLOPES, level=level, effects=(INTERCEPT, effect))
        )
    if about:
        named = {"group": setting.noun(level), "groups": setting.plural(levels[-1]), "effect": setting.noun(effect)}
        yield Task(
            f"task2-{'slopes' if varying else 'test'}",
            Sentence("new.slopes" if varying else "new.test", **named),
            tuple(about),
        )
    last = tuple(_of_groups(setting, largest, level, effect, fits[largest], data))
    yield Task("task3-groups", Sentence("new.groups", groups=setting.plural(level)), last)


def _not_asked(setting: Setting, tasks: Sequence[Task], fit: MixedFit) -> Iterator[str]:
    """Yield what is not asked about the largest model, and why."""
    asked = {item.get("term") for task in tasks for item in task.items}
    if left := [one for one in fit.design.fixed_names if one not in (INTERCEPT, *asked)]:
        yield f"Nothing is asked about the coefficients of {', '.join(left)}."
    if (varying := _varying(fit)) and (beside := terms_beside(fit, varying[1])):
        level, effect = varying
        yield (
            f"Nothing is asked about the {setting.plural(level)} one by one: the formula also has "
            f"{', '.join(beside)}, so that the slope of {effect} is not one number for each of them."
        )


def _varying(fit: MixedFit) -> tuple[str, str] | None:
    """Return the first slope that varies, and between which groups; None where none does.

    It is asked of the groups of one column: those of several have no ids of their own.
    """
    for term, model in zip(fit.terms, fit.model.terms, strict=True):
        for effect in term.effects:
            if effect != INTERCEPT and len(model.group) == 1:
                return model.group[-1], effect
    return None


def _is_nested(smaller: MixedFit, larger: MixedFit) -> bool:
    """Return whether every effect that varies in one model varies in the other, between the same groups."""

    def varying(fit: MixedFit) -> set[tuple[tuple[str, ...], str]]:
        pairs = zip(fit.model.terms, fit.terms, strict=True)
        return {(model.group, effect) for model, term in pairs for effect in term.effects}

    return varying(smaller) <= varying(larger)


def _item(ask: str, name: str, **parameters: Any) -> dict[str, Any]:
    return {"ask": ask, "id": name, "points": 2 if ask in _TWO_POINTS else 1, **parameters}


def _of_levels(setting: Setting, levels: Sequence[str]) -> Iterator[dict[str, Any]]:
    named = names_of([RESIDUAL, *map(setting.noun, levels)])
    called = {level: named[setting.noun(level)] for level in levels}
    for level, name in {**called, RESIDUAL: RESIDUAL}.items():
        yield _item("variance", f"var_{name}", model=INTERCEPTS, level=level)
    for level in levels[:2]:
        yield _item("icc", f"icc_{called[level]}", model=INTERCEPTS, level=level)
    first = f"icc_{called[levels[0]]}"
    if NULL in setting.models:
        yield _item("icc", f"{first}_null", model=NULL, level=levels[0])
    unexplained = "new.unexplained" if NULL in setting.models else "new.variation"
    slots = {"percent": {"own": first, "times": 100.0}, "of": {"right": Sentence(unexplained)}}
    yield _item("sentence", f"{first}_reading", slots=slots, needs=(first,))


def _of_test(smaller: str, larger: str) -> Iterator[dict[str, Any]]:
    for model in (smaller, larger):
        yield _item("log_likelihood", f"loglik_{slug(model)}", model=model)
    yield _item("lrt", "test_chi2", smaller=smaller, larger=larger)
    yield _item("lrt_df", "test_df", smaller=smaller, larger=larger)
    yield _item("lrt_p", "test_p", of="test_chi2")
    yield _item("decision", "preferred", of="test_p")


def _of_groups(
    setting: Setting, model: str, level: str, effect: str, fit: MixedFit, data: Dataset
) -> Iterator[dict[str, Any]]:
    used, factors = predictors_in(fit.model), factors_in(fit.model)
    # There is no mean of texts, and none of the codes of a factor. A rare level would be missing from some tables.
    named = [
        name for name in data.frame if name in used and (name in factors or not is_numeric_dtype(data.frame[name]))
    ]
    at = {str(name): data.frame[name].mode().tolist()[0] for name in named}
    groups = slug(setting.plural(level))
    groups = f"own_{groups}" if groups[0].isdigit() else groups
    if (level,) in fit.model.groups and not terms_beside(fit, effect):
        top = min(3, data.frame[level].nunique() - 1)
        yield _item("group_values", f"{groups}_{slug(effect)}", model=model, effect=effect, level=level)
        yield _item("ranking", f"top_{groups}", model=model, effect=effect, level=level, top=top)
    for ask, name in (("expected", "expected_new"), ("deviation", "sd_new"), ("prediction_interval", "interval_new")):
        yield _item(ask, name, model=model, **({"at": at} if at else {}))


def _varies_together(fit: MixedFit, level: str, effect: str) -> bool:
    pairs = zip(fit.terms, fit.model.terms, strict=True)
    return any(model.group == (level,) and {INTERCEPT, effect} <= set(term.effects) for term, model in pairs)


def asked_of(item: Mapping[str, Any]) -> Asked:
    """Return an item for the library of questions, its parameters read."""
    question = LIBRARY[item["ask"]]
    return Asked(item["id"], item["ask"], question.read({n: v for n, v in item.items() if n in question.parameters}))


def _with_clear_answers(proposal: Proposal, data: Dataset) -> Proposal:
    """Return a proposal without the items that have no clear answer here, or in whose way most tables like this stand.

    What is left has clear answers on most of the tables that were drawn, all of it together.
    """
    own = answer_key(proposal.setting, proposal.items, LIBRARY, data)
    source, met = Source.of(proposal.setting, proposal.panels, data), []
    for trial in range(TRIALS):
        table = source.draw(np.random.default_rng([trial]), "a table drawn on trial")
        reasons, drawn = faults(proposal.setting, proposal.items, LIBRARY, table, proposal.panels)
        met += [dict(reason.split(": ", 1) for reason in reasons)] if drawn else []
    said = dict(fault.split(": ", 1) for fault in own.faults)
    unclear = set(said)
    while True:
        left = [reasons.keys() - unclear for reasons in met]
        counts = Counter(item for items in left for item in items)
        if sum(not items for items in left) >= CLEAR * len(met) or not counts:
            return _without(proposal, unclear, said | dict(pair for reasons in met for pair in reasons.items()))
        unclear.add(max(counts, key=lambda item: (counts[item], item)))


def _without(proposal: Proposal, unclear: set[str], said: Mapping[str, str]) -> Proposal:
    """Return a proposal without some items, and those that ask about them."""
    for one in proposal.items:
        if one.parameters.get("of") in unclear:
            unclear.add(one.item)
    if not unclear:
        return proposal
    tasks = tuple(
        replace(task, items=tuple(item for item in task.items if item["id"] not in unclear)) for task in proposal.tasks
    )
    remarks = tuple(
        f"{item} is not asked: {said.get(item, 'it rests on one that is not asked')}." for item in sorted(unclear)
    )
    return replace(proposal, tasks=tuple(task for task in tasks if task.items), remarks=proposal.remarks + remarks)
