"""From a rubric, the runs of a notebook and the answer keys to item results.

Every run is scored alone, on the panel it ran on; an item then earns the least of its scores. An item whose answer is
not right, and that needs another item which is not right either, is skipped rather than blamed: the other one comes
first. A right answer counts whatever came before it, except for a choice, which can be guessed: it earns points only
where something that it rests on shows that a model was fitted, and so does a right step from wrong answers.
"""

from __future__ import annotations

import graphlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from autograder.assignment.key import Keyed
from autograder.assignment.rubric import Item, Rubric
from autograder.kinds.finding import TOO_FEW, Finding
from autograder.language.catalogue import Sentence, listed
from autograder.records.grading import Ending, ItemResult, NotebookRun, SubmittedNotebook, Verdict
from autograder.records.values import Value
from autograder.scoring.left_out import failed_before, what_bears_on
from autograder.scoring.one_answer import Judged, judge_value

#: Verdicts that let the items that need this one be judged.
_CLEARED = (Verdict.CORRECT, Verdict.PARTIAL, Verdict.NEEDS_PERSON)

#: All that is said of a hidden panel, whatever was found there.
ELSEWHERE = Sentence("scoring.elsewhere")
#: Said where a step is right, but the numbers it was taken from are no results.
MADE_UP = Sentence("scoring.made_up")


def judge_item(rubric: Rubric, item: Item, notebook: SubmittedNotebook, run: NotebookRun, keyed: Keyed) -> Judged:
    """Return how an item fared in one run: its answer if there is one, else why there is none."""
    if item.id in run.answers:
        return judge_value(rubric, item, run.answers[item.id], keyed.answers, run.answers)
    return Judged(_unread(notebook) or _why_missing(rubric, item, notebook, run))


def _unread(notebook: SubmittedNotebook) -> Finding | None:
    """Return why nothing in a notebook could be read; None if it could."""
    verdict = Verdict.MISSING if notebook.absent else Verdict.MALFORMED
    return None if notebook.problem is None else Finding(verdict, 0.0, notebook.problem)


def _why_missing(rubric: Rubric, item: Item, notebook: SubmittedNotebook, run: NotebookRun) -> Finding:
    failed = what_bears_on(item.id, failed_before(item.id, notebook, run))
    if failed is not None and failed.grade_id in notebook.untouched:
        return Finding(Verdict.MISSING, 0.0, Sentence("scoring.untouched", cell=failed.grade_id))
    if failed is not None:
        verdict = Verdict.OUT_OF_MEMORY if failed.error.name == "MemoryError" else Verdict.CRASHED
        what = "scoring.stopped" if rubric.after_error == "next cell" else "scoring.left_out"
        return Finding(verdict, 0.0, Sentence(what, place=failed.place, error=failed.said))
    if run.ending is not Ending.FINISHED:
        return Finding(Verdict(run.ending.value), 0.0, Sentence(f"endings.{run.ending.name.lower()}"))
    return Finding(Verdict.MISSING, 0.0, Sentence("scoring.no_value", item=item.id))


def score_notebook(
    rubric: Rubric, notebook: SubmittedNotebook, runs: Sequence[tuple[Keyed, NotebookRun]]
) -> tuple[ItemResult, ...]:
    """Return the results of a notebook's items before dependencies are looked at.

    Parameters
    ----------
    rubric : Rubric
        The rubric of the assignment.
    notebook : SubmittedNotebook
        The sanitised notebook, one of the rubric's.
    runs : sequence of (panel with its key, run on it)
        The learner's own panel first.
    """
    items = next(entry.item for entry in rubric.notebook if entry.name == notebook.name)
    return tuple(_score_item(rubric, item, notebook, runs) for item in items)


def _score_item(
    rubric: Rubric, item: Item, notebook: SubmittedNotebook, runs: Sequence[tuple[Keyed, NotebookRun]]
) -> ItemResult:
    if item.answer_kind.by_person:
        return _for_a_person(item, notebook)
    judged = [(keyed, judge_item(rubric, item, notebook, run, keyed)) for keyed, run in runs]
    carried = judged[0][1].finding.verdict is Verdict.CARRIED
    if not carried or _rests_on_constants(rubric, item, runs):
        judged = [(keyed, _without_carrying(one)) for keyed, one in judged]
    holds = all(one.holds for _, one in judged)
    judged = [(keyed, replace(one, holds=holds)) for keyed, one in judged]
    # min() takes the first of equals: what is wrong on the learner's own panel is said before what is wrong elsewhere.
    keyed, worst = min(judged, key=lambda pair: pair[1].finding.share)
    if not keyed.hidden:
        return _result(item, worst)
    # Nothing is said of what was found on a hidden panel: the learner's code could put the panel itself into it.
    own = _result(item, judged[0][1])
    if own.verdict is Verdict.CARRIED:
        # A step that was right at home only: what it was taken from is all that there is to say.
        assert isinstance(own.reason, Sentence), "it names the answers that are not right"
        reason = Sentence("scoring.rests_on", items=own.reason.gaps["inputs"])
        return replace(own, score=0.0, verdict=Verdict.WRONG, reason=reason)
    own = replace(own, score=round(worst.finding.share * item.points, 2), verdict=worst.finding.verdict)
    return own if judged[0][1].finding.verdict is not Verdict.CORRECT else replace(own, reason=ELSEWHERE)


