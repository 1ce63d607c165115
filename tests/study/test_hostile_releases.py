"""A `release.json` beside notebooks is anybody's file: nothing in it runs, and what is wrong with it is a sentence."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from autograder.assignment.course import Course
from autograder.assignment.release_file import RELEASE_FILE, Release, as_text, read_release_file
from autograder.cli import main
from autograder.student import check

Capture = pytest.CaptureFixture[str]
Make = Callable[[Release, str], str]

DEEP = "[" * 900 + "]" * 900


def replaced(release: Release, **contents: Any) -> str:
    return as_text(msgspec.structs.replace(release, contents=msgspec.structs.replace(release.contents, **contents)))


def declaring(release: Release, **changes: Any) -> str:
    return replaced(release, declaration={**release.contents.declaration, **changes})


def asking(release: Release, **changes: Any) -> str:
    """Return the release with a change in its first item."""
    first, *others = release.contents.declaration["notebook"]
    items = [{**first["item"][0], **changes}, *first["item"][1:]]
    return declaring(release, notebook=[{**first, "item": items}, *others])


def with_formulas(release: Release, change: Callable[[str], str]) -> str:
    models = release.contents.declaration["models"]
    return declaring(release, models={name: change(formula) for name, formula in models.items()})


def renamed(release: Release, name: str) -> str:
    first, *others = release.contents.declaration["notebook"]
    return declaring(release, notebook=[{**first, "name": name}, *others])


def with_notebooks(release: Release, text: str | None) -> str:
    notebooks = {} if text is None else dict.fromkeys(release.notebooks, text)
    return as_text(msgspec.structs.replace(release, notebooks=notebooks))


#: What learners could put in the place of a release; the second argument is a call that writes a file.
HOSTILE: dict[str, Make] = {
    "a formula that writes": lambda r, call: with_formulas(r, lambda formula: f"{formula} + I({call})"),
    "a response that writes": lambda r, call: with_formulas(r, lambda _: f"I({call}) ~ week + (1 | store_id)"),
    "an effect that writes": lambda r, call: with_formulas(r, lambda _: f"sales ~ week + (1 + I({call}) | store_id)"),
    "a column that writes": lambda r, call: declaring(r, derive={"more": call}),
    "a known mistake that writes": lambda r, call: asking(r, also={"more": call}, hints={"more": "x"}),
    "a column too large": lambda r, _: declaring(r, derive={"more": "9 ** 9 ** 9 ** 9"}),
    "a formula that is none": lambda r, _: with_formulas(r, lambda _: "\x1b[2J" + "(" * 2_000),
    "JSON too deep": lambda r, _: "[" * 100_000,
    "a declaration too deep": lambda r, _: as_text(r).replace('"mistakes":', f'"x": {DEEP}, "mistakes":', 1),
    "a parameter too deep": lambda r, _: as_text(r).replace('"ask":', f'"centre": {DEEP}, "ask":', 1),
    "an unknown question": lambda r, _: asking(r, ask="oracle"),
    "a question of another type": lambda r, _: asking(r, ask=["icc"]),
    "points that are a text": lambda r, _: asking(r, points="many"),
    "points that no float holds": lambda r, _: as_text(r).replace('"points": 2', '"points": 1e999', 1),
    "a whole number too large": lambda r, _: as_text(r).replace('"points": 2', f'"points": {"9" * 5_000}', 1),
    "a tolerance below zero": lambda r, _: asking(r, tolerance=-1.0),
    "a notebook elsewhere": lambda r, _: renamed(r, "../written"),
    "a notebook of the system": lambda r, _: renamed(r, "/etc/written"),
    "a table of one cell": lambda r, _: replaced(r, table="x"),
    "a table of two rows": lambda r, _: replaced(r, table="sales,week\n1,2\n2,3\n"),
    "words of another type": lambda r, _: replaced(r, words={"en": {"title": 7}, "de": {"title": 7}}),
    "a key too many": lambda r, _: as_text(r).replace('"id":', '"ids": "", "id":', 1),
    "a package that steers": lambda r, _: as_text(
        msgspec.structs.replace(r, policies=msgspec.structs.replace(r.policies, packages=("\x1b[2J",)))
    ),
    "nothing": lambda r, _: "",
    "half characters": lambda r, _: as_text(r).replace('"title":', '"title": "\\ud800", "x":', 1),
}
#: What only `mlm check` reads.
UNREADABLE: dict[str, Make] = {
    "no notebooks": lambda r, _: with_notebooks(r, None),
    "notebooks that are none": lambda r, _: with_notebooks(r, '{"cells": 7}'),
    "notebooks too deep": lambda r, _: with_notebooks(r, DEEP * 100),
    "cells of another type": lambda r, _: with_notebooks(
        r, '{"nbformat": 4, "nbformat_minor": 5, "metadata": {"mlm": 7}, "cells": [{"metadata": {"nbgrader": 7}}]}'
    ),
}


@pytest.fixture
def work(course: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A learner's folder with a notebook in it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLM_LANGUAGE", raising=False)
    return Path(shutil.copy(course.release("practice") / "task1-icc.ipynb", tmp_path))


@pytest.fixture(scope="session")
def release(course: Course) -> Release:
    found = read_release_file(course.release("practice") / RELEASE_FILE)
    assert found is not None
    return found


def mlm(*arguments: object) -> int:
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    return int(ended.value.code or 0)


@pytest.mark.parametrize("name", [*HOSTILE, *UNREADABLE])
def test_a_made_up_release_runs_nothing_and_is_refused_in_a_sentence(
    name: str, release: Release, work: Path, capsys: Capture
) -> None:
    written = work.parent / "written"
    outside = set(work.parents[1].iterdir())
    call = f"__import__('pathlib').Path({str(written)!r}).write_text('gotcha')"
    made = {**HOSTILE, **UNREADABLE}[name](release, call)
    (work.parent / RELEASE_FILE).write_text(made, encoding="utf-8")
    assert mlm("check", work) == 2
    message = capsys.readouterr().err
    assert message.startswith("mlm: ")
    assert RELEASE_FILE in message
    assert len(message) < 1_000
    assert "\x1b" not in message
    if name in HOSTILE:
        check("icc", 0.06)
        card = capsys.readouterr().out
        assert "icc: noted" in card
        assert RELEASE_FILE in card
    assert not written.exists()
    assert set(work.parents[1].iterdir()) == outside


def test_only_an_ordinary_file_of_a_bounded_size_is_read(work: Path, capsys: Capture) -> None:
    path = work.parent / RELEASE_FILE
    path.touch()
    os.truncate(path, 65 * 1024**2)
    assert mlm("check", work) == 2
    path.unlink()
    os.mkfifo(path)
    assert mlm("check", work) == 2
    path.unlink()
    path.symlink_to("/dev/zero")
    assert mlm("check", work) == 2
    assert capsys.readouterr().err.count("a release is an ordinary file of at most 64 MB. Get it again.") == 3


def test_what_steers_a_terminal_is_not_printed(release: Release, work: Path, capsys: Capture) -> None:
    steering = asking(release, title="\x1b[2J", advice="\x1b]0;x\x07", id="var_store")
    (work.parent / RELEASE_FILE).write_text(steering, encoding="utf-8")
    assert mlm("check", work) == 1
    printed = capsys.readouterr()
    assert "var_store" in printed.out
    assert "\x1b" not in printed.out + printed.err


def test_a_course_that_is_named_comes_before_a_release_beside(course: Course, work: Path, capsys: Capture) -> None:
    (work.parent / RELEASE_FILE).write_text("nothing", encoding="utf-8")
    assert mlm("check", work, "--course", course.root) == 1
    assert "var_store" in capsys.readouterr().out
