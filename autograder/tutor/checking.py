"""The card for an answer: right, or what to think about, one step further with each try; never the right value."""

from __future__ import annotations

import difflib
from dataclasses import replace

from autograder.assignment.rubric import Item, Notebook, Rubric
from autograder.errors import AutograderError, CourseError
from autograder.kinds.registry import taken
from autograder.language.catalogue import Sentence, listed, together
from autograder.records.grading import ItemResult, Verdict
from autograder.records.values import Value, describe
from autograder.records.verdict_signs import SIGNS, name_of, tone_of
from autograder.sandbox.wire import plain_value
from autograder.tutor.cards import Card, Note, plain_card
from autograder.tutor.progress import Answered, Progress
from autograder.tutor.site import page_address
from autograder.tutor.tutor import Tutor, score_line

#: Verdicts on a run that gave no answer: what is said of them tells nothing of what is right.
NOTHING_TO_COMPARE = frozenset(
    {Verdict.UNGRADED, Verdict.TIMED_OUT, Verdict.OUT_OF_MEMORY, Verdict.OUTPUT_LIMIT, Verdict.CRASHED, Verdict.MISSING}
)

_NOTED, _ASKED, _FAULT = "✎", "?", "!"


def card_for(tutor: Tutor, name: str, value: object) -> Card:
    """Return what is to be said of an answer, and keep it; nothing that goes wrong here is the learner's to see."""
    found = tutor.find(name)
    if found is None:
        return unknown_card(tutor, name)
    rubric, notebook, item = found
    try:
        answer = taken(item.kind, plain_value(value))
    except Exception as problem:  # the conversion runs methods of the learner's object
        why = Sentence("card.unreadable_help", why=f"{type(problem).__name__}: {problem}")
        return plain_card("bad", _ASKED, name, "unreadable", why, language=tutor.language)
    progress = tutor.notes.read(notebook.name)
    before = progress.answers.get(name)
    progress = progress.with_answer(name, Answered(answer))
    by_person, counted = item.answer_kind.by_person, tutor.says_of(rubric) == "recorded"
    if by_person or counted or name in rubric.withheld:
        tutor.notes.write(notebook.name, progress)
        said = Sentence("scoring.for_a_person") if by_person else Sentence("card.noted_as", found=describe(answer))
        alone = [Sentence("card.you_read_it", name=item.id)] if by_person and tutor.alone else []
        card = plain_card("wait", _NOTED, name, "noted", said, *alone, language=tutor.language)
        return replace(card, foot=_counted(notebook, progress) if counted else score_line(tutor, rubric, notebook))
    result = tutor.results(rubric, notebook, progress)[name]
    tries = _tries(before, answer, result)
    hinted = tries > 0 or (before is not None and before.hinted)
    tutor.notes.write(notebook.name, progress.with_answer(name, Answered(answer, tries, hinted)))
    card = _card_of(tutor, rubric, item, result, tries)
    repeated = before is not None and before.value == answer and result.verdict is not Verdict.CORRECT
    lines = (*card.lines, Sentence("card.same")) if repeated and tries else card.lines
    # Words can be guessed: when this is graded they count with what they rest on, wherever that was asked.
    if item.answer_kind.worded and (open_ones := _unanswered(tutor, rubric, item)):
        lines = (*lines, Sentence("card.rests_on", items=listed(open_ones)))
    return replace(card, lines=lines, foot=score_line(tutor, rubric, notebook))


def _unanswered(tutor: Tutor, rubric: Rubric, item: Item) -> list[str]:
    """Return what an item rests on that has no answer in any notebook yet."""
    answered = {name for notebook in rubric.notebook for name in tutor.notes.read(notebook.name).answers}
    return [name for name in item.rests_on if name not in answered]


def _tries(before: Answered | None, answer: Value, result: ItemResult) -> int:
    """Return how many different answers in a row were not right.

    Running a cell again is not another try, and neither is what there are no hints for, such as a wrong type.
    """
    if result.verdict is Verdict.CORRECT:
        return 0
    tried = before.tries if before else 0
    again = before is not None and before.value == answer and tried > 0
    return tried if again or result.hint is None else tried + 1


def row(tutor: Tutor, rubric: Rubric, result: ItemResult) -> tuple[str, str, str]:
    """Return what a table says of a result, as much as a card would: a sign, a word, and sentences."""
    says = "recorded" if result.item in rubric.withheld else tutor.says_of(rubric)
    if result.verdict in NOTHING_TO_COMPARE or says == "everything":
        said = together([text for text in (result.reason, result.hint) if text])
        return SIGNS[result.verdict], name_of(result.verdict), said
    if says == "recorded":
        return _NOTED, Sentence("card.noted"), Sentence("card.elsewhere_compared")
    card = plain_result(rubric, result)
    return card.sign, name_of(Verdict.CORRECT) if card.tone == "good" else Sentence("card.not_yet"), card.lines[0]


