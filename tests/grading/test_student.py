"""What a learner's notebook imports: at home it answers at once, and agrees with the grading."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from autograder.answers import plain_value
from autograder.key import Keyed, expected
from autograder.rubric import Rubric
from autograder.scoring import judge_alone
from autograder.student import check, load_panel
from reference import tutorial_panel


@pytest.fixture(autouse=True)
def at_home(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root / "exercises" / "practice")


def test_the_panel_is_the_tutorials() -> None:
    pd.testing.assert_frame_equal(load_panel(), tutorial_panel().frame)


def test_check_says_what_grading_says(
    rubric: Rubric, panels: tuple[Keyed, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    own = panels[0]
    for item in rubric.items:
        if item.kind == "manual":
            continue
        wrong = list(own.answers.mistakes.get(item.id, {}).values())
        for value in (expected(item, own.answers), *wrong, "a text", None):
            result = judge_alone(rubric, item, plain_value(value), own)
            check(item.id, value)
            printed = capsys.readouterr().out
            assert result.reason in printed
            assert (result.hint or "") in printed
            assert printed.startswith("✓" if result.score == result.points else "✗")


def test_an_unknown_name_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    check("icq", 0.1)
    assert capsys.readouterr().out == "icq: there is no answer of this name. Is it spelt as in the task?\n"


def test_where_the_course_is_not_at_hand_an_answer_is_noted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    check("icc", 0.1)
    assert "The answers are not on this computer" in capsys.readouterr().out
