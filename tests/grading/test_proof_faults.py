"""What `mlm release` tells an author whose notebooks are not right: file, cell, what was found, and what to do."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell, new_notebook
from own_course import ASSIGNMENT, SOLUTION, cell, make_own_course, solved

from autograder.assignment.course import Course
from autograder.assignment.release import make_release, parse_release
from autograder.cli import main
from autograder.errors import ReleaseError
from autograder.grading.release_gate import prove
from autograder.sandbox.run_store import Store

MORE = """  { ask = "icc", id = "share", model = "levels", level = "school", points = 2 },
  { ask = "group_values", id = "levels", model = "levels", effect = "Intercept", level = "school", points = 1 },
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_own_course(tmp_path)


def released(folder: Path) -> str:
    """Return what a release of the assignment is refused with."""
    course = Course(folder.parent)
    rubric = course.rubric("ex", whole=True)
    with pytest.raises(ReleaseError) as refused:
        prove(course, rubric, parse_release(make_release(course, rubric)), Store(folder.parent / "runs"), panels=1)
    return str(refused.value)


def test_a_wrong_solution_is_told_by_cell_value_question_and_mistake(folder: Path) -> None:
    nbformat.write(solved(SOLUTION.replace("range = float(", "range = -float(")), folder / "one.ipynb")
    said = released(folder)
    found = re.fullmatch(
        rf"{re.escape(str(folder))}/one\.ipynb, cell 'range': the solution gave -([0-9.]+), and "
        r"mode_range\(model = levels\) is \1 on the table of ex; it looks like 'upside_down'\."
        r"\nCorrect the solution there, or the item in assignment\.toml\.",
        said,
    )
    assert found, said


def test_a_solution_that_is_right_on_one_table_alone_is_told_which_other(folder: Path) -> None:
    typed_in = SOLUTION.replace(
        "float(modes.max() - modes.min())", "float(modes.max() - modes.min()) if 'S1' in set(panel.school) else 3"
    )
    nbformat.write(solved(typed_in), folder / "one.ipynb")
    assert re.search(
        r"gave 3, and mode_range\(model = levels\) is [0-9.]+ on the table drawn from seed 70\d+", released(folder)
    )


def test_a_cell_that_fails_is_told_with_its_line_and_every_wrong_item_at_once(folder: Path) -> None:
    text = ASSIGNMENT.replace("item = [{", f"item = [\n{MORE}{{")
    (folder / "assignment.toml").write_text(text, encoding="utf-8")
    notebook = solved(SOLUTION.replace("modes.max()", "modus.max()"))
    notebook.cells.append(
        cell("answers", "### BEGIN SOLUTION\nshare = 'much'\nlevels = {'S1': 1.0}\n### END SOLUTION", solution=True)
    )
    notebook.cells.append(cell("share", 'check("share", share)', locked=True, grade=True, points=2))
    notebook.cells.append(cell("levels", 'check("levels", levels)', locked=True, grade=True, points=1))
    nbformat.write(notebook, folder / "one.ipynb")
    lines = released(folder).splitlines()
    cells = {line.split("cell ")[1].split(":")[0]: line for line in lines[:-1]}
    assert cells.keys() == {"'range'", "'share'", "'levels'"}
    failed = "cell 'answer' failed in line 4, `range = float(modus.max() - modes.min())`: NameError: name 'modus'"
    assert failed in cells["'range'"]
    assert "the solution gave 'much', and icc(model = levels, level = school) is 0." in cells["'share'"]
    assert "it is malformed: " in cells["'share'"]
    assert "the solution gave a function that was not called (type), and mode_range(" in cells["'range'"]
    assert "the solution gave {'S1': 1.0}, and group_values(" in cells["'levels'"]


def test_notebooks_that_give_points_away_are_told_by_cell(folder: Path) -> None:
    lines = SOLUTION.replace("### BEGIN SOLUTION\n", "").replace("### END", "### BEGIN SOLUTION\n### END")
    nbformat.write(solved(lines), folder / "one.ipynb")
    said = released(folder)
    assert re.search(r"one\.ipynb, cell 'range': as it is handed out it answers [0-9.]+ and earns 2 points\.", said)
    assert said.endswith("Put what gives it away between ### BEGIN SOLUTION and ### END SOLUTION.")


ANSWER, CHECK = 1, 2


