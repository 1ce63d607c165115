"""What `mlm new` proposes: its code gives the library's answers and mistakes, and its files read back as they were."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from scipy import stats

import reference
from autograder.assignment.declaration import load_rubric
from autograder.authoring.files import assignment_toml, course_toml, toml, with_assignment
from autograder.authoring.notebooks import codes, source_notebook
from autograder.authoring.proposal import Proposal, propose
from autograder.authoring.solutions import ANSWER, fits_used
from autograder.errors import CourseError
from reference.errors import MultilevelError
from reference.questions import LIBRARY, Dataset, answer_key

TABLES = Path(__file__).resolve().parent.parent / "oracles" / "goldens"
#: A table of R's packages or of our own, and a formula for it: one factor, slopes, nested, crossed, texts, functions.
PROPOSED = [
    ("sleepstudy", "Reaction ~ Days + (1 + Days | Subject)"),
    ("sleepstudy", "Reaction ~ Days + (1 | Subject)"),
    ("Oxboys", "height ~ age + (1 + age | Subject)"),
    ("Dyestuff", "Yield ~ 1 + (1 | Batch)"),
    ("Penicillin", "diameter ~ 1 + (1 | plate) + (1 | sample)"),
    ("Pastes", "strength ~ 1 + (1 | batch/cask)"),
    ("Machines", "score ~ Machine + (1 | Worker) + (1 | Worker:Machine)"),
    ("cake", "angle ~ recipe * temp + (1 | recipe:replicate)"),
    ("text-ids", "sales ~ youtube + (1 | store_id)"),
    ("slopes-1", "sales ~ youtube + facebook + (0 + youtube | store_id) + (1 | store_id)"),
    ("nested-slope", "sales ~ week + channel + (1 + youtube || store_id)"),
    ("nested-slope", "sales ~ poly(week, 2) + log(youtube) + (1 + youtube + facebook | store_id)"),
]


def table(name: str) -> Dataset:
    return Dataset.from_csv(TABLES / f"{name}.csv")


def ran(code: str, panel: pd.DataFrame, statements: list[str]) -> Any:
    names: dict[str, Any] = {"panel": panel, "np": np, "pd": pd, "smf": smf, "stats": stats, **vars(reference)}
    exec("\n".join([*statements, code]), names)
    found = names[ANSWER]
    return tuple(found) if isinstance(found, list) else found


def near(value: Any) -> Any:
    return value if isinstance(value, (str, tuple)) else pytest.approx(value, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize(("name", "formula"), PROPOSED)
def test_the_code_gives_what_the_library_knows(name: str, formula: str) -> None:
    data = table(name)
    proposal = propose(data, formula)
    fits, key = proposal.fits(data), answer_key(proposal.setting, proposal.items, LIBRARY, data)
    recognised = 0
    for task in proposal.tasks:
        for item, code in codes(task, fits).items():
            assert ran(code.right, data.frame, fits_used(fits, [code.right])) == near(key.values[item]), item
            for mistake, wrong in code.mistakes.items():
                if mistake in key.mistakes[item]:
                    assert ran(wrong, data.frame, fits_used(fits, [wrong])) == near(key.mistakes[item][mistake]), (
                        mistake
                    )
                    recognised += 1
    assert len(proposal.items.asked) >= 8
    assert recognised >= 5


def written(proposal: Proposal, data: Dataset, name: str, folder: Path, language: str) -> Path:
    folder.mkdir()
    (folder / f"{name}.csv").write_bytes((TABLES / f"{name}.csv").read_bytes())
    (folder / "assignment.toml").write_text(assignment_toml('A "title"', f"{name}.csv", proposal, language), "utf-8")
    for task in proposal.tasks:
        text = source_notebook("folder", proposal, task, proposal.fits(data), language)
        (folder / f"{task.name}.ipynb").write_text(text, "utf-8")
    return folder


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize(("name", "formula"), PROPOSED[::3])
def test_what_is_written_reads_back(name: str, formula: str, language: str, tmp_path: Path) -> None:
    data = table(name)
    proposal = propose(data, formula, language)
    folder = written(proposal, data, name, tmp_path / "folder", language)
    rubric = load_rubric(folder, language=language)
    assert rubric.setting == proposal.setting
    assert rubric.panels == proposal.panels
    assert [(one.item, one.question, one.parameters) for one in rubric.asked] == [
        (one.item, one.question, one.parameters) for one in proposal.items
    ]
    for task in rubric.notebook:
        cells = json.loads((folder / f"{task.name}.ipynb").read_text("utf-8"))["cells"]
        graded = [cell["metadata"]["nbgrader"] for cell in cells if cell["metadata"].get("nbgrader", {}).get("grade")]
        assert [(one["grade_id"], one["points"]) for one in graded] == [(item.id, item.points) for item in task.item]
        assert all(f"`{item.id}`" in "".join(cells[0]["source"]) for item in task.item)


@pytest.mark.parametrize(
    ("name", "formula", "said"),
    [
        ("no-variance-1", "sales ~ youtube + (1 | store_id)", "no variance of Intercept"),
        ("sleepstudy", "Reaction ~ Days + (1 | School)", "has no column 'School'"),
        ("sleepstudy", "Reaction ~ Days", "no random term"),
        ("sleepstudy", "Reaction ~ Hours + (1 | Subject)", "column 'Hours' is not in the table"),
    ],
)
def test_what_cannot_be_asked_is_said(name: str, formula: str, said: str) -> None:
    with pytest.raises((CourseError, MultilevelError)) as caught:
        propose(table(name), formula)
    assert said in str(caught.value)


def test_slopes_that_do_not_differ_are_left_out_and_said() -> None:
    proposal = propose(table("nested-1"), "sales ~ week + youtube + facebook + newspaper + (1 + youtube | store_id)")
    assert "slopes" not in proposal.setting.models
    assert any("is singular" in remark and "without it" in remark for remark in proposal.remarks)


def test_a_question_without_a_clear_answer_is_left_out_and_said() -> None:
    proposal = propose(table("Penicillin"), "diameter ~ 1 + (1 | plate) + (1 | sample)")
    assert "top_plates" not in [one.item for one in proposal.items]
    assert any(remark.startswith("top_plates is not asked: ") for remark in proposal.remarks)


@pytest.mark.parametrize(
    "text",
    [
        'title = "T"\nassignments = ["one"]\nlanguage = "en"\n',
        'assignments = [\n  "one",\n]\ntitle = "T"\n',
        "title = 'T'\nassignments = []\n",
        'title = "T"\nassignments = ["one", "two",]  # more to come\n',
    ],
)
def test_an_assignment_is_added_to_a_course(text: str) -> None:
    before, after = tomllib.loads(text), tomllib.loads(str(with_assignment(text, "new")))
    assert after == {**before, "assignments": [*before["assignments"], "new"]}


def test_a_list_that_is_not_found_is_not_changed() -> None:
    assert with_assignment('title = "T"\n', "new") is None


@pytest.mark.parametrize(
    "value", ['"quoted" \\ and\nlines\t', "ümlaut \x7f", True, 3, 0.25, 1e-7, ["a", 1], {"a b": [1], "c": {"d": "e"}}]
)
def test_values_survive_as_toml(value: object) -> None:
    assert tomllib.loads(f"value = {toml(value)}")["value"] == value
    assert tomllib.loads(course_toml(str(value), "a", "en"))["title"] == str(value)