def _without_carrying(judged: Judged) -> Judged:
    """Take back what a right step from wrong answers earned: answers that are right at home only were typed in."""
    return Judged(Finding(Verdict.WRONG, 0.0, MADE_UP)) if judged.finding.verdict is Verdict.CARRIED else judged


def _rests_on_constants(rubric: Rubric, item: Item, runs: Sequence[tuple[Keyed, NotebookRun]]) -> bool:
    """Return True if what an answer follows from is the same on every panel: numbers were made up to agree."""
    step = runs[0][0].answers.steps.get(item.id)
    if step is None or len(runs) < 2:
        return False
    answers = [rubric.taken(run.answers) for _, run in runs]
    given = [[one.get(name) for name in step.inputs] for one in answers]
    return all(values == given[0] for values in given)


def judge_alone(
    rubric: Rubric, item: Item, value: Value, keyed: Keyed, own: Mapping[str, Value] | None = None
) -> ItemResult:
    """Return the result of one answer on one panel, for a learner who asks while working.

    ``own`` holds what the learner answered before.
    """
    return _result(item, judge_value(rubric, item, value, keyed.answers, own))


def _result(item: Item, judged: Judged) -> ItemResult:
    """Return the result with what its learner reads: why it is not right, and a hint; never the right value."""
    finding = judged.finding
    named = item.hints.get(judged.mistake) if judged.mistake else None
    is_helped = finding.verdict in (Verdict.WRONG, Verdict.PARTIAL) and finding != TOO_FEW
    return ItemResult(
        item=item.id,
        verdict=finding.verdict,
        score=round(finding.share * item.points, 2),
        points=item.points,
        reason=finding.sentence,
        mistake=judged.mistake,
        hint=(named or item.advice or None) if is_helped else None,
        holds=judged.holds,
    )


def _for_a_person(item: Item, notebook: SubmittedNotebook) -> ItemResult:
    found = _unread(notebook)
    if found is None and item.id in notebook.untouched:
        found = Finding(Verdict.MISSING, 0.0, Sentence("scoring.untouched", cell=item.id))
    return _result(item, Judged(found or Finding(Verdict.NEEDS_PERSON, 0.0, Sentence("scoring.for_a_person"))))


def resolve_dependencies(rubric: Rubric, results: Iterable[ItemResult]) -> dict[str, ItemResult]:
    """Return results by item, with what depends on a failed item skipped.

    Parameters
    ----------
    rubric : Rubric
        Gives the dependencies; it has no cycle.
    results : iterable of ItemResult
        Of all items, or of one notebook's; a need that is not among them holds nothing up.
    """
    given = {result.item: result for result in results}
    items = {item.id: item for item in rubric.items}
    resolved: dict[str, ItemResult] = {}
    for name in graphlib.TopologicalSorter({item.id: item.rests_on for item in rubric.items}).static_order():
        if name not in given:
            continue
        item, result = items[name], given[name]
        before = [resolved[other] for other in item.rests_on if other in resolved]
        holds = result.holds or any(other.holds for other in before)
        failed = [other.item for other in before if other.verdict not in _CLEARED]
        reason: str | None = Sentence("scoring.rests_on", items=listed(failed)) if failed else None
        if item.answer_kind.worded and not item.carried:
            typed_in = [name for name in failed if given[name].reason in (ELSEWHERE, MADE_UP)]
            reason = _why_unread(item, before, typed_in, holds=holds)
        certain = result.verdict is Verdict.CORRECT and not item.answer_kind.worded
        if reason and not certain and _is_about_the_value(result):
            result = replace(result, verdict=Verdict.SKIPPED, score=0.0, reason=reason, hint=None, mistake=None)
        resolved[name] = replace(result, holds=holds)
    return {name: resolved[name] for name in given}


def _why_unread(item: Item, before: Sequence[ItemResult], typed_in: Sequence[str], *, holds: bool) -> str | None:
    """Return why words that follow from no number count for nothing, given what came before them; None if they count.

    A sentence's numbers were compared with the learner's own, so that typed-in ones make it worthless. A choice is the
    same on every panel, so that it may rest on what is right on the learner's alone.
    """
    if before and not holds and (item.answer_kind.has_slots or not typed_in):
        return Sentence("scoring.groundless", items=listed([other.item for other in before]))
    return Sentence("scoring.rests_on", items=listed(typed_in)) if typed_in and item.answer_kind.has_slots else None


def _is_about_the_value(result: ItemResult) -> bool:
    """Return True if there was an answer to judge; a crash or a time-out is told as what it is."""
    return result.verdict in (Verdict.WRONG, Verdict.PARTIAL, Verdict.CORRECT)
