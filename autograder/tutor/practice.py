"""Practice on fresh panels: `another`, and what is mastered, right on two panels and on the second without a hint."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

from autograder.language.catalogue import Sentence
from autograder.records.grading import Verdict
from autograder.tutor.cards import Card, plain_card
from autograder.tutor.checking import card_for, unknown_card
from autograder.tutor.progress import Notes
from autograder.tutor.tutor import Tutor


def another_card(tutor: Tutor, name: str) -> tuple[Card, Tutor | None]:
    """Return the card for a fresh panel to practise an answer on, and the tutor for it; None where there is none."""
    found = tutor.find(name)
    if found is None:
        return unknown_card(tutor, name), None
    rubric, _, item = found
    if not tutor.alone or item.answer_kind.by_person or rubric is not tutor.rubrics[0]:
        why = "by_person" if tutor.alone else "not_alone"
        card = plain_card("wait", "?", name, "no_panel", Sentence(f"practice.{why}"), language=tutor.language)
        return card, None
    number = next(number for number in count(1) if Notes(tutor.folder, number).is_new)
    fresh = tutor.on_fresh_panel(number)
    rows = Sentence("practice.rows", rows=len(fresh.key(rubric).panel.frame), number=number)
    lines = (rows, Sentence("practice.use", name=name), Sentence("practice.back"))
    return plain_card("wait", "◇", name, "fresh_panel", *lines, language=tutor.language), fresh


def practised_card(tutor: Tutor, fresh: Tutor, name: str, value: object) -> Card:
    """Return what is to be said of an answer on a fresh panel, and note what is mastered by it."""
    card, found = card_for(fresh, name, value), fresh.find(name)
    if found is None or card.tone != "good":
        return card
    rubric, notebook, _ = found
    answered, progress = fresh.notes.read(notebook.name), tutor.notes.read(notebook.name)
    if answered.answers[name].hinted or name in answered.revealed:
        return replace(card, lines=(*card.lines, Sentence("practice.hinted", name=name)))
    result = tutor.results(rubric, notebook, progress).get(name)
    if result is None or result.verdict is not Verdict.CORRECT or name in progress.revealed:
        return replace(card, lines=(*card.lines, Sentence("practice.task_open", name=name)))
    tutor.notes.write(notebook.name, progress.with_mastered(name))
    return replace(card, lines=(*card.lines, Sentence("practice.mastered")))
