"""Honest submissions with one everyday change each: what is handed in, and what a grader should make of it.

A case is a folder with an ``expect.toml``; its notebooks are made from the model solutions, so that they never go out
of date. Any grader can be tried on them: the whole corpus is written as a class, one folder to a learner, by

    .venv/bin/python tests/everyday/everyday_corpus.py DIR
"""

from __future__ import annotations

import json
import sys
import zipfile
from copy import deepcopy
from pathlib import Path
from typing import Any, Literal

import msgspec

from autograder.assignment.course import Course

CORPUS = Path(__file__).resolve().parent
ASSIGNMENT = "practice"


class Put(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a learner did to a cell: lines before or after what the solution has there, something else, or nothing."""

    cell: str
    before: str = ""
    after: str = ""
    instead: str | None = None
    cell_type: str | None = None
    delete: bool = False
    twice: Literal["", "with its name", "without it"] = ""


class Own(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A cell of the learner's own, after another one."""

    after: str
    source: str
    cell_type: Literal["code", "markdown", "raw"] = "code"


class HandedIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the notebook reaches the grader: under which name and encoding, with what lost or added on its way."""

    path: str | None = None
    encoding: str = "utf-8"
    zipped: str = ""
    format: Literal["", "3", "4.0"] = ""
    lost: tuple[Literal["metadata", "id"], ...] = ()
    outputs: Literal["", "nan", "half characters", "large"] = ""
    line_end: str = "\n"
    beside: dict[str, str] = {}


class Expected(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the task must earn: its points, and texts that a person must see.

    ``told`` are words that must be said of the learner to the teacher, ``for_a_person`` the items that wait for one.
    """

    points: float
    told: list[str] = []
    for_a_person: list[str] = []


class Case(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One learner: the model solution of a task with one everyday change. ``source`` is a public report of its kind."""

    story: str
    expect: Expected
    source: str = ""
    task: str = "task1-icc"
    put: list[Put] = []
    own: list[Own] = []
    handed_in: HandedIn = HandedIn()


def read_cases() -> dict[str, Case]:
    """Return every case by the name of its folder."""
    return {
        path.parent.name: msgspec.toml.decode(path.read_bytes(), type=Case)
        for path in sorted(CORPUS.glob("*/expect.toml"))
    }


def hand_in(case: Case, course: Course, folder: Path) -> None:
    """Write what the learner hands in to a folder."""
    source = course.source(ASSIGNMENT) / f"{case.task}.ipynb"
    notebook = _changed(json.loads(source.read_text(encoding="utf-8")), case)
    how = case.handed_in
    text = json.dumps(_as_saved(notebook, how), ensure_ascii=how.outputs != "")
    content = text.encode(how.encoding)
    path = how.path or f"{case.task}.ipynb"
    target = folder / (how.zipped or path)
    target.parent.mkdir(parents=True, exist_ok=True)
    if how.zipped:
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(path, content)
            archive.writestr(f"__MACOSX/._{path}", b"\0\5\26\7")
    else:
        target.write_bytes(content)
    for name, beside in how.beside.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(beside, encoding="utf-8")


def _changed(notebook: dict[str, Any], case: Case) -> dict[str, Any]:
    cells = notebook["cells"]
    for put in case.put:
        cell = next(c for c in cells if _grade_id(c) == put.cell)
        original = deepcopy(cell)
        source = "".join(cell["source"]) if put.instead is None else put.instead
        cell["source"] = "\n".join(filter(None, (put.before, source, put.after)))
        cell["cell_type"] = put.cell_type or cell["cell_type"]
        if put.twice:
            twin = original if put.twice == "with its name" else _own(original["source"], original["cell_type"])
            cells.insert(cells.index(cell) + 1, twin)
        if put.delete:
            cells.remove(cell)
    for own in case.own:
        place = next(n for n, c in enumerate(cells) if _grade_id(c) == own.after)
        cells.insert(place + 1, _own(own.source, own.cell_type))
    return notebook


def _own(source: Any, cell_type: str) -> dict[str, Any]:
    extra = {"outputs": [], "execution_count": None} if cell_type == "code" else {}
    return {"cell_type": cell_type, "metadata": {}, "source": source, **extra}


def _grade_id(cell: dict[str, Any]) -> str | None:
    found: str | None = cell["metadata"].get("nbgrader", {}).get("grade_id")
    return found


_OUTPUTS: dict[str, Any] = {
    "nan": {"output_type": "display_data", "data": {"application/vnd.plotly.v1+json": {"y": [float("nan")]}}},
    "half characters": {"output_type": "stream", "name": "stdout", "text": "\ud83d"},
    "large": {"output_type": "display_data", "data": {"image/png": "A" * 4 * 1024**2}},
}


def _as_saved(notebook: dict[str, Any], how: HandedIn) -> dict[str, Any]:
    for cell in notebook["cells"]:
        cell["source"] = "".join(cell["source"]).replace("\n", how.line_end)
        if how.outputs and cell["cell_type"] == "code":
            cell["outputs"] = [_OUTPUTS[how.outputs]]
        for lost in how.lost:
            cell.pop(lost, None)
    if how.format == "3":
        cells = [
            {**cell, "input" if cell["cell_type"] == "code" else "source": cell.pop("source")}
            for cell in notebook["cells"]
        ]
        return {"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": [{"cells": cells}]}
    return {**notebook, "nbformat": 4.0} if how.format else notebook


if __name__ == "__main__":
    here = Course(CORPUS.parents[1] / "solutions")
    for name, each in read_cases().items():
        hand_in(each, here, Path(sys.argv[1]) / name / ASSIGNMENT)
    print(f"{len(read_cases())} learners are in {sys.argv[1]}. What each should earn is in {CORPUS}/*/expect.toml.")
