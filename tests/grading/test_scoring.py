"""From runs to item results: panels, known mistakes, dependencies, and why there is no answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import msgspec
import pytest

from autograder.assignment.key import Keyed, expected
from autograder.assignment.rubric import Rubric
from autograder.records.grading import (
    Cell,
    CellRun,
    Ending,
    ItemResult,
    NotebookRun,
    SubmittedNotebook,
    Verdict,
)
from autograder.records.values import CellError, Value
from autograder.sandbox.wire import plain_value
from autograder.scoring.items import ELSEWHERE, judge_alone, resolve_dependencies, score_notebook
from autograder.scoring.left_out import failed_only_there

TASK = "task1-icc"
CELLS = (Cell("code", "fit", "fit_icc"), *(Cell("code", "", name, locked=True) for name in ("var_store", "icc")))


def right_answers(rubric: Rubric, keyed: Keyed) -> dict[str, Value]:
    return {
        item.id: plain_value(expected(item, keyed.answers))
        for notebook in rubric.notebook
        for item in notebook.item
        if notebook.name == TASK
    }


def score(
    rubric: Rubric,
    panels: tuple[Keyed, ...],
    changes: Mapping[str, object],
    *,
    only: int | None = None,
    notebook: SubmittedNotebook | None = None,
    run: NotebookRun | None = None,
) -> dict[str, ItemResult]:
    """Score the right answers of task 1 with changes, made on all panels or on one; None takes an answer away."""
    notebook = notebook or SubmittedNotebook(TASK, CELLS)
    runs = []
    for position, keyed in enumerate(panels):
        answers = right_answers(rubric, keyed)
        if only in (None, position):
            for name, value in changes.items():
                answers[name] = plain_value(value)
                if value is None:
                    del answers[name]
        runs.append((keyed, replace(run or NotebookRun(TASK, Ending.FINISHED), answers=answers)))
    return resolve_dependencies(rubric, score_notebook(rubric, notebook, runs))


def test_right_everywhere_is_right(rubric: Rubric, panels: tuple[Keyed, ...]) -> None:
    found = score(rubric, panels, {})
    assert {item.verdict for item in found.values()} == {Verdict.CORRECT}
    assert all(item.score == item.points and item.hint is None for item in found.values())


def test_every_known_mistake_is_named_and_has_words(rubric: Rubric, panels: tuple[Keyed, ...]) -> None:
    seen = 0
    for keyed in panels:
        for item in rubric.items:
            mistakes = keyed.answers.mistakes.get(item.id, {})
            for mistake, value in mistakes.items():
                found = judge_alone(rubric, item, plain_value(value), keyed)
                if found.verdict is Verdict.CORRECT:
                    continue  # on this panel the mistake is too close to tell; on another it is not
                words = item.hints.get(mistake)
                assert words, (item.id, mistake)
                # Two names may stand for one value here, or for one misunderstanding.
                same = {name for name in mistakes if mistakes[name] == value or item.hints.get(name) == words}
                assert found.mistake in same, (item.id, mistake)
                assert found.hint
                seen += 1
    assert seen > 60


def test_right_on_the_known_panel_alone_is_a_typed_in_number(rubric: Rubric, panels: tuple[Keyed, ...]) -> None:
    found = score(rubric, panels, {"var_store": 0.5}, only=1)["var_store"]
    assert (found.verdict, found.score, found.hint) == (Verdict.WRONG, 0.0, None)
    assert "another panel" in found.reason


def test_what_is_wrong_on_the_known_panel_is_said_first(rubric: Rubric, panels: tuple[Keyed, ...]) -> None:
    mistaken = panels[0].answers.mistakes["icc"]["upside_down"]
    found = score(rubric, panels, {"icc": mistaken})["icc"]
    assert found.mistake == "upside_down"
    assert "another panel" not in found.reason


def test_what_needs_a_failed_item_is_skipped_unless_it_is_right(rubric: Rubric, panels: tuple[Keyed, ...]) -> None:
    both = score(rubric, panels, {"var_store": 99.0, "icc": 0.99})
    assert both["icc"].verdict is Verdict.SKIPPED
    assert "var_store" in both["icc"].reason
    right_all_the_same = score(rubric, panels, {"var_store": 99.0})
    assert right_all_the_same["icc"].verdict is Verdict.CORRECT


def test_an_answer_of_the_wrong_kind_is_told_as_such_and_not_skipped(rubric: Rubric, panels: tuple[Keyed, ...]) -> None:
    found = score(rubric, panels, {"var_store": 99.0, "icc": "high"})["icc"]
    assert found.verdict is Verdict.MALFORMED
    assert found.reason.startswith("This must be one number, but it is a text. Give the number alone")


@pytest.mark.parametrize(
    ("error", "verdict", "said"),
    [
        (
            CellError("ValueError", "no such column", 3, "fit = model.fit()"),
            Verdict.CRASHED,
            "Line 3 of the cell fit_icc was left out, so the answer never got its value: ValueError: no such column.",
        ),
        (
            CellError("MemoryError", "", 1, "a = [0] * 10**12"),
            Verdict.OUT_OF_MEMORY,
            "Line 1 of the cell fit_icc was left out, so the answer never got its value: MemoryError.",
        ),
    ],
)
def test_a_statement_that_failed_before_the_check_is_the_reason(
    rubric: Rubric, panels: tuple[Keyed, ...], error: CellError, verdict: Verdict, said: str
) -> None:
    checks = CellError("NameError", "name 'icc' is not defined", 1, 'check("icc", icc)')
    run = NotebookRun(TASK, Ending.FINISHED, (CellRun(0, (), (error,)), CellRun(2, (), (checks,))))
    found = score(rubric, panels, {"icc": None}, run=run)["icc"]
    assert (found.verdict, found.score, found.reason) == (verdict, 0.0, said)


def test_the_statement_that_an_answer_lacks_is_named_rather_than_the_first(
    rubric: Rubric, panels: tuple[Keyed, ...]
) -> None:
    failed = (
        CellError("OSError", "no program", 1, "!pip install statsmodels"),
        CellError("ModuleNotFoundError", "No module named 'x'", 2, "import x"),
        CellError("ValueError", "no such column", 3, "fit = model.fit()"),
        CellError("NameError", "name 'fit' is not defined", 4, "icc = share(fit)"),
        CellError("NameError", "name 'icc' is not defined", 5, "print(icc)"),
    )
    found = score(rubric, panels, {"icc": None}, run=NotebookRun(TASK, Ending.FINISHED, (CellRun(0, (), failed),)))
    assert found["icc"].reason.startswith("Line 3 of the cell fit_icc")
    run = NotebookRun(TASK, Ending.FINISHED, (CellRun(0, (), failed[:2]),))
    assert score(rubric, panels, {"icc": None}, run=run)["icc"].reason.startswith("Line 2 of the cell fit_icc")


def test_want_of_memory_explains_what_is_lacking(rubric: Rubric, panels: tuple[Keyed, ...]) -> None:
    failed = (
        CellError("MemoryError", "Unable to allocate", 1, "grid = np.zeros((80_000, 80_000))"),
        CellError("NameError", "name 'grid' is not defined", 2, "for row in grid:"),
        CellError("NameError", "name 'fit' is not defined", 3, "icc = share(fit)"),
    )
    found = score(rubric, panels, {"icc": None}, run=NotebookRun(TASK, Ending.FINISHED, (CellRun(0, (), failed),)))
    assert found["icc"].verdict is Verdict.OUT_OF_MEMORY


def test_where_an_error_ends_the_cell_it_is_said_so(rubric: Rubric, panels: tuple[Keyed, ...]) -> None:
    rubric = msgspec.structs.replace(rubric, after_error="next cell")
    error = CellError("ValueError", "no such column", 3, "fit = model.fit()")
    found = score(rubric, panels, {"icc": None}, run=NotebookRun(TASK, Ending.FINISHED, (CellRun(0, (), (error,)),)))
    assert found["icc"].reason.startswith("Line 3 of the cell fit_icc stopped the cell")


def test_an_answer_that_is_there_is_judged_whatever_was_left_out(rubric: Rubric, panels: tuple[Keyed, ...]) -> None:
    error = CellError("ModuleNotFoundError", "No module named 'x'", 1, "import x")
    run = NotebookRun(TASK, Ending.FINISHED, (CellRun(0, (), (error,)),))
    assert score(rubric, panels, {"icc": None}, run=run)["var_store"].verdict is Verdict.CORRECT


def test_cells_that_failed_on_a_hidden_panel_alone_are_named() -> None:
    at_home = CellError("ValueError", "a", 1, "a")
    own = NotebookRun(TASK, Ending.FINISHED, (CellRun(0, (), (at_home,)),))
    locked = CellRun(CELLS.index(next(cell for cell in CELLS if cell.locked)), (), (at_home,))
    there = NotebookRun(TASK, Ending.FINISHED, (CellRun(0, (), (at_home,)), locked))
    notebook = SubmittedNotebook(TASK, CELLS)
    assert failed_only_there(notebook, own, [there]) == ()
    there = NotebookRun(TASK, Ending.FINISHED, (CellRun(0, (), (at_home, CellError("KeyError", "b", 2, "b"))),))
    assert failed_only_there(notebook, own, [there]) == ("fit_icc",)


class Leak:
    """A value whose type is named after what a learner read from the hidden panel."""


Leak.__name__ = "20028;23997;7.31"


@pytest.mark.parametrize("value", [Leak(), "7.31", [7.31, 7.32], {"7.31": 1.0}, 99.0])
def test_nothing_is_said_of_what_was_found_on_the_hidden_panel(
    rubric: Rubric, panels: tuple[Keyed, ...], value: object
) -> None:
    for item in ("icc", "var_store", "icc_reading"):
        found = score(rubric, panels, {item: value}, only=1)[item]
        assert (found.reason, found.hint, found.mistake, found.score) == (ELSEWHERE, None, None, 0.0)


def test_nor_of_a_crash_there(rubric: Rubric, panels: tuple[Keyed, ...]) -> None:
    run = NotebookRun(TASK, Ending.FINISHED, (CellRun(0, (), (CellError("Leak731", "7.31", 731, "7.31"),)),))
    found = score(rubric, panels, {"icc": None}, only=1, run=run)["icc"]
    assert (found.verdict, found.reason) == (Verdict.CRASHED, ELSEWHERE)


def test_what_is_partly_right_at_home_and_wrong_elsewhere_is_told_by_home(
    rubric: Rubric, panels: tuple[Keyed, ...]
) -> None:
    item = next(item for item in rubric.items if item.id == "top5")
    own = panels[0].answers.values["top5"]
    assert isinstance(own, tuple)
    typed = NotebookRun("task3-store-slopes", Ending.FINISHED, answers={"top5": plain_value(own[::-1])})
    notebook = SubmittedNotebook("task3-store-slopes", ())
    found = {r.item: r for r in score_notebook(rubric, notebook, [(keyed, typed) for keyed in panels])}[item.id]
    assert (found.verdict, found.score) == (Verdict.WRONG, 0.0)
    assert found.reason == "These are the right ones, but not in the right order."


def test_an_untouched_cell_is_missing_and_not_crashed(rubric: Rubric, panels: tuple[Keyed, ...]) -> None:
    notebook = SubmittedNotebook(TASK, CELLS, untouched=frozenset({"fit_icc"}))
    error = CellError("NotImplementedError", "", 1, "raise NotImplementedError()")
    run = NotebookRun(TASK, Ending.FINISHED, (CellRun(0, (), (error,)),))
    found = score(rubric, panels, {"icc": None}, notebook=notebook, run=run)["icc"]
    assert found.verdict is Verdict.MISSING
    assert found.reason == "The cell fit_icc is still as it was handed out."


@pytest.mark.parametrize("ending", [ending for ending in Ending if ending is not Ending.FINISHED])
def test_a_run_cut_short_says_so_and_keeps_the_answers_before(
    rubric: Rubric, panels: tuple[Keyed, ...], ending: Ending
) -> None:
    found = score(rubric, panels, {"icc": None}, run=NotebookRun(TASK, ending))
    assert found["icc"].verdict == ending.value
    assert found["var_store"].verdict is Verdict.CORRECT


def test_an_answer_never_given_is_missing(rubric: Rubric, panels: tuple[Keyed, ...]) -> None:
    assert score(rubric, panels, {"icc": None})["icc"].reason == "No cell gives icc a value."


def test_made_up_numbers_that_agree_with_each_other_earn_nothing(rubric: Rubric, panels: tuple[Keyed, ...]) -> None:
    """A right step counts in part where it was taken from results, and constants are none."""
    reading = {"percent": 50, "of": "what the predictors leave unexplained", "lies": "between stores"}
    made_up = {"var_store": 1.0, "var_residual": 1.0, "icc": 0.5, "icc_reading": reading}
    found = score(rubric, panels, made_up)
    assert {item: result.score for item, result in found.items()} == dict.fromkeys(made_up, 0.0)
    assert found["icc"].verdict is found["icc_reading"].verdict is Verdict.SKIPPED
    # Also on one panel alone: a learner at home is told which numbers to put right first.
    assert score(rubric, panels[:1], made_up)["icc"].verdict is Verdict.SKIPPED
    near = {"var_store": 1.0, "var_residual": 4.0, "icc": 0.2}
    assert score(rubric, panels[:1], near)["icc"].verdict is Verdict.CARRIED