@pytest.mark.parametrize(
    ("place", "key", "value", "said"),
    [
        (CHECK, "points", None, "cell 'range': it is graded and has no points. Give it the 2 of the rubric."),
        (CHECK, "points", "two", "cell 'range': it is graded and has no points."),
        (CHECK, "points", 3, "cell 'range': 3 points here, 2 in the rubric. Give both the same."),
        (ANSWER, "grade_id", "range", "cell 'range': one.ipynb has a cell of that grade_id too. Rename one of them."),
        (ANSWER, "grade_id", None, "cell 2: it is graded or a solution, and has no grade_id. Give it one."),
        (CHECK, "grade_id", "rnge", "cell 'rnge': it is graded, but the rubric has no such item. Add it there."),
        (CHECK, "grade_id", "rnge", ": the rubric's item 'range' has no graded cell with that grade_id. Add one."),
        (ANSWER, "solution", False, "cell 2: it has solution marks, and its metadata say it is no solution."),
        (ANSWER, "source", "x = 1", "cell 'answer': its solution should stand between a line ### BEGIN SOLUTION and"),
        (ANSWER, "source", SOLUTION.replace("BEGIN", "BEGINN"), "has 0 BEGIN SOLUTION and 1 END SOLUTION. Is one miss"),
        (ANSWER, "source", SOLUTION.replace("### END", "### ENDE"), "has 1 BEGIN SOLUTION and 0 END SOLUTION. Is one"),
        (
            CHECK,
            "source",
            'check("rnge", range)',
            "cell 'range': it checks 'rnge'. Write check('range'",
        ),
        (CHECK, "source", 'check("range", share)', "cell 'range': it hands over share, another item's answer. Write"),
        (
            CHECK,
            "source",
            'check("range")',
            "cell 'range': it does not check this answer alone. Write",
        ),
        (CHECK, "source", "check(range", "cell 'range': Python cannot read it: "),
        (0, "source", 'load_panel("practice")', "calls load_panel('practice'), the table of another assignment. Write"),
        (0, "source", "x = 1", ': no cell loads the table. Write panel = load_panel("ex") into its first.'),
    ],
)
def test_a_slip_in_a_notebook_is_said(folder: Path, place: int, key: str, value: object, said: str) -> None:
    other = '[[notebook]]\nname = "two"\ntitle = "Two"\nitem = [\n' + MORE.splitlines()[0] + "]\n"
    (folder / "assignment.toml").write_text(ASSIGNMENT + other, encoding="utf-8")
    check = cell("share", 'check("share", share)', locked=True, grade=True, points=2)
    nbformat.write(new_notebook(cells=[solved().cells[0], check]), folder / "two.ipynb")
    notebook = solved()
    if key == "source":
        notebook.cells[place].source = value
    else:
        entry = notebook.cells[place].metadata["nbgrader"]
        entry.pop(key)
        entry.update({} if value is None else {key: value})
    refused(folder, notebook, said)


def refused(folder: Path, notebook: NotebookNode, said: str) -> None:
    nbformat.write(notebook, folder / "one.ipynb")
    course = Course(folder.parent)
    with pytest.raises(ReleaseError) as error:
        make_release(course, course.rubric("ex"))
    assert str(error.value).startswith(str(folder / "one.ipynb"))
    assert said in str(error.value)


def test_a_grade_id_that_another_notebook_has_is_said_with_that_notebook(folder: Path) -> None:
    more = '[[notebook]]\nname = "two"\ntitle = "Two"\nitem = [\n' + MORE.splitlines()[0] + "]\n"
    (folder / "assignment.toml").write_text(ASSIGNMENT + more, encoding="utf-8")
    cells = [solved().cells[0], solved().cells[1], cell("share", 'check("share", share)', grade=True, points=2)]
    nbformat.write(new_notebook(cells=cells), folder / "two.ipynb")
    course = Course(folder.parent)
    with pytest.raises(ReleaseError, match=r"two\.ipynb, cell 'answer': one\.ipynb has a cell of that grade_id too"):
        make_release(course, course.rubric("ex"))


def test_a_word_that_the_task_does_not_offer_is_said(folder: Path) -> None:
    sentence = '{ ask = "sentence", id = "reading", points = 1, slots.size = { right = "large" } }'
    text = ASSIGNMENT.replace("points = 2 }]", f"points = 2 }}, {sentence}]")
    (folder / "assignment.toml").write_text(text, encoding="utf-8")
    notebook = solved(SOLUTION + '\n### BEGIN SOLUTION\nreading = {"size": "large"}\n### END SOLUTION')
    notebook.cells.append(cell("reading", 'check("reading", reading)', locked=True, grade=True, points=1))
    refused(folder, notebook, "one.ipynb, item 'reading', slot 'size': the task offers no 'large'. Name it")
    notebook.cells.insert(0, new_markdown_cell("The differences are **Large** or small."))
    nbformat.write(notebook, folder / "one.ipynb")
    course = Course(folder.parent)
    assert "one.ipynb" in make_release(course, course.rubric("ex")).notebooks


def test_a_notebook_in_another_encoding_is_said_and_a_byte_order_mark_is_none(folder: Path) -> None:
    path, course = folder / "one.ipynb", Course(folder.parent)
    text = path.read_bytes()
    path.write_bytes(b"\xef\xbb\xbf" + text)
    assert "one.ipynb" in make_release(course, course.rubric("ex")).notebooks
    path.write_bytes(text.replace(b"# Assign", b"# \xfcber"))
    with pytest.raises(ReleaseError, match=r"one\.ipynb: not a valid notebook: .*can't decode.* Jupyter, as UTF-8"):
        make_release(course, course.rubric("ex"))


def test_the_command_says_it_without_a_traceback(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    nbformat.write(solved(SOLUTION.replace("### BEGIN", "### BEGINN")), folder / "one.ipynb")
    with pytest.raises(SystemExit) as ended:
        main(["release", "ex", "--course", str(folder.parent)])
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith("mlm: ")
    assert "Traceback" not in said
