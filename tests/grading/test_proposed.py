"""What `mlm new` proposes: its code gives the library's answers and mistakes, and its files read back as they were."""

from __future__ import annotations

import json
import shutil
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
from autograder.cli import main
from autograder.errors import CourseError
from reference.errors import MultilevelError
from reference.questions import LIBRARY, Dataset, answer_key
from reference.questions.draws import Source

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


@pytest.mark.parametrize("name", ["release", "samples"])
def test_an_assignment_is_not_put_where_releases_or_samples_lie(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(TABLES / "sleepstudy.csv", tmp_path / f"{name}.csv")
    formula = "Reaction ~ Days + (1 | Subject)"
    with pytest.raises(SystemExit) as ended:
        main(["new", str(tmp_path / "course"), "--data", str(tmp_path / f"{name}.csv"), "--formula", formula])
    assert ended.value.code == 2
    assert f"the course keeps its {name} there" in capsys.readouterr().err
    assert not (tmp_path / "course").exists()


@pytest.mark.parametrize(
    "value", ['"quoted" \\ and\nlines\t', "ümlaut \x7f", True, 3, 0.25, 1e-7, ["a", 1], {"a b": [1], "c": {"d": "e"}}]
)
def test_values_survive_as_toml(value: object) -> None:
    assert tomllib.loads(f"value = {toml(value)}")["value"] == value
    assert tomllib.loads(course_toml(str(value), "a", "en"))["title"] == str(value)


def made_up(groups: list[str], **names: str) -> Dataset:
    """A table of eight rows for each group, with two predictors and a response, drawn with a seed."""
    rng = np.random.default_rng(14)
    frame = pd.DataFrame({"group": np.repeat(groups, 8), "x": rng.normal(size=8 * len(groups)).round(2)})
    frame["z"] = rng.normal(size=len(frame)).round(2)
    effects = dict(zip(groups, rng.normal(0, 3, len(groups)), strict=True))
    slopes = dict(zip(groups, rng.normal(2, 1.5, len(groups)), strict=True))
    level = frame["group"].map(effects) + frame["group"].map(slopes) * frame["x"]
    frame["y"] = (40 + level + 2 * frame["x"] * frame["z"] + rng.normal(size=len(frame))).round(2)
    return Dataset.from_csv(frame.rename(columns=names).to_csv(index=False).encode(), "a table")


def test_new_ids_of_numbers_with_zeros_first_are_told_apart() -> None:
    data = made_up([f"{number:03d}" for number in range(60)])
    proposal = propose(data, "y ~ x + (1 | group)")
    for seed in range(3):
        table = Source.of(proposal.setting, proposal.panels, data).draw(np.random.default_rng(seed), "drawn")
        assert table.frame["group"].nunique() == table.frame["group"].astype(int).nunique() > 40
        assert all(isinstance(name, str) for name in table.frame["group"])


def test_names_with_blanks_are_columns_too() -> None:
    data = made_up([f"g{number}" for number in range(12)], y="the mark", x="Zeit min", group="Gruppe")
    formula = "`the mark` ~ `Zeit min` + (1 | Gruppe)"
    proposal = propose(data, formula)
    fits, key = proposal.fits(data), answer_key(proposal.setting, proposal.items, LIBRARY, data)
    for task in proposal.tasks:
        for item, code in codes(task, fits).items():
            assert ran(code.right, data.frame, fits_used(fits, [code.right])) == near(key.values[item]), item
    drawn = Source.of(proposal.setting, proposal.panels, data).draw(np.random.default_rng(1), "drawn")
    assert list(drawn.frame) == list(data.frame)


def test_slopes_without_intercepts_are_not_tested_against_intercepts() -> None:
    data = made_up([f"g{number}" for number in range(20)])
    proposal = propose(data, "y ~ x + z + (0 + x | group)")
    assert not {"lrt", "lrt_p", "decision"} & {one.question for one in proposal.items}
    assert "coefficient" in {one.question for one in proposal.items}


def test_a_product_is_asked_about_and_what_is_not_is_said() -> None:
    data = made_up([f"g{number}" for number in range(20)])
    proposal = propose(data, "y ~ x * z + I(x ** 2) + (1 + x | group)")
    terms = [one.parameters["term"] for one in proposal.items if one.question == "coefficient"]
    assert terms[:2] == ["x", "x:z"]
    assert "Nothing is asked about the coefficients of I(x ** 2)." in proposal.remarks


@pytest.mark.parametrize(
    ("text", "formula", "said"),
    [
        ("y;x;g\n1;2;a\n", "y ~ x + (1 | g)", "semicolons between its columns; save it with commas"),
        ("y\tx\tg\n1\t2\ta\n", "y ~ x + (1 | g)", "tabulators between its columns"),
        ("y,x,g\n1,2,a\n3,4,\n", "y ~ x + (1 | g)", "line 3, column 'g': no group is named"),
        ("y,x,g\n1,2,a\n3,4,b\n", "log(y) ~ x + (1 | g)", "the response 'log(y)' is no column of"),
    ],
)
def test_what_is_wrong_with_a_table_is_said_in_its_own_words(text: str, formula: str, said: str) -> None:
    with pytest.raises((CourseError, MultilevelError)) as caught:
        propose(Dataset.from_csv(text.encode(), "a table"), formula)
    assert said in str(caught.value)
