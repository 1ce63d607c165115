"""What a release tells its author of a solution that is not right, or of notebooks that give points away."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from autograder.assignment.key import Keyed, expected
from autograder.assignment.rubric import Item, Rubric
from autograder.records.grading import Ending, Grade, ItemResult, NotebookGrade, Verdict
from autograder.records.values import describe, python_value
from autograder.scoring.left_out import shorten

#: How many items are told of at most.
MOST = 8


def wrong_in_solution(rubric: Rubric, source: Path, grade: Grade, keyed: Keyed) -> str | None:
    """Return what of a solution is not right on one table, all items of it; None if all is right.

    ``source`` is the folder of the notebooks.
    """
    said = [
        f"{source / notebook.run.name}.ipynb, cell {item.id!r}: {_wrong(item, notebook, result, keyed)}"
        for notebook, item, result in _results(rubric, grade)
        if result.verdict not in (Verdict.CORRECT, Verdict.NEEDS_PERSON)
    ]
    return f"{_listed(said)}\nCorrect the solution there, or the item in assignment.toml." if said else None


def given_away(rubric: Rubric, source: Path, grade: Grade) -> str | None:
    """Return what notebooks earn as they are handed out; None if that is nothing."""
    said = [
        f"{source / notebook.run.name}.ipynb, cell {item.id!r}: as it is handed out it answers "
        f"{_given(item, notebook)} and earns {result.score:g} points."
        for notebook, item, result in _results(rubric, grade)
        if result.score
    ]
    return f"{_listed(said)}\nPut what gives it away between ### BEGIN SOLUTION and ### END SOLUTION." if said else None


def _results(rubric: Rubric, grade: Grade) -> Iterator[tuple[NotebookGrade, Item, ItemResult]]:
    items = {item.id: item for item in rubric.items}
    for notebook in grade.notebooks:
        for result in notebook.items:
            yield notebook, items[result.item], result


def _listed(said: list[str]) -> str:
    more = len(said) - MOST
    return "\n".join([*said[:MOST], *([f"And {more} more."] if more > 0 else [])])


def _wrong(item: Item, notebook: NotebookGrade, result: ItemResult, keyed: Keyed) -> str:
    """Return what an answer is, what it should be, and what it looks like."""
    right = _shown(expected(item, keyed.answers))
    parts = [f"the solution gave {_given(item, notebook)}, and {_question(item)} is {right} on {keyed.panel.source}"]
    if result.mistake:
        parts.append(f"it looks like {result.mistake!r}")
    elif result.verdict is not Verdict.WRONG:
        parts.append(f"it is {result.verdict}: {result.reason}".rstrip("."))
    return "; ".join([*parts, *_failures(notebook)]) + "."


def _failures(notebook: NotebookGrade) -> Iterator[str]:
    """Yield how a notebook ended, if not by itself, and the first statement that failed."""
    if notebook.run.ending is not Ending.FINISHED:
        yield f"the run ended as: {notebook.run.ending}"
    for cell in notebook.run.cells:
        for error in cell.errors[:1]:
            name = notebook.notebook.cells[cell.index].grade_id or f"number {cell.index + 1}"
            yield f"cell {name!r} failed in line {error.line}, `{error.statement}`: {error.name}: {error.message}"
            return


def _question(item: Item) -> str:
    """Return a question with its parameters, as an author wrote them."""
    given = {name: value for name, value in item.parameters.items() if value is not None and value != ()}
    return f"{item.ask}({', '.join(f'{name} = {value}' for name, value in given.items())})"


def _given(item: Item, notebook: NotebookGrade) -> str:
    value = notebook.run.answers.get(item.id)
    if value is None:
        return "no answer"
    plain = python_value(value)
    return describe(value) if plain is None else _shown(plain)


def _shown(value: object) -> str:
    """Return a value in few characters: numbers with six digits, of many the first."""
    return f"{value:.6g}" if isinstance(value, (int, float)) else shorten(repr(_rounded(value)), 100)


def _rounded(value: object) -> object:
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, Mapping):
        return {name: _rounded(one) for name, one in value.items()}
    return tuple(map(_rounded, value)) if isinstance(value, tuple) else value
