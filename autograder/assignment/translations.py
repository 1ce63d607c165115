"""An assignment's own words in another language: ``words.<language>.toml`` beside its ``assignment.toml``.

It holds words and nothing else, so that a translation can change neither points nor what is right::

    title = "…"

    [columns.store_id]
    call = "Filiale"
    calls = "Filialen"

    [notebooks]
    task1-icc = "…"

    [goals]
    task1-icc = ["…"]

    [mistakes]
    standard_deviation = "…"

    [items.icc]
    title = "…"
    question = "…"
    advice = "…"

    [items.icc.hints]
    null_model = "…"

    [cells.task1-icc]
    title-icc = "…"  # a text cell of the notebook, by its id

What it leaves out is said in the words of the question, if the library has them in that language, and else stays as the
author has it.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from autograder.assignment.rubric import Rubric
from autograder.errors import RubricError
from autograder.language.catalogue import DEFAULT, LANGUAGES
from reference.questions import Column, Setting


class ItemWords(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The words of one item, and the parts of a memo's scheme; an empty text stands for one that is not translated."""

    title: str = ""
    question: str = ""
    advice: str = ""
    hints: dict[str, str] = {}
    scheme: tuple[str, ...] = ()


class Nouns(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What people call one thing of a column, and several."""

    call: str = ""
    calls: str = ""


class AssignmentWords(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The words of a whole assignment, by the names that its author gave; ``rows`` and ``columns`` are nouns."""

    title: str = ""
    rows: Nouns = Nouns()
    columns: dict[str, Nouns] = {}
    notebooks: dict[str, str] = {}
    goals: dict[str, tuple[str, ...]] = {}
    mistakes: dict[str, str] = {}
    items: dict[str, ItemWords] = {}
    cells: dict[str, dict[str, str]] = {}

    def item(self, name: str) -> ItemWords:
        """Return the words of an item; empty ones where it has none."""
        return self.items.get(name, ItemWords())

    def spoken(self, setting: Setting) -> Setting:
        """Return a setting with these nouns in the place of its own."""
        columns = {name: _called(column, self.columns.get(name, Nouns())) for name, column in setting.columns.items()}
        return msgspec.structs.replace(setting, columns=columns, rows=_called(setting.rows, self.rows))


def _called(column: Column, nouns: Nouns) -> Column:
    return msgspec.structs.replace(column, call=nouns.call or column.call, calls=nouns.calls or column.calls)


def words_file(folder: Path, language: str) -> Path:
    """Return where the words of a language lie, whether they are there or not."""
    return folder / f"words.{language}.toml"


def read_words(folder: Path) -> dict[str, dict[str, Any]]:
    """Return what the files of an assignment's words say, by language; the author's own have none.

    Raises
    ------
    RubricError
        If a file cannot be read.
    """
    found = {}
    for language in LANGUAGES:
        path = words_file(folder, language)
        if language == DEFAULT or not path.is_file():
            continue
        try:
            found[language] = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise RubricError(f"{path}: {error}. Compare it with the assignment beside it.") from None
    return found


def as_words(document: dict[str, Any], path: Path) -> AssignmentWords:
    """Return the words that a file holds, or raise RubricError, naming it, if it holds anything else."""
    try:
        return msgspec.convert(document, AssignmentWords)
    except msgspec.ValidationError as error:
        raise RubricError(f"{path}: {error}. Compare it with the assignment beside it.") from None


def in_these_words(notebook: str, texts: Mapping[str, str]) -> str:
    """Return a notebook, as JSON, with these texts in the place of its own, by the ids of its text cells."""
    document = json.loads(notebook)
    for cell in document["cells"]:
        if cell["cell_type"] == "markdown" and cell.get("id") in texts:
            cell["source"] = texts[cell["id"]].strip().splitlines(keepends=True)
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"


def cells_of(folder: Path, words: Mapping[str, dict[str, Any]]) -> dict[str, dict[str, dict[str, str]]]:
    """Return the texts of cells by language, notebook and cell; RubricError, naming the file, if it holds others."""
    return {language: as_words(document, words_file(folder, language)).cells for language, document in words.items()}


def unknown_cells(
    folder: Path, words: Mapping[str, dict[str, Any]], notebooks: Mapping[str, Iterable[Mapping[str, Any]]]
) -> Iterator[str]:
    """Yield the text cells that translations speak of and the notebooks do not have, or have for an answer."""
    for language, cells in cells_of(folder, words).items():
        for name, texts in cells.items():
            known = {
                cell["id"]
                for cell in notebooks.get(name, ())
                if cell["cell_type"] == "markdown" and not cell["metadata"].get("nbgrader", {}).get("solution")
            }
            for key in texts.keys() - known:
                yield f"{words_file(folder, language)}, [cells.{name}]: it has no cell of text {key!r}. Correct the id."


def unknown(rubric: Rubric, words: AssignmentWords) -> Iterator[str]:
    """Yield what a translation speaks of and the assignment does not have."""
    items = {item.id: item for item in rubric.items}
    mistakes = {name for item in rubric.items for name in item.hints}
    yield from (f"there is a column {name!r}" for name in words.columns.keys() - rubric.setting.columns.keys())
    named = words.notebooks.keys() | words.goals.keys() | words.cells.keys()
    yield from (f"there is a notebook {name!r}" for name in named - {entry.name for entry in rubric.notebook})
    yield from (f"there is a mistake {name!r}" for name in words.mistakes.keys() - mistakes)
    yield from (f"there is an item {name!r}" for name in words.items.keys() - items.keys())
    for name in words.items.keys() & items.keys():
        yield from (f"item {name!r} has a hint {key!r}" for key in words.items[name].hints.keys() - items[name].hints)
