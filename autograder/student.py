"""What a learner's notebook imports: `load_panel`, `check`, `progress`, `reveal`, `another` and `summary`.

At home this is the real module, and `check` answers at once with a card. While a notebook is graded, a stand-in of the
same name takes its place: `load_panel` and `another` then return the panel of that run, `check` only records what it
is given, and the others do nothing.
"""

# What answering needs is imported when something is asked: a notebook's first cell should not wait for it.

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import pandas as pd

    from autograder.tutor.cards import Card
    from autograder.tutor.tutor import Tutor

__all__ = ["another", "check", "load_panel", "progress", "reveal", "summary"]

_NOT_GIVEN: Final = object()
# The assignments whose panels were loaded in this session, the latest last: its answers are looked up first.
_loaded: list[str] = []
#: What stands in a cell that was not written yet.
_UNWRITTEN: Final = r"^raise NotImplementedError\b|^\s*# YOUR CODE HERE\s+raise NotImplementedError\b"
# The tutor for the fresh panel that `another` gave; none once `load_panel` brought the task's own back.
_fresh: list[Tutor] = []


def load_panel(assignment: str | None = None) -> pd.DataFrame:
    """Return the table to work on.

    It is the file panel.csv beside the notebook, for learners who got a table of their own, and else the assignment's,
    from the release beside the notebook or from the installed course.

    Parameters
    ----------
    assignment : str, optional
        As the notebook gives it; else the course's first. While a notebook is graded it makes no difference: the table
        is that of the run.

    Returns
    -------
    DataFrame
        Whole numbers, floats, and texts: ids such as "007" stay as they are.
    """
    from autograder.assignment.key import PANEL_FILE, Dataset, assignments_panel

    _fresh.clear()
    file = Path.cwd() / PANEL_FILE
    if file.is_file():
        table = Dataset.from_csv(file)
    else:
        from autograder.assignment.course import installed_course
        from autograder.assignment.release_file import release_beside

        beside = release_beside(Path.cwd())
        if beside and assignment in (None, beside.release.contents.assignment):
            rubric = beside.rubric()
        else:
            course = installed_course()
            rubric = course.rubric(assignment or course.assignments[0])
        table = assignments_panel(rubric)
    if assignment is not None:
        _loaded.append(assignment)
    return table.frame


def check(name: str, value: object = _NOT_GIVEN) -> None:
    """Say whether an answer is right, and what to think about if it is not; never what the right answer is.

    Each time you come with another answer that is not right either, it says a little more. What you answered is kept
    in the folder ``.mlm`` beside the notebook.

    Parameters
    ----------
    name : str
        The name of the answer, as the task gives it.
    value : object
        Your answer. Without one, the notebook's variable of that name is taken.
    """
    if value is _NOT_GIVEN and isinstance(name, str):
        shell = _shell()
        variables = sys._getframe(1).f_globals if shell is None else shell.user_ns
        value = variables.get(name, _NOT_GIVEN)

    def card(tutor: Tutor) -> Card:
        from autograder.tutor import checking

        if not isinstance(name, str):
            return checking.nameless_card(tutor)
        if value is not _NOT_GIVEN and _fresh:
            from autograder.tutor.practice import practised_card

            return practised_card(tutor, _fresh[-1], name, value)
        if value is not _NOT_GIVEN:
            return checking.card_for(tutor, name, value)
        return checking.missing_card(tutor, name) if tutor.find(name) else checking.unknown_card(tutor, name)

    _answer(name if isinstance(name, str) else "check", card)


def progress() -> None:
    """Show how far you are: a bar for each task."""

    def card(tutor: Tutor) -> Card:
        from autograder.tutor.progress_cards import progress_card

        return progress_card(tutor)

    _answer("progress", card)


