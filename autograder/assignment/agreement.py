"""Where source notebooks and an assignment disagree, each in a sentence with file and cell."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from nbformat import NotebookNode

from autograder.assignment.rubric import Item, Rubric

_MARKS = ("BEGIN SOLUTION", "END SOLUTION")


def disagreements(rubric: Rubric, sources: Mapping[Path, NotebookNode], *, is_first: bool) -> Iterator[str]:
    """Yield what keeps source notebooks, in the order of the rubric's, from being released.

    ``is_first`` says that the assignment is its course's first, which `load_panel()` without a name means.
    """
    seen: dict[str, Path] = {}
    for entry, (path, notebook) in zip(rubric.notebook, sources.items(), strict=True):
        items = {item.id: item for item in entry.item}
        for number, cell in enumerate(notebook.cells, start=1):
            said = _entry(cell)
            if not said.get("grade") and not said.get("solution"):
                if _marks(cell):
                    yield f"{path}, cell {number}: it has solution marks, and its metadata say it is no solution."
                continue
            name = said.get("grade_id")
            if not isinstance(name, str) or not name:
                yield f"{path}, cell {number}: it is graded or a solution, and has no grade_id. Give it one."
                continue
            if name in seen:
                yield f"{path}, cell {name!r}: {seen[name].name} has a cell of that grade_id too. Rename one of them."
            seen[name] = path
            where = f"{path}, cell {name!r}:"
            yield from (f"{where} {problem}" for problem in _cell_problems(cell, said, items, rubric))
        for lacking in items.keys() - {_entry(cell).get("grade_id") for cell in _graded(notebook)}:
            yield f"{path}: the rubric's item {lacking!r} has no graded cell with that grade_id. Add one."
        yield from (f"{path}{problem}" for problem in _notebook_problems(notebook, items, rubric, is_first=is_first))


def _entry(cell: NotebookNode) -> dict[str, Any]:
    entry = cell.metadata.get("nbgrader", {})
    return dict(entry) if isinstance(entry, Mapping) else {}


def _graded(notebook: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if _entry(cell).get("grade")]


def _marks(cell: NotebookNode) -> list[str]:
    """Return the marks of solutions in a cell, in order."""
    return [mark for line in cell.source.splitlines() for mark in _MARKS if mark in line]


def _cell_problems(
    cell: NotebookNode, said: Mapping[str, Any], items: Mapping[str, Item], rubric: Rubric
) -> Iterator[str]:
    name = said["grade_id"]
    if said.get("solution") and (not (marks := _marks(cell)) or marks != list(_MARKS) * (len(marks) // 2)):
        yield (
            f"its solution should stand between a line ### {_MARKS[0]} and a line ### {_MARKS[1]}; it has "
            f"{' and '.join(f'{marks.count(mark)} {mark}' for mark in _MARKS)}. Is one misspelt?"
        )
    if not said.get("grade"):
        return
    points = said.get("points")
    if name not in items:
        yield "it is graded, but the rubric has no such item. Add it there."
    elif not isinstance(points, (int, float)):
        yield f"it is graded and has no points. Give it the {items[name].points:g} of the rubric."
    elif points != items[name].points:
        yield f"{points:g} points here, {items[name].points:g} in the rubric. Give both the same."
    if not said.get("solution"):
        yield from _check_problems(cell.source, name, {item.id for item in rubric.items})


def _check_problems(source: str, name: str, items: set[str]) -> Iterator[str]:
    """Say what a check cell does other than to check its own answer."""
    wanted = f"Write check({name!r}, {name}) and nothing else."
    try:
        body = ast.parse(source).body
    except SyntaxError as error:
        yield f"Python cannot read it: {error.msg}. {wanted}"
        return
    match body:
        case [ast.Expr(ast.Call(ast.Name("check"), [ast.Constant(checked), value], []))]:
            if checked != name:
                yield f"it checks {checked!r}. {wanted}"
            elif isinstance(value, ast.Name) and value.id != name and value.id in items:
                yield f"it hands over {value.id}, another item's answer. {wanted}"
        case _:
            yield f"it does not check this answer alone. {wanted}"


def _notebook_problems(
    notebook: NotebookNode, items: Mapping[str, Item], rubric: Rubric, *, is_first: bool
) -> Iterator[str]:
    code = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    loaded = re.findall(r"\bload_panel\(\s*(?:assignment\s*=\s*)?[\"']?([^\"')]*)", code)
    wanted = f'load_panel("{rubric.assignment}")'
    if not loaded and not all(item.answer_kind.by_person for item in items.values()):
        yield f": no cell loads the table. Write panel = {wanted} into its first."
    for name in loaded:
        if name != rubric.assignment and (name or not is_first):
            yield f": it calls load_panel({name!r}), the table of another assignment. Write {wanted}."
    shown = "\n".join(_without_solution(cell.source) for cell in notebook.cells).casefold()
    for item in items.values():
        for slot, gap in item.slots.items():
            if gap.right is not None and gap.right.casefold() not in shown:
                yield (
                    f", item {item.id!r}, slot {slot!r}: the task offers no {gap.right!r}. Name it among the words to "
                    "choose from, or correct the slot."
                )


def _without_solution(source: str) -> str:
    """Return what learners see of a cell."""
    return re.sub(rf"{_MARKS[0]}.*?({_MARKS[1]}|\Z)", "", source, flags=re.DOTALL)
