"""An assignment's own words in another language: ``words.<language>.toml`` beside its ``rubric.toml``.

It holds words and nothing else, so that a translation can change neither points nor what is right::

    title = "…"

    [notebooks]
    task1-icc = "…"

    [mistakes]
    standard_deviation = "…"

    [items.icc]
    title = "…"
    question = "…"
    advice = "…"

    [items.icc.hints]
    null_model = "…"

What it leaves out stays as the rubric has it.
"""

from __future__ import annotations

import tomllib
import warnings
from collections.abc import Iterator
from pathlib import Path

import msgspec

from autograder.assignment.rubric import Item, Rubric
from autograder.errors import RubricError
from autograder.language.catalogue import DEFAULT, MissingWords, require_language


class ItemWords(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The words of one item; an empty text stands for those of the rubric."""

    title: str = ""
    question: str = ""
    advice: str = ""
    hints: dict[str, str] = {}


class AssignmentWords(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The words of a whole assignment, by the names the rubric has."""

    title: str = ""
    notebooks: dict[str, str] = {}
    mistakes: dict[str, str] = {}
    items: dict[str, ItemWords] = {}


def in_language(rubric: Rubric, folder: Path, language: str | None) -> Rubric:
    """Return a rubric with its words in a language.

    Parameters
    ----------
    rubric : Rubric
        As it was read.
    folder : Path
        Where ``words.<language>.toml`` lies. Without such a file the rubric stays as it is, language included: feedback
        that is half in one language and half in another helps nobody.
    language : str or None
        None for the language that the rubric names.

    Raises
    ------
    UsageError
        If there are no words of ours in that language.
    RubricError
        If the file cannot be read, or translates something that the rubric does not have.
    """
    language = require_language(language or rubric.language)
    path = folder / f"words.{language}.toml"
    if language == DEFAULT or not path.is_file():
        return msgspec.structs.replace(rubric, language=DEFAULT)
    words = _read(path)
    for problem in _unknown(rubric, words):
        raise RubricError(f"{path}: {problem}, which the rubric does not have. Correct the name or remove the entry.")
    for name in missing(rubric, words):
        warnings.warn(f"{path}: there are no words for {name}.", MissingWords, stacklevel=2)
    return _translate(msgspec.structs.replace(rubric, language=language), words)


def _read(path: Path) -> AssignmentWords:
    try:
        return msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), AssignmentWords)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise RubricError(f"{path}: {error}. Compare it with the rubric beside it.") from None


def _unknown(rubric: Rubric, words: AssignmentWords) -> Iterator[str]:
    items = {item.id: item for item in rubric.items}
    yield from (f"there is a notebook {name!r}" for name in words.notebooks.keys() - {n.name for n in rubric.notebook})
    yield from (f"there is a mistake {name!r}" for name in words.mistakes.keys() - rubric.mistakes.keys())
    yield from (f"there is an item {name!r}" for name in words.items.keys() - items.keys())
    for name in words.items.keys() & items.keys():
        yield from (f"item {name!r} has a hint {key!r}" for key in words.items[name].hints.keys() - items[name].hints)


def missing(rubric: Rubric, words: AssignmentWords) -> Iterator[str]:
    """Yield the names of what a rubric has words for and a translation has none."""
    if not words.title:
        yield "the title"
    yield from (f"notebook {n.name!r}" for n in rubric.notebook if n.name not in words.notebooks)
    yield from (f"mistake {name!r}" for name in rubric.mistakes if name not in words.mistakes)
    for item in rubric.items:
        own = words.items.get(item.id, ItemWords())
        for name in ("title", "question", "advice"):
            if getattr(item, name) and not getattr(own, name):
                yield f"item {item.id!r}, {name!r}"
        yield from (f"item {item.id!r}, hint {name!r}" for name in item.hints if name not in own.hints)


def _translate(rubric: Rubric, words: AssignmentWords) -> Rubric:
    notebooks = tuple(
        msgspec.structs.replace(
            notebook,
            title=words.notebooks.get(notebook.name, notebook.title),
            item=tuple(_translate_item(item, words.items.get(item.id, ItemWords())) for item in notebook.item),
        )
        for notebook in rubric.notebook
    )
    return msgspec.structs.replace(
        rubric, title=words.title or rubric.title, notebook=notebooks, mistakes={**rubric.mistakes, **words.mistakes}
    )


def _translate_item(item: Item, words: ItemWords) -> Item:
    return msgspec.structs.replace(
        item,
        title=words.title or item.title,
        question=words.question or item.question,
        advice=words.advice or item.advice,
        hints={**item.hints, **words.hints},
    )
