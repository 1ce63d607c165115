"""What a question is, and how one is added: a decorated function of a table's fits.

A whole one, as it could stand in a family::

    from reference.questions import Answer, Fits, ModelName, question

    @question(kind="statistic", tolerance=0.001, words='''
    [en]
    title = "Range of the {groups}"
    advice = "Take the largest conditional mode less the smallest."
    [en.mistakes]
    upside_down = "The sign is turned round."
    ''')
    def mode_range(fits: Fits, *, model: ModelName) -> Answer:
        modes = fits.mixed(model).term.modes[:, 0]
        found = float(modes.max() - modes.min())
        return Answer(found, mistakes={"upside_down": -found})

The keyword parameters are the keys that an item may have, checked by their types; those without a default must be
given. Every mistake that the function can return needs words. An author writes the same in ``extra.py``: what is
decorated while :func:`collecting` goes on is a question of that assignment alone.
"""

from __future__ import annotations

import inspect
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, TypeAlias, get_args, get_type_hints

import msgspec

from reference.data.formula import effects, parse_formula
from reference.questions.answers import Answer, Step
from reference.questions.setting import Asked, QuestionError, Setting

#: Parameters that name something of the assignment; the name is looked up when the assignment is read.
ModelName: TypeAlias = Annotated[str, "model"]
ItemName: TypeAlias = Annotated[str, "item"]

#: From everything that is asked and an item's parameters to its step; None where its inputs are not asked.
StepOf: TypeAlias = Callable[..., Step | None]
#: From the same to what a learner may choose from.
OptionsOf: TypeAlias = Callable[..., tuple[str, ...]]


