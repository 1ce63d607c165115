"""One answer, against the key and the learner's own other answers: what it is, and which known mistake explains it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from autograder.assignment.key import AnswerKey, expected, fillings, scale_of
from autograder.assignment.rubric import Item, Rubric
from autograder.kinds.finding import COARSE, RIGHT, ROUNDED, TOO_FEW, Expected, Finding, Scale, wrong
from autograder.kinds.registry import compare
from autograder.language.catalogue import Sentence, listed
from autograder.records.grading import Verdict
from autograder.records.values import Number, Value, python_value

#: The mistake of estimates that no other explains, and that are nearly as good as the best ones.
STOPPED_EARLY = "stopped_early"
# Criteria this far above the optimum are those of a search that stopped; further off, of something else. Where the
# log-likelihood itself is asked for, a search that went astray still tells itself by being lower than it could be.
_NEARLY = 30.0
_ASTRAY = 400.0

_AMBIGUOUS = Finding(Verdict.WRONG, 0.0, Sentence("comparison.ambiguous"))
_RECORDED = Finding(Verdict.NEEDS_PERSON, 0.0, Sentence("card.elsewhere_compared"))
# A log-likelihood this far below the maximum, as a criterion, changes no conclusion that a table is used for.
_JUST_SHORT = 0.2
JUST_SHORT = Finding(Verdict.PARTIAL, 0.5, Sentence("comparison.just_short"))
# Numbers that differ by less than this share of them are one and the same.
_SAME = 1e-4
_WRONG_NUMBER = wrong("wrong_number")


@dataclass(frozen=True)
class Judged:
    """An item on one panel: what was found, and the known mistake that explains it.

    ``holds`` is True for what other answers may earn points by: it shows that a model was fitted.
    """

    finding: Finding
    mistake: str | None = None
    holds: bool = False


def judge_value(
    rubric: Rubric, item: Item, value: Value, key: AnswerKey, own: Mapping[str, Value] | None = None
) -> Judged:
    """Return how one answer compares with the key.

    Parameters
    ----------
    rubric : Rubric
        Of the assignment.
    item : Item
        What was asked.
    value : Value
        The answer.
    key : AnswerKey
        Of the panel the answer was computed on.
    own : mapping of str to Value
        The learner's answers on the same panel, this one included or not.
    """
    if item.id in rubric.withheld:
        return Judged(_RECORDED)
    given = rubric.taken({**(own or {}), item.id: value})
    judged = _judge(rubric, item, given[item.id], key, given)
    return replace(judged, holds=_holds(rubric, item, judged, key, given))


def _judge(rubric: Rubric, item: Item, value: Value, key: AnswerKey, given: Mapping[str, Value]) -> Judged:
    scale = scale_of(item, key)
    follows = _follows(rubric, item, key, given, scale)
    if follows is not None and item.answer_kind.worded and follows.verdict is Verdict.CARRIED:
        # A choice can be right by luck; that it follows from what it rests on is worth more to know.
        return Judged(follows)
    finding = compare(item.kind, value, _expectation(item, key, given), scale)
    if finding.verdict is Verdict.MALFORMED or finding == RIGHT:
        return Judged(finding)
    deficit = _deficit(item, key, given)
    if deficit <= item.deficit:
        return Judged(RIGHT)
    if follows is not None and follows.share:
        return Judged(follows)
    rounded = finding in (ROUNDED, TOO_FEW, COARSE)
    also = False
    for mistake, mistaken in key.mistakes.get(item.id, {}).items():
        # Near ties are of what is right; a mistake is one only as a whole.
        like = compare(item.kind, value, mistaken, replace(scale, scores=None))
        if like == RIGHT and not rounded:
            return Judged(_plainly(finding, value), mistake)
        also = also or like in (RIGHT, ROUNDED, TOO_FEW)
    if rounded and also:
        return Judged(COARSE if finding == COARSE else _AMBIGUOUS)
    if finding.verdict is Verdict.WRONG and (judged := _unexplained(rubric, item, value, key, finding, deficit)):
        return judged
    return Judged(follows or finding)


def _plainly(finding: Finding, value: Value) -> Finding:
    """Return a finding that leaves the reason to the words for a known mistake, which say more."""
    if isinstance(finding.sentence, Sentence) and finding.sentence.key.startswith("comparison.slip_"):
        return _WRONG_NUMBER if isinstance(value, Number) else wrong("wrong_numbers")
    return finding


def _unexplained(
    rubric: Rubric, item: Item, value: Value, key: AnswerKey, finding: Finding, deficit: float
) -> Judged | None:
    """Return what a wrong answer is that no known mistake explains: another item's, or that of a search gone astray."""
    below = _below(value, key.values.get(item.id))
    if isinstance(value, Number) and finding in (_WRONG_NUMBER, wrong("slip_no_share")):
        known = key.answers.get(item.id)
        for name, (number, within) in known.slips.items() if known else ():
            if abs(value.value - number) <= within:
                return Judged(wrong(f"slip_{name}"))
    if isinstance(value, Number) and finding == _WRONG_NUMBER:
        if other := _right_for(rubric, item, value.value, key):
            return Judged(wrong("of_another", item=other))
        if _is_log_likelihood(item):
            if below <= _JUST_SHORT:
                return Judged(JUST_SHORT, STOPPED_EARLY)
            if math.isinf(below):
                return Judged(wrong("above_maximum"))
    early = deficit <= _NEARLY or (item.answer_kind.is_maximised and below <= _ASTRAY)
    return Judged(finding, STOPPED_EARLY) if early else None


