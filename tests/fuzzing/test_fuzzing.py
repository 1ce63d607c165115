"""Five hundred mutated notebooks and two thousand mutated lines from the box: a verdict each, and no traceback of ours.

Every mutant is drawn from its number and ``--draw``, so that a failure can be repeated. All notebooks are read, scored
without a run, and turned into pages; ``--mutants`` of them are also run in the box. The whole:

    .venv/bin/python -m pytest tests/fuzzing --mutants 500
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import nbformat
import pytest
from mutation import mutate

from autograder.assignment.course import Course
from autograder.assignment.key import Keyed, expected
from autograder.assignment.rubric import Item, Rubric
from autograder.grading.evidence import add_evidence
from autograder.grading.pipeline import Grading, grade_submission
from autograder.grading.submission import read_notebook
from autograder.records import values
from autograder.records.grading import (
    Cell,
    Ending,
    Grade,
    NotebookGrade,
    NotebookRun,
    Submission,
    SubmittedNotebook,
    Verdict,
)
from autograder.results.executed_notebook import executed_notebook
from autograder.results.pages import learner_page, notebook_page, reading_page
from autograder.sandbox.boxes import Boxes
from autograder.sandbox.policy import Limits
from autograder.sandbox.run_record import Record
from autograder.sandbox.wire import key_value, parse_event
from autograder.scoring.items import resolve_dependencies, score_notebook
from autograder.scoring.one_answer import judge_value

NOTEBOOKS, LINES = 500, 2_000
LIMITS = Limits(wall_seconds=30.0, cpu_seconds=10, memory_bytes=1_500_000_000, output_bytes=1_000_000)


@pytest.fixture(scope="module")
def mutant(course: Course, rubric: Rubric, request: pytest.FixtureRequest) -> Callable[[int], tuple[str, bytes]]:
    """A function from a number to the name and the bytes of a mutated notebook."""
    draw = request.config.getoption("--draw")
    folders = (course.source("practice"), course.release("practice"))
    bases = [
        (entry.name, json.loads((folder / f"{entry.name}.ipynb").read_text(encoding="utf-8")))
        for folder in folders
        for entry in rubric.notebook
    ]

    def make(number: int) -> tuple[str, bytes]:
        name, notebook = bases[number % len(bases)]
        return name, mutate(notebook, random.Random(f"notebook {draw} {number}"))

    return make


def read(tmp_path: Path, grading: Grading, name: str, content: bytes) -> SubmittedNotebook:
    path = tmp_path / f"{name}.ipynb"
    path.write_bytes(content)
    return read_notebook(path, next(released for released in grading.release if released.name == name))


def require_whole(grading: Grading, graded: NotebookGrade) -> None:
    """Every item has a verdict on the learner, and every page can be made and written down."""
    (graded,) = add_evidence(grading.rubric, (graded,), grading.panels[0], grading.release)
    released = next(entry for entry in grading.release if entry.name == graded.notebook.name)
    wanted = next(entry.item for entry in grading.rubric.notebook if entry.name == graded.notebook.name)
    assert [item.item for item in graded.items] == [item.id for item in wanted]
    for item in graded.items:
        assert item.verdict is not Verdict.UNGRADED
        assert 0.0 <= item.score <= item.points
        assert item.reason.isprintable()
        assert len(item.reason) < 1_000
    text = executed_notebook(graded, released)
    nbformat.validate(nbformat.reads(text, as_version=4))
    grade = Grade("anna", grading.rubric.assignment, (graded,))
    pages = [learner_page(grading.rubric, grade), notebook_page(grading.rubric, grade, graded.notebook.name, text)]
    "".join([text, *pages, reading_page(grading.rubric, [grade])]).encode("utf-8")


def test_every_mutated_notebook_gets_a_verdict_without_being_run(
    mutant: Callable[[int], tuple[str, bytes]], grading: Grading, tmp_path: Path
) -> None:
    problems = 0
    for number in range(NOTEBOOKS):
        name, content = mutant(number)
        notebook = read(tmp_path, grading, name, content)
        locked = [cell for cell in notebook.cells if cell.locked]
        released = next(entry for entry in grading.release if entry.name == name)
        assert locked == [cell for cell in released.cells if cell.locked], number
        run = NotebookRun(name, Ending.FINISHED)
        runs = [(keyed, run) for keyed in grading.panels]
        items = score_notebook(grading.rubric, notebook, runs)
        resolved = tuple(resolve_dependencies(grading.rubric, items).values())
        require_whole(grading, NotebookGrade(notebook, run, resolved))
        assert sum(item.score for item in resolved) == 0.0, number
        problems += notebook.problem is not None
    assert NOTEBOOKS * 0.2 < problems < NOTEBOOKS * 0.9, "mutants should be neither all broken nor all whole"


def test_mutated_notebooks_are_run_in_the_box_to_a_verdict(
    mutant: Callable[[int], tuple[str, bytes]],
    grading: Grading,
    tmp_path: Path,
    pool: ThreadPoolExecutor,
    request: pytest.FixtureRequest,
) -> None:
    wanted = request.config.getoption("--mutants")
    drawn = sorted(random.Random(request.config.getoption("--draw")).sample(range(NOTEBOOKS), min(wanted, NOTEBOOKS)))
    limited = replace(grading, panels=grading.panels[:1], limits=LIMITS)
    notebooks = [read(tmp_path, grading, *mutant(number)) for number in drawn]
    with Boxes() as boxes:
        submissions = (Submission("mutant", (notebook,)) for notebook in notebooks)
        for graded in pool.map(lambda one: grade_submission(limited, one, boxes.run), submissions):
            require_whole(limited, graded.notebooks[0])


def honest_events(rubric: Rubric, keyed: Keyed) -> list[dict[str, Any]]:
    """Return events as the box sends them: right answers, known mistakes, and cells with outputs of all kinds."""
    given = [(item.id, key_value(expected(item, keyed.answers))) for item in rubric.items if item.kind != "manual"]
    given += [(name, key_value(v)) for name, mistakes in keyed.answers.mistakes.items() for v in mistakes.values()]
    given += [("icc", values.Table((1.0, "a"), ("x",), ((1.0, "b"),))), ("icc", values.NotFinite("nan"))]
    given += [("icc", values.Truth(True)), ("icc", values.Nothing()), ("icc", values.Other("complex"))]
    answers = [{"event": "answer", "notebook": "t", "name": name, "value": value} for name, value in given]
    outputs = (
        values.Output("stream", name="stdout", text="hello"),
        values.Output("display_data", data={"text/plain": "x", "image/png": "iVBORw0KGgo="}),
        values.Output("error", ename="ValueError", evalue="no", traceback=("line",)),
    )
    cells = [
        {"event": "cell", "notebook": "t", "cell": 0, "outputs": outputs, "errors": ()},
        {
            "event": "cell",
            "notebook": "t",
            "cell": 1,
            "outputs": (),
            "errors": [values.CellError("E", "message", 1, "x")],
        },
    ]
    return [msgspec.to_builtins(event) for event in (*answers, *cells)]


def judge_all(rubric: Rubric, keyed: Keyed, given: dict[str, values.Value]) -> None:
    """Compare answers with the key in the company of all others, each also as if it were another item's."""
    items: dict[str, Item] = {item.id: item for item in rubric.items if item.kind != "manual"}
    for name, value in given.items():
        for other in {name, "store_slopes", "icc_reading", "top5"} & items.keys():
            judged = judge_value(rubric, items[other], value, keyed.answers, given)
            assert 0.0 <= judged.finding.share <= 1.0
            assert judged.finding.sentence.isprintable()


def test_every_mutated_line_is_understood_or_left_out(
    rubric: Rubric, panels: tuple[Keyed, ...], grading: Grading, request: pytest.FixtureRequest
) -> None:
    keyed, draw = panels[0], request.config.getoption("--draw")
    events = honest_events(rubric, keyed)
    understood = 0
    for batch in range(LINES // 20):
        record = Record("t", 3)
        for number in range(batch * 20, batch * 20 + 20):
            chance = random.Random(f"line {draw} {number}")
            line = mutate(chance.choice(events), chance)
            for piece in line.split(b"\n"):
                record.take(piece)
                understood += parse_event(piece) is not None
        run = record.finish(Ending.FINISHED)
        judge_all(rubric, keyed, dict(run.answers))
        notebook = SubmittedNotebook("task1-icc", tuple(Cell("code", "") for _ in range(3)))
        own = NotebookRun("task1-icc", Ending.FINISHED, run.cells, run.answers)
        items = tuple(resolve_dependencies(rubric, score_notebook(rubric, notebook, [(keyed, own)])).values())
        require_whole(grading, NotebookGrade(notebook, own, items))
    assert LINES * 0.05 < understood < LINES * 0.9, "lines should be neither all broken nor all whole"
