"""Known mistakes that ``mlm release`` left out of an assignment, as nobody could tell them from other answers.

Grading has no time to find them again: they are kept in a file beside ``assignment.toml``.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeAlias

import msgspec

from autograder.assignment.rubric import Item, Rubric
from autograder.errors import RubricError
from autograder.records.writing import write_whole

PRUNED_FILE = "pruned.toml"

#: By item and mistake, why it was left out.
Pruned: TypeAlias = Mapping[str, Mapping[str, str]]

_HEAD = """# Written anew by each `mlm release`: known mistakes that no table is likely to tell from other answers.
# Grading leaves them out as it does what `without` names. Commit this file with the notebooks, and do not edit it.
"""


def leave_out(rubric: Rubric, pruned: Pruned) -> Rubric:
    """Return a rubric without some known mistakes, as if ``without`` named them."""

    def kept(item: str, named: Mapping[str, str]) -> dict[str, str]:
        return {name: text for name, text in named.items() if name not in pruned.get(item, ())}

    def left(item: Item) -> Item:
        without = (*item.without, *pruned.get(item.id, ()))
        also, hints = kept(item.id, item.also), kept(item.id, item.hints)
        return msgspec.structs.replace(item, without=without, also=also, hints=hints)

    asked = tuple(
        replace(one, without=(*one.without, *pruned.get(one.item, ())), also=kept(one.item, one.also))
        for one in rubric.asked
    )
    notebooks = tuple(msgspec.structs.replace(one, item=tuple(map(left, one.item))) for one in rubric.notebook)
    return msgspec.structs.replace(rubric, asked=replace(rubric.asked, asked=asked), notebook=notebooks)


def read_pruned(folder: Path) -> dict[str, dict[str, str]]:
    """Return what was left out of the assignment in a folder; nothing without a file.

    Raises
    ------
    RubricError
        If the file cannot be read.
    """
    path = folder / PRUNED_FILE
    try:
        return msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), dict[str, dict[str, str]])
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, msgspec.ValidationError) as error:
        raise RubricError(f"{path}: {error}. Give mlm release again, which writes it anew.") from None


def require_known(pruned: Pruned, rubric: Rubric, path: Path) -> None:
    """Raise RubricError, naming the file, if a mistake was left out that the assignment does not have."""
    hints = {item.id: item.hints for item in rubric.items}
    for item, named in pruned.items():
        for name in named:
            if name not in hints.get(item, {}):
                raise RubricError(
                    f"{path}: there is no mistake {name!r} of an item {item!r}, so this is of another assignment.toml. "
                    "Give mlm release again, which writes it anew."
                )


def write_pruned(folder: Path, pruned: Pruned) -> Path | None:
    """Write what was left out, and return the file; where nothing was, remove it and return None."""
    path = folder / PRUNED_FILE
    if not pruned:
        path.unlink(missing_ok=True)
        return None
    quoted = partial(json.dumps, ensure_ascii=False)
    lines = []
    for item, named in pruned.items():
        lines += ["", f"[{item}]", *(f"{quoted(name)} = {quoted(why)}" for name, why in named.items())]
    return write_whole(path, _HEAD + "\n".join(lines) + "\n")