def _is_log_likelihood(item: Item) -> bool:
    """Return whether an answer is what a fit maximises, and not a difference of two such."""
    return item.answer_kind.is_maximised and item.no_fit is not True


def _right_for(rubric: Rubric, item: Item, number: float, key: AnswerKey) -> str | None:
    """Return the item that a number is the right answer to, where that is another one."""
    for other in rubric.items:
        right = key.values.get(other.id)
        if other.id == item.id or other.answer_kind.exact or not isinstance(right, float) or not right:
            continue
        if math.isclose(number, right, rel_tol=_SAME):
            return other.id
    return None


def _holds(rubric: Rubric, item: Item, judged: Judged, key: AnswerKey, given: Mapping[str, Value]) -> bool:
    """Return whether an answer, or one that it was computed from, shows that a model was fitted.

    What can be guessed, or had from the panel without a fit, shows nothing, however right it is.
    """
    value, named = given[item.id], () if isinstance(item.no_fit, bool) else item.no_fit
    kind = item.answer_kind
    if not kind.exact and item.no_fit is not True and judged.mistake not in named:
        if judged.finding.verdict in (Verdict.CORRECT, Verdict.PARTIAL) or judged.finding == _AMBIGUOUS:
            return True
        if kind.tells_apart and kind.tells_apart(value, expected(item, key)):
            return True
        # A number of about the right size is easily guessed; one that is nearly the maximum is not.
        far = kind.is_maximised and _below(value, key.values[item.id]) > _NEARLY
        if judged.mistake and not (far and judged.mistake == STOPPED_EARLY):
            return True
    return any(judged.holds for judged in _judge_inputs(rubric, item, key, given).values())


def _judge_inputs(rubric: Rubric, item: Item, key: AnswerKey, given: Mapping[str, Value]) -> dict[str, Judged]:
    """Return how the answers fared that an item's is computed from, those that there are, by item."""
    items = {other.id: other for other in rubric.items}
    inputs = key.steps[item.id].inputs if item.id in key.steps else ()
    return {name: judge_value(rubric, items[name], given[name], key, given) for name in inputs if name in given}


def _expectation(item: Item, key: AnswerKey, given: Mapping[str, Value]) -> Expected:
    """Return the right answer; the numbers in a sentence follow from the learner's own answers, where there are any."""
    if not item.answer_kind.has_slots:
        return expected(item, key)
    own = {name: number.value for name, number in given.items() if isinstance(number, Number)}
    return fillings(item, {**key.values, **own})


def _deficit(item: Item, key: AnswerKey, given: Mapping[str, Value]) -> float:
    """Return how far the learner's estimates are from the optimum; infinite where there is none to be near to."""
    known = key.answers.get(item.id)
    if known is None or (objective := known.objective) is None:
        return math.inf
    values = [given.get(name) for name in objective.inputs]
    numbers = [value.value for value in values if isinstance(value, Number)]
    return objective.deficit(*numbers) if len(numbers) == len(values) else math.inf


def _below(value: Value, highest: object) -> float:
    """Return how far, as a criterion, a log-likelihood lies below the highest; infinite where it lies above."""
    if not isinstance(value, Number) or not isinstance(highest, float) or value.value > highest:
        return math.inf
    return 2.0 * (highest - value.value)


def _follows(rubric: Rubric, item: Item, key: AnswerKey, given: Mapping[str, Value], scale: Scale) -> Finding | None:
    """Return what an answer is worth that follows rightly from the learner's own answers; None if it does not."""
    step = key.steps.get(item.id)
    if step is None or not all(name in given for name in step.inputs):
        return None
    inputs = [python_value(given[name]) for name in step.inputs]
    if not all(_like(value, key.values[name]) for name, value in zip(step.inputs, inputs, strict=True)):
        return None
    follows = step.compute(*inputs)
    entries = follows.values() if isinstance(follows, Mapping) else (follows,)
    if follows is None or any(isinstance(entry, float) and not math.isfinite(entry) for entry in entries):
        return None
    if compare(item.kind, given[item.id], follows, replace(scale, scores=None)) != RIGHT:
        return None
    judged = _judge_inputs(rubric, item, key, given)
    not_right = [name for name, one in judged.items() if one.finding.verdict is not Verdict.CORRECT]
    if not not_right:
        # Each of them is within its tolerance, and together they carried the answer out of its own.
        return RIGHT
    if not item.carried:
        return None
    count = "several" if len(not_right) > 1 else "one"
    if not any(one.holds for one in judged.values()):
        return Finding(Verdict.WRONG, 0.0, Sentence(f"comparison.groundless_{count}", inputs=listed(not_right)))
    sentence = Sentence(f"comparison.carried_{count}", inputs=listed(not_right), share=f"{item.carried:.0%}")
    return Finding(Verdict.CARRIED, item.carried, sentence)


def _like(value: object, right: object) -> bool:
    """Return whether a learner's value has the form of the right one, so that a step can be taken from it."""
    if isinstance(right, Mapping):
        return isinstance(value, dict) and bool(value) and all(type(entry) is float for entry in value.values())
    return type(value) is float if isinstance(right, (int, float)) else type(value) is type(right)
