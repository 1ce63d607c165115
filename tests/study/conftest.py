"""Folders as learners have them: studying alone, or with notebooks that a teacher handed out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from autograder.assignment.course import CHECK_FILE, check_file
from autograder.assignment.rubric import Rubric, Says
from autograder.tutor.progress import Study, write_study
from autograder.tutor.tutor import Tutor, tutor_in


@pytest.fixture
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which someone studies alone, and from which the notebook runs."""
    folder = tmp_path / "practice"
    write_study(folder, Study("practice"))
    monkeypatch.chdir(folder)
    monkeypatch.delenv("MLM_LANGUAGE", raising=False)
    return folder


@pytest.fixture
def handed_out(tmp_path: Path, rubric: Rubric, monkeypatch: pytest.MonkeyPatch) -> Callable[[Says], Path]:
    """Make a folder of released notebooks in which `check` says so much."""

    def make(says: Says) -> Path:
        folder = tmp_path / says.replace(" ", "-")
        folder.mkdir()
        (folder / CHECK_FILE).write_text(check_file(msgspec.structs.replace(rubric, check_says=says)), encoding="utf-8")
        monkeypatch.chdir(folder)
        return folder

    return make


@pytest.fixture
def tutor(alone: Path) -> Tutor:
    """The tutor of who studies alone."""
    return tutor_in(alone)