def reveal(name: str) -> None:
    """Show the right answer and the way to it, if you study alone; it earns no points afterwards, as `progress` says.

    Parameters
    ----------
    name : str
        The name of the answer, as the task gives it; of a memo, which is shown a checklist for; or of the notebook,
        whose solution is put beside it once you tried each answer.
    """

    def card(tutor: Tutor) -> Card:
        from autograder.tutor.progress_cards import reveal_card

        return reveal_card(_fresh[-1] if _fresh else tutor, str(name))

    _answer(str(name), card)


def another(name: str) -> pd.DataFrame | None:
    """Return a fresh panel to practise an answer on, if you study alone.

    Until you call `load_panel` again, `check` compares with this panel, and no points change. An answer is mastered
    when it was right on the task's panel, and then on a fresh one without a hint.

    Parameters
    ----------
    name : str
        The name of the answer, as the task gives it.

    Returns
    -------
    DataFrame or None
        With the same columns as the task's panel, other groups, and other numbers; None where a card says why not.
    """

    def card(tutor: Tutor) -> Card:
        from autograder.tutor.practice import another_card

        shown, fresh = another_card(tutor, str(name))
        if fresh is not None:
            _fresh[:] = [fresh]
            given.append(fresh.key(fresh.rubrics[0]).panel.frame)
        return shown

    given: list[pd.DataFrame] = []
    _answer(str(name), card)
    return next(iter(given), None)


def summary() -> None:
    """Show what you have learned so far, and write it into the page summary.html beside the notebook, to keep."""

    def card(tutor: Tutor) -> Card:
        from autograder.tutor.study_page import summary_card

        return summary_card(tutor)

    _answer("summary", card)


def _answer(name: str, card: Callable[[Tutor], Card]) -> None:
    """Show a card; whatever fails on our side is said on one too, for a traceback of ours helps no learner."""
    language = os.environ.get("MLM_LANGUAGE") or None
    try:
        from autograder.tutor.tutor import tutor_in

        # This is the learner's own session.
        worked_on = next(iter(_loaded[-1:]), None)
        shown = card(tutor_in(Path.cwd(), language, worked_on=worked_on, own_code=True))
    except Exception as problem:
        from autograder.language.catalogue import DEFAULT, LANGUAGES
        from autograder.tutor.checking import trouble_card

        shown = trouble_card(name, problem, language if language in LANGUAGES else DEFAULT)
    if _shell() is None:
        print(shown.as_text())
        return
    from IPython.display import display

    display(shown)


def _shell() -> Any:
    """Return the IPython session this runs in, a notebook's kernel included; None in plain Python."""
    if "IPython" not in sys.modules:
        return None
    from IPython.core.getipython import get_ipython

    return get_ipython()


def _explain_what_is_not_there_yet(shell: Any) -> None:
    """Let a cell that was not written yet, and `check("icc", icc)` without an icc, say what to do on a card.

    Python would only print a traceback. The name is looked up before `check` is called, so this is the one place to say
    it. Every other error is shown as ever, and where the session has handlers of its own nothing is changed.
    """
    if shell is None or shell.custom_exceptions:
        return

    def handle(
        shell: Any, kind: type[BaseException], error: BaseException, trace: Any, tb_offset: int | None = None
    ) -> None:
        cell = str(shell.user_ns.get("In", [""])[-1])
        if isinstance(error, NotImplementedError) and re.search(_UNWRITTEN, cell, re.MULTILINE):
            _answer("cell", _empty_cell)
        elif (
            isinstance(error, NameError)
            and error.name
            and re.search(rf"""\bcheck\(\s*["']{re.escape(error.name)}["']\s*,\s*{error.name}\b""", cell)
        ):
            check(error.name)
        else:
            shell.showtraceback((kind, error, trace), tb_offset=tb_offset)

    shell.set_custom_exc((NameError, NotImplementedError), handle)


def _empty_cell(tutor: Tutor) -> Card:
    from autograder.tutor.checking import empty_cell_card

    return empty_cell_card(tutor)


_explain_what_is_not_there_yet(_shell())
