"""What an author's own question does wrong, in sentences: an exception, or an answer that is none."""

from __future__ import annotations

import functools
import math
import traceback
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from reference.errors import MultilevelError
from reference.questions.answers import Answer
from reference.questions.question import LIBRARY, Question
from reference.questions.setting import Items, QuestionError

T = TypeVar("T")


def line_in(error: BaseException, path: str) -> int | None:
    """Return the line of a file in which an error arose; None if it did not."""
    if isinstance(error, SyntaxError) and error.filename == path:
        return error.lineno
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == path]
    return lines[-1] if lines else None


def guarded(question: Question, function: Callable[..., T]) -> Callable[..., T]:
    """Return a function of a question that raises QuestionError, with file and line, where an author's fails.

    One of the library's is returned as it is: where that fails the fault is ours.
    """
    answer = question.answer
    if answer is None or LIBRARY.get(question.name) is question:
        return function

    @functools.wraps(function)
    def run(*given: Any, **parameters: Any) -> T:
        try:
            return function(*given, **parameters)
        except MultilevelError:
            raise
        except Exception as error:
            path = answer.__code__.co_filename
            raise QuestionError(
                f"the question {question.name!r} failed in {Path(path).name}, line {line_in(error, path)}: "
                f"{type(error).__name__}: {error}. Correct it there."
            ) from error

    return run


def require_answer(
    question: Question, found: object, items: Items, known_mistakes: Callable[[str], Mapping[str, str]]
) -> None:
    """Raise QuestionError if what an author's question returned is no answer.

    ``items`` are all that is asked; ``known_mistakes`` gives the mistakes that have words in a language.
    """
    if LIBRARY.get(question.name) is question:
        return
    if not isinstance(found, Answer):
        raise QuestionError(f"the question {question.name!r} returned {_kind(found)}; return an Answer.")
    said = [*_said("value", found.value)]
    for name, wrong in found.mistakes.items():
        said += _said(f"mistakes[{name!r}]", wrong)
    for key, number in (("standard_error", found.standard_error), ("size", found.size)):
        if number is not None and (type(number) not in (int, float) or not 0.0 < number < math.inf):
            said.append(f"{key} is {number!r}; give a positive float")
    if found.scores is not None:
        said += _said("scores", found.scores)
    if found.slips:
        said.append("slips are for the library's questions; give mistakes")
    for name in found.objective.inputs if found.objective else ():
        _ = items[name]  # refuses what nobody asks
    for language in question.words or ["en"]:
        said += [
            f"the mistake {name!r} has no words; add some to [{language}.mistakes]"
            for name in found.mistakes.keys() - known_mistakes(language).keys()
        ]
    if said:
        raise QuestionError(f"the question {question.name!r}, Answer: {said[0]}.")


def _said(key: str, value: object) -> Iterator[str]:
    """Yield what is wrong with a value of an answer."""
    if isinstance(value, tuple):
        for place, name in enumerate(value):
            if type(name) not in (int, str):
                yield f"{key}[{place}] is {_kind(name)}; a ranking is a tuple of names"
    elif isinstance(value, Mapping):
        for name, number in value.items():
            yield from _said(f"{key}[{name!r}]", number)
    elif type(value) not in (int, float, str):
        yield f"{key} is {_kind(value)}; {_INSTEAD.get(type(value).__name__, 'write float(...) or str(...) around it')}"
    elif isinstance(value, float) and not math.isfinite(value):
        yield f"{key} is {value}; give a finite number, or say in faults why this table has none"


_INSTEAD = {
    "NoneType": "give a number, a text, a tuple of names, or numbers by name",
    "list": "write tuple(...) around it",
    "ndarray": "give one number, by float(...), or numbers by name, by dict(...)",
    "Series": "give numbers by name, by .to_dict()",
    "bool": "give a number or a text",
}


def _kind(value: object) -> str:
    kind = type(value)
    return (
        "None" if value is None else f"a {kind.__module__.split('.')[0]} {kind.__name__}".replace("a builtins ", "a ")
    )
