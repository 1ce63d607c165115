"""What lies beside a verdict: warnings of the run, and what a memo holds. Neither changes a score."""

from __future__ import annotations

from dataclasses import replace

import pytest

from autograder.assignment.key import Keyed, expected
from autograder.assignment.rubric import Rubric
from autograder.grading.evidence import add_evidence
from autograder.grading.pipeline import Grading
from autograder.records.grading import (
    Cell,
    CellRun,
    Ending,
    Found,
    Grade,
    ItemResult,
    NotebookGrade,
    NotebookRun,
    SubmittedNotebook,
    Verdict,
)
from autograder.records.values import Output
from autograder.results.pages import learner_page, reading_page
from autograder.sandbox.wire import key_value, plain_value

FAILED = "cell.py:5: ConvergenceWarning: MixedLM optimization failed, trying a different optimizer may help.\n"
BOUNDARY = "ConvergenceWarning: The MLE may be on the boundary of the parameter space.\n"
CELLS = (
    Cell("code", "fit", "fit_icc"),
    Cell("code", "more", None),
    Cell("code", "", "var_store", locked=True),
    Cell("code", "late", None),
)


def graded(stderr: dict[int, str], verdict: Verdict) -> NotebookGrade:
    runs = tuple(
        CellRun(index, (Output("stream", name="stderr", text=stderr[index]),) if index in stderr else ())
        for index in range(len(CELLS))
    )
    result = ItemResult("var_store", verdict, 0.0, 2.0, "The number is not right.", hint="Think.")
    run = NotebookRun("task1-icc", Ending.FINISHED, runs)
    return NotebookGrade(SubmittedNotebook("task1-icc", CELLS), run, (result,))


def with_evidence(rubric: Rubric, panels: tuple[Keyed, ...], grade: NotebookGrade) -> ItemResult:
    (notebook,) = add_evidence(rubric, (grade,), panels[0], ())
    return notebook.items[0]


def test_a_warning_before_the_answer_is_recorded_and_told_where_the_answer_is_wrong(rubric: Rubric, panels) -> None:
    found = with_evidence(rubric, panels, graded({0: FAILED + BOUNDARY, 1: BOUNDARY}, Verdict.WRONG))
    assert found.warnings == (
        "In the cell fit_icc statsmodels warned: a search stopped before it arrived and a fit lies on the boundary.",
        "In cell number 2 statsmodels warned: a fit lies on the boundary.",
    )
    assert found.hint == " ".join(("Think.", *found.warnings))
    assert found.score == 0.0


@pytest.mark.parametrize("verdict", [Verdict.CORRECT, Verdict.PARTIAL, Verdict.SKIPPED])
def test_a_warning_beside_an_answer_that_is_not_wrong_is_recorded_only(rubric: Rubric, panels, verdict) -> None:
    before = graded({0: FAILED}, verdict)
    found = with_evidence(rubric, panels, before)
    assert found == replace(before.items[0], warnings=found.warnings)
    assert len(found.warnings) == 1


def test_what_came_after_the_answer_or_is_no_warning_of_a_fit_is_not_evidence(rubric: Rubric, panels) -> None:
    said = {0: "FutureWarning: the boundary of the parameter space moves\n", 3: FAILED}
    assert with_evidence(rubric, panels, graded(said, Verdict.WRONG)).warnings == ()


MEMO = "I propose more budget for store 14 <b>now</b>. It brings {average:.2f} units of sales for ten more, on average."


def class_with_memo(grading: Grading, text: str) -> Grade:
    rubric, own = grading.rubric, grading.panels[0]
    items = {item.id: item for item in rubric.items}
    answers = {
        item.id: key_value(expected(item, own.answers)) for item in rubric.items if item.kind not in ("manual", "slots")
    }
    memo = ItemResult("memo", Verdict.NEEDS_PERSON, 0.0, items["memo"].points, "A person reads this and grades it.")
    cells = (Cell("markdown", text, "memo"),)
    # The answers a memo quotes come from any of the notebooks.
    run = NotebookRun("task1-icc", Ending.FINISHED, answers=answers)
    first = NotebookGrade(SubmittedNotebook("task1-icc", ()), run, ())
    last = NotebookGrade(SubmittedNotebook("task5-memo", cells), NotebookRun("task5-memo", Ending.FINISHED), (memo,))
    return Grade("ada", "practice", add_evidence(rubric, (first, last), own, grading.release))


def test_a_memo_is_read_with_the_learners_own_answers_and_waits_for_a_person(grading: Grading) -> None:
    average = grading.panels[0].answers.values["gain_average"]
    grade = class_with_memo(grading, MEMO.format(average=average))
    (result,) = grade.items
    assert result.verdict is Verdict.NEEDS_PERSON
    assert result.score == 0.0
    said = {found.sentence: found.there for found in result.found}
    assert said["About 2 sentences and 19 words; 3 to 5 sentences are asked for."] is False
    assert said[f"gain_average ({average:.4g}) is there: {average:.2f}."] is True
    assert said["Of the best, 14, 1, 16, 8 and 6, it names 14."] is True


def test_what_was_handed_out_is_nobodys_words(grading: Grading) -> None:
    released = next(cell.source for entry in grading.release for cell in entry.cells if cell.grade_id == "memo")
    assert "3 to 5 sentences" in released
    for text, sentences in (
        ("", "0 sentences and 0 words"),
        ("\n\nWe put it into store 14.", "1 sentence and 6 words"),
    ):
        (result,) = class_with_memo(grading, released + text).items
        assert result.found[0].sentence == f"About {sentences}; 3 to 5 sentences are asked for."


def test_the_page_for_the_person_shows_what_the_learners_page_does_not(grading: Grading) -> None:
    grade = class_with_memo(grading, MEMO.format(average=grading.panels[0].answers.values["gain_average"]))
    page = reading_page(grading.rubric, [grade])
    assert "<bdi>ada</bdi>: Memo to the head of sales" in page
    assert "store 14 &lt;b&gt;now&lt;/b&gt;" in page
    assert "Mark scheme, 6 points" in page
    (memo,) = (item.memo for item in grading.rubric.items if item.memo)
    assert len(memo.scheme) == 6
    assert page.count("<li>") == 6
    assert all(line in page for line in memo.scheme)
    assert "it names 14." in page
    assert "<script" not in page
    for_learner = learner_page(grading.rubric, grade)
    assert "it names" not in for_learner
    assert "Mark scheme" not in for_learner


def test_without_answers_a_memo_is_read_all_the_same(grading: Grading) -> None:
    grade = class_with_memo(grading, "Nothing of use.")
    bare = replace(grade.notebooks[0], run=NotebookRun("task1-icc", Ending.FINISHED, answers={"icc": plain_value("x")}))
    read = add_evidence(grading.rubric, (bare, *grade.notebooks[1:]), grading.panels[0], grading.release)[1].items[0]
    assert Found(False, "The learner has no answer icc that could be quoted.") in read.found
    assert not any(found.there for found in read.found)


def test_the_text_is_that_of_its_cell(rubric: Rubric) -> None:
    memo = next(item for item in rubric.items if item.id == "memo")
    cells = (Cell("markdown", "a heading"), Cell("markdown", "the memo", "memo"))
    assert SubmittedNotebook("task5-memo", cells).text_of(memo.id) == "the memo"
