"""The cards that show how far one is, and, to those who study alone, what is right."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from autograder.assignment.key import expected
from autograder.assignment.rubric import Notebook, Rubric
from autograder.language.catalogue import Sentence, listed
from autograder.records.grading import Verdict
from autograder.records.verdict_signs import SIGNS
from autograder.tutor.cards import Bar, Card, plain_card
from autograder.tutor.checking import unknown_card
from autograder.tutor.solutions import how_it_is_done, memo_card, solution_card
from autograder.tutor.tutor import Tutor, earned, score_line


def reveal_card(tutor: Tutor, name: str) -> Card:
    """Return the card that shows an answer or a whole solution to who studies alone, and note that it was shown."""
    found = tutor.find(name)
    whole = next(((rubric, one) for rubric in tutor.rubrics for one in rubric.notebook if one.name == name), None)
    if found is None and whole is None:
        return unknown_card(tutor, name)
    if not tutor.alone:
        return plain_card(
            "wait", "?", name, "not_revealed", Sentence("card.not_revealed_help"), language=tutor.language
        )
    if whole is not None and found is None:
        return solution_card(tutor, *whole)
    assert found is not None, "it is the one or the other"
    rubric, notebook, item = found
    if item.answer_kind.by_person:
        return memo_card(tutor, rubric, notebook, item)
    if name in rubric.withheld:
        said = Sentence("card.elsewhere_compared")
        return plain_card("wait", SIGNS[Verdict.NEEDS_PERSON], name, "not_revealed", said, language=tutor.language)
    progress = tutor.notes.read(notebook.name)
    result = tutor.results(rubric, notebook, progress).get(name)
    was_right = result is not None and result.verdict is Verdict.CORRECT
    if not was_right:
        tutor.notes.write(notebook.name, progress.with_revealed(name))
    lines = (
        written(expected(item, tutor.key(rubric).answers)),
        Sentence(f"card.revealed_{'right' if was_right else 'points'}"),
    )
    card = plain_card("wait", "◉", name, "revealed", *lines, language=tutor.language)
    notes = how_it_is_done(tutor, rubric, notebook, item)
    return replace(card, notes=notes, foot=score_line(tutor, rubric, notebook))


def written(value: object) -> str:
    """Return a right answer as a learner would write it down, numbers with six digits."""
    match value:
        case float():
            return f"{value:.6g}"
        case Mapping():
            return "{" + ", ".join(f"{name!r}: {written(entry)}" for name, entry in value.items()) + "}"
        case tuple():
            return "[" + ", ".join(map(written, value)) + "]"
        case _:
            return repr(value)


def progress_card(tutor: Tutor) -> Card:
    """Return the card with a bar for each task of the assignment."""
    rubric = tutor.rubrics[0]
    counting = tutor.says_of(rubric) == "recorded"
    bars = tuple(_counted_bar(tutor, n) if counting else _scored_bar(tutor, rubric, n) for n in rubric.notebook)
    if counting:
        answered = sum(len(tutor.notes.read(n.name).answers) for n in rubric.notebook)
        foot = Sentence("progress.total_counted", answered=answered, items=len(rubric.items))
        lines: tuple[str, ...] = ()
    else:
        total = sum(earned(tutor, rubric, notebook) for notebook in rubric.notebook)
        points = sum(item.points for item in rubric.items)
        foot = Sentence("progress.total", score=f"{total:g}", points=f"{points:g}")
        lines = (next(_open(tutor, rubric), Sentence("progress.done")),)
    title = Sentence("progress.title")
    return Card("wait", "▤", title, lines, bars=bars, foot=foot, language=tutor.language)


def _open(tutor: Tutor, rubric: Rubric) -> Iterator[str]:
    """Yield a sentence for each item that is not right yet and was not shown either, in order."""
    for notebook in rubric.notebook:
        progress = tutor.notes.read(notebook.name)
        results = tutor.results(rubric, notebook, progress)
        for item in notebook.item:
            right = item.id in results and results[item.id].verdict is Verdict.CORRECT
            open_to_all = not item.answer_kind.by_person and item.id not in rubric.withheld
            if open_to_all and not right and item.id not in progress.revealed:
                yield Sentence("progress.next", item=item.id, notebook=f"{notebook.name}.ipynb")


def _scored_bar(tutor: Tutor, rubric: Rubric, notebook: Notebook) -> Bar:
    points_here, points = earned(tutor, rubric, notebook), sum(item.points for item in notebook.item)
    said = Sentence("progress.bar", score=f"{points_here:g}", points=f"{points:g}")
    by_hand = sum(item.points for item in notebook.item if item.answer_kind.by_person)
    shown = [item.id for item in notebook.item if item.id in tutor.notes.read(notebook.name).revealed]
    later = sum(item.points for item in notebook.item if item.id in rubric.withheld)
    remarks = []
    if later:
        remarks.append(Sentence("progress.later", points=f"{later:g}"))
    if by_hand:
        remarks.append(Sentence("progress.by_hand", points=f"{by_hand:g}"))
    if shown:
        remarks.append(Sentence("progress.shown", items=listed(shown)))
    return Bar(notebook.title, points_here / (points or 1), said, tuple(remarks))


def _counted_bar(tutor: Tutor, notebook: Notebook) -> Bar:
    answered, items = len(tutor.notes.read(notebook.name).answers), len(notebook.item)
    return Bar(notebook.title, answered / items, Sentence("progress.counted", answered=answered, items=items))
