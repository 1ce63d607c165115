"""From what an assignment asks, and a table, to the answer key."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from reference.errors import MultilevelError
from reference.questions.answers import Answer, AnswerKey, Step, coincide
from reference.questions.dataset import Dataset
from reference.questions.expressions import evaluate, names_in
from reference.questions.fits import Fits
from reference.questions.question import Question, mistake_words
from reference.questions.setting import Asked, Items, QuestionError, Setting
from reference.questions.slips import guarded, require_answer


def steps_of(items: Items, library: Mapping[str, Question]) -> dict[str, Step]:
    """Return how the answer to each item follows from those to others, where it does."""
    found = {}
    for asked in items:
        question = library[asked.question]
        try:
            step = guarded(question, question.step)(items, **asked.parameters) if question.step else None
        except QuestionError as error:
            raise QuestionError(_named(asked.item, error)) from None
        if step is not None:
            found[asked.item] = replace(step, compute=guarded(question, step.compute))
    return found


def answer_key(
    setting: Setting,
    items: Items,
    library: Mapping[str, Question],
    data: Dataset,
    *,
    fits: Fits | None = None,
    doubtful: Sequence[str] = (),
) -> AnswerKey:
    """Return what is right and what is wrong on a table.

    Parameters
    ----------
    setting, items
        What the assignment says of its table, and what it asks.
    library : mapping
        The questions, by name.
    data : Dataset
        The table.
    fits : Fits, optional
        Its models, if some are fitted already.
    doubtful : sequence of str
        Items that are answered first: where one of them has no clear answer on this table the rest is left out.

    Raises
    ------
    QuestionError
        If an item has no answer as it is asked, or its question fails; the message names the item.
    DesignError, ConvergenceError
        If a model cannot be fitted to the table.
    """
    found: dict[str, Answer] = {}
    under_way: list[str] = []

    def answer(item: str) -> Answer:
        if item in found:
            return found[item]
        asked = items[item]
        if item in under_way:
            raise QuestionError(f"items follow from each other in a circle: {' -> '.join([*under_way, item])}.")
        question = library[asked.question]
        if question.answer is None:
            raise QuestionError(f"item {item!r} has no answer that could be computed.")
        under_way.append(item)
        try:
            given = guarded(question, question.answer)(fits, **asked.parameters)
            require_answer(question, given, items, partial(mistake_words, question, setting, asked))
            found[item] = _changed(asked, given, answer)
        except QuestionError as error:
            raise QuestionError(_named(item, error)) from None
        except MultilevelError as error:
            raise type(error)(_named(item, error)) from error
        finally:
            under_way.pop()
        return found[item]

    fits = fits or Fits(data, setting, items)
    fits.answer = answer
    if not any(answer(item).faults for item in doubtful):
        found = {one.item: answer(one.item) for one in items if library[one.question].answer is not None}
    return AnswerKey(found, steps_of(items, library))


def _named(item: str, error: Exception) -> str:
    said = str(error)
    return said if said.startswith("item ") else f"item {item!r}: {said}"


def _changed(asked: Asked, answer: Answer, other: Callable[[str], Answer]) -> Answer:
    """Return an answer with the mistakes that the author left out or added, and without those that are right here."""
    kept = {name: value for name, value in answer.mistakes.items() if name not in asked.without}
    for name, text in asked.also.items():
        known = {"right": answer.value, **answer.mistakes}
        known |= {one: other(one).value for one in names_in(text) if one not in known}
        try:
            kept[name] = float(evaluate(text, known))
        except (TypeError, ArithmeticError) as error:
            raise QuestionError(f"key 'also', mistake {name!r}: {text!r} comes to no number: {error}.") from None
    return replace(answer, mistakes={name: one for name, one in kept.items() if not coincide(answer.value, one)})