def _card_of(tutor: Tutor, rubric: Rubric, item: Item, result: ItemResult, tries: int) -> Card:
    if tutor.says_of(rubric) == "right or wrong":
        return plain_result(rubric, result)
    heading = Sentence("card.heading", title=item.title, name=item.id, verdict=name_of(result.verdict))
    lines, notes = explanation(item, result, tries)
    if tries > len(notes) > 0:
        notes = (*notes, _way_on(tutor, rubric, item))
    return Card(tone_of(result), SIGNS[result.verdict], heading, lines, notes, language=rubric.language)


def plain_result(rubric: Rubric, result: ItemResult) -> Card:
    """Return a card that says whether an answer is right, and no more; what is not of the kind asked is said too."""
    if result.verdict is Verdict.CORRECT:
        right = Sentence("card.is_right")
        return plain_card("good", SIGNS[Verdict.CORRECT], result.item, "right", right, language=rubric.language)
    said = result.reason if result.verdict is Verdict.MALFORMED else Sentence("card.not_right")
    return plain_card("bad", SIGNS[Verdict.WRONG], result.item, "not_yet", said, language=rubric.language)


def explanation(item: Item, result: ItemResult, tries: int) -> tuple[tuple[str, ...], tuple[Note, ...]]:
    """Return what is said of a result at once, and the hints that so many tries have earned.

    The reason and the words for a known mistake come at once; then a question, a direction, and the section to read.
    """
    if result.hint is None:
        return (result.reason,), ()
    named = item.hints.get(result.mistake) if result.mistake else None
    lines = (result.reason, named) if named else (result.reason,)
    hints = [
        Note(Sentence(f"card.{label}"), text)
        for label, text in (("question", item.question), ("direction", item.advice))
        if text
    ]
    if item.read:
        hints.append(
            Note(Sentence("card.section"), Sentence("card.section_of", section=item.read), page_address(item.read))
        )
    return lines, tuple(hints[:tries])


def _way_on(tutor: Tutor, rubric: Rubric, item: Item) -> Note:
    """Return what is left when all hints were given: the answers that this one is made from, or to have it shown."""
    step = tutor.key(rubric).answers.steps.get(item.id)
    right = {
        name
        for notebook in rubric.notebook
        for name, result in tutor.results(rubric, notebook, tutor.notes.read(notebook.name)).items()
        if result.verdict is Verdict.CORRECT
    }
    if open_ones := [name for name in step.inputs if name not in right] if step else []:
        return Note(Sentence("card.smaller_step"), Sentence("card.made_from", items=listed(open_ones)))
    return Note(
        Sentence("card.way_on"), Sentence(f"card.{'reveal_it' if tutor.alone else 'ask_for_help'}", name=item.id)
    )


def _counted(notebook: Notebook, progress: Progress) -> str:
    answered = sum(item.id in progress.answers for item in notebook.item)
    return Sentence("card.answered", title=notebook.title, answered=answered, items=len(notebook.item))


def unknown_card(tutor: Tutor, name: str) -> Card:
    """Return the card for a name that no item has, with the nearest one that some item has."""
    known = [item.id for rubric in tutor.rubrics for item in rubric.items]
    said = Sentence("card.unknown_help", name=name)
    if nearest := difflib.get_close_matches(name, known, n=1):
        said = Sentence("card.unknown_nearest", name=name, nearest=nearest[0])
    return plain_card("bad", _ASKED, name, "unknown", said, language=tutor.language)


def missing_card(tutor: Tutor, name: str) -> Card:
    """Return the card for an answer that has no value in this session."""
    said = Sentence("card.no_value_help", name=name)
    return plain_card("wait", SIGNS[Verdict.MISSING], name, "no_value", said, language=tutor.language)


def empty_cell_card(tutor: Tutor) -> Card:
    """Return the card for a cell that is still as it was handed out."""
    said = (Sentence("card.empty_cell_help"), Sentence("card.empty_cell_stuck"))
    heading = Sentence("card.empty_cell")
    return Card("wait", SIGNS[Verdict.MISSING], heading, said, language=tutor.language)


def nameless_card(tutor: Tutor) -> Card:
    """Return the card for a call of check whose first argument is not the name of an answer."""
    example = tutor.rubrics[0].items[0].id
    said = Sentence("card.not_a_name_help", name=example)
    return plain_card("bad", _ASKED, "check", "not_a_name", said, language=tutor.language)


def trouble_card(name: str, problem: Exception, language: str) -> Card:
    """Return the card for something of ours that went wrong: a course that is not here, or a fault."""
    if isinstance(problem, CourseError):
        lines = Sentence("card.elsewhere_help"), str(problem)
        return plain_card("wait", _NOTED, name, "elsewhere", *lines, language=language)
    why = str(problem) if isinstance(problem, AutograderError) else f"{type(problem).__name__}: {problem}"
    return plain_card("wait", _FAULT, name, "fault", Sentence("card.fault_help", why=why), language=language)
