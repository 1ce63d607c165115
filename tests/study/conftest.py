"""Folders as learners have them: studying alone, or with notebooks that a teacher handed out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from autograder.assignment.course import Course
from autograder.assignment.release_file import RELEASE_FILE, as_text, read_release_file
from autograder.assignment.rubric import Says
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
def handed_out(tmp_path: Path, course: Course, monkeypatch: pytest.MonkeyPatch) -> Callable[[Says], Path]:
    """Make a folder of released notebooks in which `check` says so much."""

    def make(says: Says) -> Path:
        folder = tmp_path / says.replace(" ", "-")
        folder.mkdir()
        release = read_release_file(course.release("practice") / RELEASE_FILE)
        assert release is not None
        policies = msgspec.structs.replace(release.policies, check_says=says)
        text = as_text(msgspec.structs.replace(release, policies=policies))
        (folder / RELEASE_FILE).write_text(text, encoding="utf-8")
        monkeypatch.chdir(folder)
        return folder

    return make


@pytest.fixture
def tutor(alone: Path) -> Tutor:
    """The tutor of who studies alone."""
    return tutor_in(alone)
