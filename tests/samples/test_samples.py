"""Every folder of tests/submissions ends with exactly what its expect.toml says."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from bs4 import BeautifulSoup
from nbgrader.api import Gradebook
from nbgrader.utils import determine_grade, is_grade

from autograder.assignment.course import Course
from autograder.assignment.rubric import Rubric
from autograder.assignment.samples import unexpected
from autograder.errors import CourseError
from autograder.grading.pipeline import Grading
from autograder.records.grading import Verdict
from autograder.results.gradebook import Gradebook as OurGradebook

SAMPLES = Path(__file__).resolve().parents[1] / "submissions"
CASES = sorted(path.parent.name for path in SAMPLES.glob("*/expect.toml"))


def test_every_sample_folder_says_what_to_expect() -> None:
    assert sorted(path.parent.name for path in SAMPLES.glob("*/submission.toml")) == CASES
    assert len(CASES) >= 16


@pytest.mark.parametrize("case", CASES)
def test_a_sample_gets_what_it_should(case: str, graded_class: Any, course: Course) -> None:
    grade = graded_class.grades[case]
    assert unexpected(SAMPLES / case, course.rubric(grade.assignment), grade) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('default = "wrong"', "icc: verdict correct, and not wrong"),
        ('default = "correct"\n[items.icc]\nverdict = "correct"\nscore = 1.0', "icc: score 4.0, and not 1.0"),
        (
            'default = "correct"\n[items.icc]\nverdict = "correct"\nmistake = "null_model"',
            "icc: mistake None, and not null_model",
        ),
        ('default = "correct"\n[items.icc]\nverdict = "correct"\nreason = "no"', "does not say 'no'"),
        ('default = "correct"\n[items.icd]\nverdict = "correct"', "there is no item 'icd'"),
        ('default = "correct"\nnotes = ["late"]', "no note says 'late'"),
    ],
)
def test_what_was_not_expected_is_said(text: str, said: str, graded_class: Any, course: Course, tmp_path: Path) -> None:
    (tmp_path / "expect.toml").write_text(text + "\n")
    found = unexpected(tmp_path, course.rubric("practice"), graded_class.grades["solution"])
    assert any(said in line for line in found), found


def test_an_expectation_that_cannot_be_read_is_named(graded_class: Any, course: Course, tmp_path: Path) -> None:
    (tmp_path / "expect.toml").write_text('default = "perfect"\n')
    with pytest.raises(CourseError, match=r"expect.toml: .*perfect"):
        unexpected(tmp_path, course.rubric("practice"), graded_class.grades["solution"])


@pytest.mark.parametrize("of", ["", "extension-"])
def test_the_solution_scores_everything_and_the_untouched_release_nothing(
    of: str, graded_class: Any, course: Course
) -> None:
    grade = graded_class.grades[f"{of}solution"]
    autograded = sum(item.points for item in course.rubric(grade.assignment).items if item.kind != "manual")
    assert grade.score == autograded
    assert graded_class.grades[f"{of}untouched"].score == 0


def test_every_assignment_has_samples(graded_class: Any, course: Course) -> None:
    assert {grade.assignment for grade in graded_class.grades.values()} == set(course.assignments)


def forms_of(value: object) -> Iterator[str]:
    """Yield the forms in which a page could give a right answer away."""
    if isinstance(value, tuple):
        names = [str(name) for name in value]
        yield from (mark.join(names) for mark in (", ", ",", " ", "\n", "; ", " > "))
        yield f"{', '.join(names[:-1])} and {names[-1]}"
    elif isinstance(value, float):
        for number in (value, -value, 100.0 * value, value / 100.0, 2.0 * value, value / 2.0):
            written = {f"{number:.{digits}f}" for digits in range(2, 13)}
            written |= {f"{number:.{digits}{form}}" for digits in range(3, 17) for form in "geE"} | {repr(number)}
            yield from written | {text.replace(".", ",") for text in written}


def right_answers(rubric: Rubric, panels: Any) -> Iterator[str]:
    for keyed in panels:
        for item in rubric.items:
            value = keyed.answers.values.get(item.id)
            for one in value.values() if hasattr(value, "values") else [value]:
                yield from forms_of(one)


def outside_of_answers(path: Path) -> str:
    """Return a page without what the learner gave, which may be right."""
    page = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
    for given in page.select(".given"):
        given.decompose()
    return str(page)


def test_no_feedback_page_gives_a_right_answer_away(graded_class: Any, gradings: dict[str, Grading]) -> None:
    pages = {path: outside_of_answers(path) for path in graded_class.into.rglob("*.html")}
    executed = {path for path in pages if path.name.endswith("-executed.html")}
    assert len(pages) - len(executed) == len(CASES) + 3 * len(gradings)
    for assignment, grading in gradings.items():
        # A short text such as 1.33 may be a score; only what has four digits identifies a number.
        answers = right_answers(grading.rubric, grading.panels)
        telling = {text for text in answers if len(re.sub(r"\D", "", text).strip("0")) >= 4}
        assert len(telling) > 1_000
        # The page for the person who grades by hand may name answers, and does not go to learners. A notebook as it
        # ran shows what the learner's own code printed.
        own = {path for path in pages if path.parent.name == assignment} - executed
        shown = [path for path in pages if path in own or path.name == f"{assignment}.html"]
        assert len(shown) == sum(grade.assignment == assignment for grade in graded_class.grades.values()) + 1
        found = {(path.parent.parent.name, text) for path in shown for text in telling if text in pages[path]}
        assert found == set()


def test_pages_run_nothing_and_load_nothing(graded_class: Any) -> None:
    for path in graded_class.into.rglob("*.html"):
        page = path.read_text(encoding="utf-8")
        assert "<script" not in page
        assert "http://" not in page.replace("http-equiv", "")
        assert "default-src 'none'" in page


def test_a_learner_reads_what_was_asked_and_given_beside_the_notebook_as_it_ran(
    graded_class: Any, course: Course
) -> None:
    folder = graded_class.into / "feedback" / "icc-from-standard-deviations" / "practice"
    page = BeautifulSoup((folder / "index.html").read_text(encoding="utf-8"), "html.parser")
    (icc,) = (item for item in page.select("ul.items > li") if item.code.text == "icc")
    with OurGradebook(graded_class.into / "gradebook.db") as book:
        grade = next(one for one in book.whole_grades("practice") if one.student == "icc-from-standard-deviations")
    answers = {name: value for notebook in grade.notebooks for name, value in notebook.run.answers.items()}
    said = " ".join(icc.text.split())
    for part in (course.rubric("practice").tasks["icc"], "do not add up to a whole", "wrong, 0 of 4"):
        assert part in said
    assert f"You gave: {answers['icc'].value:.6g}" in said
    linked = [link["href"] for link in page.select("section > p > a")]
    assert linked == [f"{entry.name}-executed.html" for entry in course.rubric("practice").notebook]
    for name in linked:
        assert "load_panel()" in (folder / name).read_text(encoding="utf-8")


def test_the_class_page_names_every_learner_and_links_to_the_feedback(graded_class: Any) -> None:
    for student, grade in graded_class.grades.items():
        text = (graded_class.into / f"{grade.assignment}.html").read_text(encoding="utf-8")
        assert f'href="feedback/{student}/{grade.assignment}/index.html"' in text
        assert (graded_class.into / "feedback" / student / grade.assignment / "index.html").is_file()


def test_the_gradebook_holds_what_was_graded(graded_class: Any) -> None:
    with Gradebook(f"sqlite:///{graded_class.into / 'gradebook.db'}", course_id="mlm-course") as book:
        for student, grade in graded_class.grades.items():
            submission = book.find_submission(grade.assignment, student)
            assert submission.score == pytest.approx(grade.score)
            assert submission.max_score == grade.points
            assert submission.needs_manual_grade == grade.needs_person


def test_nbgrader_reads_the_same_scores_from_the_executed_notebooks(graded_class: Any) -> None:
    for student, grade in graded_class.grades.items():
        for entry in grade.notebooks:
            path = graded_class.into / "autograded" / student / grade.assignment / f"{entry.notebook.name}.ipynb"
            notebook = nbformat.read(path, as_version=4)
            nbformat.validate(notebook)
            results = {item.item: item for item in entry.items}
            cells = [cell for cell in notebook.cells if is_grade(cell)]
            assert {cell.metadata.nbgrader.grade_id for cell in cells} == set(results)
            for cell in cells:
                item = results[cell.metadata.nbgrader.grade_id]
                score, points = determine_grade(cell)
                assert points == item.points
                assert score == (None if item.verdict is Verdict.NEEDS_PERSON else item.score)


def test_the_database_is_whole(graded_class: Any) -> None:
    with sqlite3.connect(graded_class.into / "gradebook.db") as connection:
        assert connection.execute("pragma integrity_check").fetchone() == ("ok",)
        assert connection.execute("select count(*) from alembic_version").fetchone() == (1,)
    connection.close()