class Words(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The words of a question in one language, with gaps such as ``{groups}``: see :func:`gaps`.

    ``task`` says what to assign, for the text of a notebook; ``question`` and ``advice`` are the first and second hint.
    """

    title: str = ""
    task: str = ""
    question: str = ""
    advice: str = ""
    mistakes: dict[str, str] = {}


@dataclass(frozen=True)
class Question:
    """A question of the library.

    Parameters
    ----------
    name : str
        As items ask it.
    answer : callable or None
        From the fits of a table and the item's parameters to the answer; None where only the author knows it.
    kind : str
        How answers are compared.
    raw_words : str
        TOML, a table for each language.
    tolerance, decimals, no_fit, carried
        What an item has if it says nothing else.
    step : callable or None
        How the answer follows from those to other items.
    options : callable or None
        From everything that is asked and an item's parameters to the texts to choose from, for a choice.
    """

    name: str
    answer: Callable[..., Answer] | None
    kind: str
    raw_words: str
    tolerance: float | None = None
    decimals: int | None = None
    no_fit: bool | tuple[str, ...] = False
    carried: float = 0.0
    step: StepOf | None = None
    options: OptionsOf | None = None

    @cached_property
    def words(self) -> Mapping[str, Words]:
        """Its words by language."""
        return {name: msgspec.convert(one, Words) for name, one in tomllib.loads(self.raw_words).items()}

    def words_in(self, language: str) -> Words:
        """Return its words in a language; in English where it has none in that one."""
        return self.words.get(language) or self.words.get("en") or Words()

    @cached_property
    def parameters(self) -> Mapping[str, inspect.Parameter]:
        """The keys that an item may have, by name."""
        if self.answer is None:
            return {}
        found = inspect.signature(self.answer).parameters
        return {name: one for name, one in found.items() if one.kind is inspect.Parameter.KEYWORD_ONLY}

    def read(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return an item's parameters, defaults filled in.

        Raises
        ------
        QuestionError
            If one is missing, unknown, or of the wrong type.
        """
        hints = {} if self.answer is None else get_type_hints(self.answer)
        takes = ", ".join(self.parameters) or "none"
        for name in given.keys() - self.parameters.keys():
            raise QuestionError(f"the question {self.name!r} has no key {name!r}; it takes {takes}.")
        read = {}
        for name, one in self.parameters.items():
            if name not in given and one.default is inspect.Parameter.empty:
                raise QuestionError(f"the question {self.name!r} needs the key {name!r}; it takes {takes}.")
            try:
                read[name] = msgspec.convert(given[name], hints[name]) if name in given else one.default
            except msgspec.ValidationError as error:
                raise QuestionError(f"key {name!r}: {str(error)[:1].lower()}{str(error)[1:]}.") from None
        return read

    def names(self, marker: str) -> tuple[str, ...]:
        """Return the parameters that name a model (``"model"``) or another item (``"item"``)."""
        hints = {} if self.answer is None else get_type_hints(self.answer, include_extras=True)
        return tuple(name for name in self.parameters if marker in _markers(hints[name]))


def _markers(hint: Any) -> Iterator[Any]:
    """Yield what a type is annotated with, those inside it included."""
    yield from getattr(hint, "__metadata__", ())
    for inner in get_args(hint):
        yield from _markers(inner)


#: All questions by name.
LIBRARY: dict[str, Question] = {}

#: Where the decorator puts a question.
_INTO: ContextVar[dict[str, Question]] = ContextVar("into", default=LIBRARY)


@contextmanager
def collecting() -> Iterator[dict[str, Question]]:
    """Collect the questions that are decorated meanwhile, by name; `LIBRARY` stays as it is."""
    found: dict[str, Question] = {}
    token = _INTO.set(found)
    try:
        yield found
    finally:
        _INTO.reset(token)


def question(
    *,
    kind: str,
    words: str,
    tolerance: float | None = None,
    decimals: int | None = None,
    no_fit: bool | tuple[str, ...] = False,
    carried: float = 0.0,
    step: StepOf | None = None,
    options: OptionsOf | None = None,
) -> Callable[[Callable[..., Answer]], Callable[..., Answer]]:
    """Return a decorator that adds a function of fits to the questions, under the function's name.

    Raises
    ------
    QuestionError
        By the decorator, if there is a question of that name, or while :func:`collecting`, if words or parameters will
        not do.
    """

    def add(answer: Callable[..., Answer]) -> Callable[..., Answer]:
        name, into = answer.__name__, _INTO.get()
        if name in LIBRARY or name in into:
            raise QuestionError(f"there is a question {name!r} already; give the function another name.")
        one = Question(name, answer, kind, words, tolerance, decimals, no_fit, carried, step, options)
        if into is not LIBRARY:
            _require_whole(one, answer)
        into[name] = one
        return answer

    return add


def _require_whole(one: Question, answer: Callable[..., Answer]) -> None:
    """Raise QuestionError if an author's question could not be read or answered, whatever item asks it."""
    try:
        _ = one.words
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise QuestionError(f"question {one.name!r}, words: {error}. Write them as a table [en], in TOML.") from None
    names = list(inspect.signature(answer).parameters)
    if len(names) != 1 + len(one.parameters):
        raise QuestionError(
            f"question {one.name!r} takes {', '.join(names)}; it should take the fits, *, and its keys."
        )
    for name, parameter in one.parameters.items():
        if parameter.annotation is inspect.Parameter.empty:
            raise QuestionError(f"question {one.name!r}, key {name!r}: give its type, such as ModelName.")
    one.names("model")  # looks every type up, of which some may not be there


def fill(text: str, gaps: Mapping[str, str]) -> str:
    """Return words with their gaps filled; a gap that nothing is known of stays empty."""
    return text.format_map(_Gaps(gaps))


class _Gaps(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return ""


def gaps(setting: Setting, asked: Asked) -> dict[str, str]:
    """Return what the gaps in an item's words stand for.

    ``{response}``, and ``{predictors}`` of its model; ``{group}`` and ``{groups}`` of its level, or of the model's
    first; ``{rows}``; and every parameter of the item by name, a column's as what people call it, a mapping's with a comma behind each.
    """
    found = {"row": setting.noun("residual"), "rows": setting.plural("residual")}
    for name, value in asked.parameters.items():
        if isinstance(value, str):
            found[name] = setting.noun(value)
        elif isinstance(value, Mapping):
            places = {key: f"{one:.15g}" if isinstance(one, float) else one for key, one in value.items()}
            found[name] = "".join(f"{setting.noun(key)} {one}, " for key, one in places.items())
        elif isinstance(value, tuple):
            found[name] = ", ".join(setting.noun(str(one)) for one in value)
        elif value is not None:
            found[name] = f"{value:g}" if isinstance(value, float) else str(value)
    if "group" in asked.parameters:
        found["groups"] = setting.plural(str(asked.parameters["group"]))
    name = next((str(asked.parameters[p]) for p in ("model", "larger") if p in asked.parameters), "")
    if name in setting.models:
        model = parse_formula(setting.models[name])
        level = str(asked.parameters.get("level") or model.terms[0].group[-1])
        predictors = list(dict.fromkeys(map(setting.noun, _columns_in(model.fixed))))
        found |= {
            "response": setting.noun(model.response),
            "group": setting.noun(level),
            "groups": setting.plural(level),
            "predictors": ", ".join(predictors),
        }
    return found


def _columns_in(fixed: str) -> list[str]:
    factors = (expression for term in effects(fixed) for expression, how in term if how != "LITERAL")
    return list(dict.fromkeys(factors))


def mistake_words(
    question: Question, setting: Setting, asked: Asked, language: str, spoken: Setting | None = None
) -> dict[str, str]:
    """Return the words for each mistake of an item by its name, in a language or else in English.

    A name with ``{each}`` or ``{one}`` in it, a level's plural or singular, stands for a mistake for each level, and one
    with ``{other}`` for a mistake for each predictor of the model. Names are made from the nouns of ``setting``, words
    from those of ``spoken``, which may be in another language.
    """
    spoken = spoken or setting
    named, said = gaps(setting, asked), gaps(spoken, asked)
    levels = ["residual", *(name for name, column in setting.columns.items() if column.group)]
    name = str(asked.parameters.get("model"))
    others = _columns_in(parse_formula(setting.models[name]).fixed) if name in setting.models else []
    found = {}
    for name, text in question.words_in(language).mistakes.items():
        many = levels if "{each}" in name or "{one}" in name else others if "{other}" in name else levels[:1]
        for one in many:
            each = {"each": setting.slug(one), "one": setting.noun(one), "other": setting.noun(one)}
            spoken_each = {"each": spoken.plural(one), "one": spoken.noun(one), "other": spoken.noun(one)}
            found[fill(name, named | each)] = fill(text, said | spoken_each)
    return found
