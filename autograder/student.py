"""What a learner's notebook imports: `load_panel` and `check`.

At home this is the real module, and `check` answers at once where the course's answer key is at hand. While a notebook
is graded, a stand-in of the same name takes its place: `load_panel` then returns the panel of that run, and `check`
only records what it is given.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from autograder.answers import Value
from autograder.errors import AutograderError, CourseError

__all__ = ["check", "load_panel"]

# What was answered before in this session, for answers that rest on others.
_answered: dict[str, Value] = {}
# The assignments whose panels were loaded in this session, the latest last: its answers are looked up first.
_loaded: list[str] = []


def load_panel(assignment: str = "practice") -> pd.DataFrame:
    """Return the panel to work on: one row per store and week.

    It is the file panel.csv beside the notebook, for learners who got a panel of their own, and else the assignment's.

    Parameters
    ----------
    assignment : str
        As the notebook gives it. While a notebook is graded it makes no difference: the panel is that of the run.

    Returns
    -------
    DataFrame
        store_id and week are whole numbers, and so is city_id where there are cities; youtube, facebook, newspaper
        (spend) and sales are in thousands.
    """
    from reference.datasets import panel_in

    panel = panel_in(Path.cwd(), assignment).frame
    _loaded.append(assignment)
    return panel


def check(name: str, value: object) -> None:
    """Say whether an answer is right, and what to think about if it is not; never what the right answer is.

    Parameters
    ----------
    name : str
        The name of the answer, as the task gives it.
    value : object
        Your answer.
    """
    from autograder.answers import plain_value
    from autograder.course import find_course
    from autograder.key import own_panel
    from autograder.records import ItemResult, Verdict
    from autograder.scoring import judge_alone

    try:
        course = find_course(Path.cwd())
        # Two assignments may have an item of one name: the one that is being worked on comes first.
        names = sorted(course.assignments, key=lambda assignment: assignment not in _loaded[-1:])
        rubrics = [course.rubric(assignment) for assignment in names]
        found = [(rubric, item) for rubric in rubrics for item in rubric.items if item.id == name]
        if not found:
            print(f"{name}: there is no answer of this name. Is it spelt as in the task?")
            return
        rubric, item = found[0]
        answer = plain_value(value)
        result: ItemResult = judge_alone(rubric, item, answer, own_panel(rubric, Path.cwd()), _answered)
        _answered[item.id] = answer
    except CourseError:
        print(f"{name}: noted. The answers are not on this computer, so this is compared when it is handed in.")
        return
    except AutograderError as error:
        print(f"{name}: this could not be compared, and that is not your doing: {error}")
        return
    sign = "✓" if result.verdict is Verdict.CORRECT else "✗"
    print(f"{sign} {name}: {result.reason}" + (f" {result.hint}" if result.hint else ""))
