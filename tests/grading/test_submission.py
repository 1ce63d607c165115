"""Submitted files are limited and sanitised; what does not fit is named, never raised."""

from __future__ import annotations

import json
import os
import tempfile
import unicodedata
from copy import deepcopy
from pathlib import Path
from typing import Any

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.assignment.course import Course
from autograder.assignment.release import ReleasedNotebook, read_release
from autograder.assignment.rubric import Rubric
from autograder.errors import CourseError
from autograder.grading.files import MAX_FILE_BYTES
from autograder.grading.names import safe_name
from autograder.grading.roster import read_roster
from autograder.grading.submission import find_submissions, read_notebook


@pytest.fixture(scope="module")
def release(course: Course, rubric: Rubric) -> ReleasedNotebook:
    return read_release(course, rubric)[0]


@pytest.fixture
def notebook(course: Course) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((course.release("practice") / "task1-icc.ipynb").read_text(encoding="utf-8"))
    return loaded


def grade_id(cell: dict[str, Any]) -> str | None:
    found: str | None = cell["metadata"].get("nbgrader", {}).get("grade_id")
    return found


def read(tmp_path: Path, content: Any, release: ReleasedNotebook) -> Any:
    path = tmp_path / "task1-icc.ipynb"
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return read_notebook(path, release)


def test_an_untouched_release_comes_back_as_it_was(
    tmp_path: Path, notebook: dict[str, Any], release: ReleasedNotebook
) -> None:
    found = read(tmp_path, notebook, release)
    assert found.cells == release.cells
    assert found.notes == ()
    assert found.untouched == {cell.grade_id for cell in release.cells if not cell.locked}


def test_locked_cells_are_restored_and_solutions_kept(
    tmp_path: Path, notebook: dict[str, Any], release: ReleasedNotebook
) -> None:
    for cell in notebook["cells"]:
        cell["source"] = f"# changed {grade_id(cell)}"
    found = read(tmp_path, notebook, release)
    for cell in release.cells:
        same = [c for c in found.cells if c.grade_id == cell.grade_id and c.grade_id]
        if cell.grade_id:
            assert same[0].source == (cell.source if cell.locked else f"# changed {cell.grade_id}")
    edited = "setup_icc, var_store, var_residual, icc and icc_reading"
    assert f"Not yours to edit, and edited: {edited}. Your version was run beside" in str(found.notes)
    assert found.untouched == frozenset()


def test_deleted_duplicated_renamed_and_moved_cells_are_named(
    tmp_path: Path, notebook: dict[str, Any], release: ReleasedNotebook
) -> None:
    cells = {grade_id(cell): cell for cell in notebook["cells"] if grade_id(cell)}
    check, other, renamed = cells["icc"], cells["var_store"], cells["var_residual"]
    notebook["cells"].remove(check)
    notebook["cells"].insert(0, deepcopy(other))
    renamed["metadata"]["nbgrader"]["grade_id"] = renamed["id"] = "mine"
    other["source"] = "check('var_store', 1)"
    found = read(tmp_path, notebook, release)
    assert [cell.grade_id for cell in found.cells if cell.grade_id] == [
        cell.grade_id for cell in release.cells if cell.grade_id
    ]
    notes = " ".join(found.notes)
    assert "Deleted or renamed: var_residual and icc. Put back as handed out." in notes
    assert "There more than once: var_store. Each was run where it stands." in notes
    assert "Not of this notebook: 'mine'. Run as cells of your own." in notes
    assert "Cells were moved" in notes


def test_cells_of_the_learners_own_stay_where_they_followed(
    tmp_path: Path, notebook: dict[str, Any], release: ReleasedNotebook
) -> None:
    position = next(i for i, cell in enumerate(notebook["cells"]) if grade_id(cell) == "var_store")
    own = {"cell_type": "code", "source": ["a = 1\n", "b = 2"], "metadata": {"tags": ["skip-execution"]}, "outputs": []}
    notebook["cells"].insert(position + 1, own)
    found = read(tmp_path, notebook, release)
    place = next(i for i, cell in enumerate(found.cells) if cell.grade_id == "var_store")
    assert found.cells[place + 1].source == "a = 1\nb = 2"
    assert found.notes == ()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "the file is empty"),
        (b"%PDF-1.4", "the file is not a notebook. Hand in the .ipynb file that Jupyter saves."),
        (b"[" * 100_000, "the file is not a notebook"),
        (b'{"cells": [3]}', "not a notebook that Jupyter could have saved: Expected `object`, got `int`"),
        ({"nbformat": 4, "worksheets": []}, "it has no cells"),
        ({"nbformat": 4, "cells": [{"cell_type": "raw", "source": ""}] * 1001}, "more than 1000 cells"),
        ({"nbformat": 4, "cells": [{"cell_type": "code", "source": "x" * 10**6 + "x"}]}, "more than 1,000,000 char"),
        ({"nbformat": 4, "cells": [], "metadata": [{}] * 600_001}, "too many parts. Clear the outputs"),
        (b" " * (MAX_FILE_BYTES + 1), "larger than 64 MB"),
        (b"\0" * 4096, "nothing is in the file but zeros"),
        (b'{"cells": [\n<<<<<<< HEAD\n{}\n=======\n>>>>>>> theirs\n]}', "git has left the marks of a merge"),
        (b'{"cells": [{"cell_type": "co', "the file ends in the middle"),
        (b"<!DOCTYPE html><html></html>", "this is a web page"),
    ],
)
def test_what_is_not_a_notebook_is_said_to_the_learner(
    tmp_path: Path, release: ReleasedNotebook, content: Any, said: str
) -> None:
    found = read(tmp_path, content, release)
    assert said in found.problem
    assert not found.absent


def test_a_missing_notebook_is_absent(tmp_path: Path, release: ReleasedNotebook) -> None:
    found = read_notebook(tmp_path / "task1-icc.ipynb", release)
    assert found.absent
    assert found.problem == "The notebook task1-icc.ipynb was not handed in."


@pytest.mark.parametrize("kind", ["link", "folder", "pipe"])
def test_only_an_ordinary_file_is_opened(tmp_path: Path, release: ReleasedNotebook, kind: str) -> None:
    path = tmp_path / "task1-icc.ipynb"
    if kind == "link":
        path.symlink_to("/etc/passwd")
    elif kind == "folder":
        path.mkdir()
    else:
        os.mkfifo(path)
    assert "not an ordinary file" in str(read_notebook(path, release).problem)


@given(content=st.binary(max_size=300))
def test_no_bytes_raise(release: ReleasedNotebook, tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    assert read(tmp_path_factory.mktemp("bytes"), content, release).problem


def test_folders_are_learners_and_everything_else_gets_a_line(tmp_path: Path) -> None:
    (tmp_path / "anna" / "practice").mkdir(parents=True)
    for name in ("ben", ".hidden", "__MACOSX", ".ipynb_checkpoints", "._ben"):
        (tmp_path / name).mkdir()
    for name in ("notes.txt", "carl.ipynb", "dora.ZIP", ".DS_Store"):
        (tmp_path / name).touch()
    (tmp_path / "link").symlink_to(tmp_path / "anna")
    found, left_out = find_submissions(tmp_path, "practice")
    assert [(folder.student, folder.path) for folder in found] == [
        ("anna", tmp_path / "anna" / "practice"),
        ("ben", tmp_path / "ben"),
    ]
    assert sorted(one.name for one in left_out) == [".hidden", "carl.ipynb", "dora.ZIP", "link", "notes.txt"]
    assert {one.name for one in left_out if not one.is_learner} == {".hidden", "notes.txt"}


def test_a_folder_that_cannot_be_entered_gets_a_line() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        class_folder = Path(scratch)
        class_folder.chmod(0o755)
        for name in ("anna", "locked"):
            (class_folder / name / "practice").mkdir(parents=True)
        (class_folder / "locked").chmod(0)
        child = os.fork()
        if child == 0:
            status = 1
            try:
                if os.geteuid() == 0:
                    os.setuid(61180)  # root enters every folder
                found, ignored = find_submissions(class_folder, "practice")
                status = [folder.student for folder in found] != ["anna"] or "cannot be entered" not in str(ignored[0])
            finally:
                os._exit(status)
        assert os.waitpid(child, 0)[1] == 0


def test_a_folder_without_submissions_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CourseError, match="holds no submission"):
        find_submissions(tmp_path, "practice")
    with pytest.raises(CourseError, match="There is no folder"):
        find_submissions(tmp_path / "nowhere", "practice")


def test_a_saved_notebook_of_jupyter_is_read(tmp_path: Path, course: Course, release: ReleasedNotebook) -> None:
    source = nbformat.read(course.source("practice") / "task1-icc.ipynb", as_version=4)
    nbformat.write(source, tmp_path / "task1-icc.ipynb")
    assert read_notebook(tmp_path / "task1-icc.ipynb", release).problem is None


def test_what_is_said_of_a_file_does_not_repeat_the_file(tmp_path: Path, release: ReleasedNotebook) -> None:
    found = read(tmp_path, {"nbformat": 4, "cells": "\x1b[2J" + "A" * 10**6}, release)
    assert found.problem is not None
    assert len(found.problem) < 300
    assert found.problem.isprintable()


@pytest.mark.parametrize("metadata", [None, [], "x", {"nbgrader": 3}, {"nbgrader": {"grade_id": [1]}}, {"n": 10**400}])
def test_metadata_of_any_shape_is_no_reason_to_refuse_a_notebook(
    tmp_path: Path, release: ReleasedNotebook, metadata: Any
) -> None:
    cell = {"cell_type": "code", "source": "mine = 1", "metadata": metadata}
    found = read(tmp_path, {"nbformat": 4, "cells": [cell]}, release)
    assert found.problem is None
    assert "mine = 1" in [cell.source for cell in found.cells]


def test_what_is_there_in_the_place_of_submissions_is_named(tmp_path: Path) -> None:
    (tmp_path / ".rf").mkdir()
    (tmp_path / "-notes.txt").touch()
    with pytest.raises(CourseError, match="holds no submission") as refused:
        find_submissions(tmp_path, "practice")
    assert ".rf: its name starts with a dot" in str(refused.value)
    assert "-notes.txt: not a folder" in str(refused.value)


STRANGE = (
    *(
        "a<script>",
        "x" * 129,
        "a>b",
        'a"b',
        "a\\b",
        "a\x1b[2J",
        "a\x85b",
        "=1",
        "-rf",
        "@SUM(A1)",
        "a+b",
        "ä" * 127,
        "AD\\ada",
    ),
    *("می\u200cخواهم", "क्\u200dष", "a\u00a0b", "\u202eevil", "\u200fא", "Zoe\u0308", "two\nlines", "\ud800x"),
)


def is_safe_to_file_under(name: str) -> bool:
    return (
        name.isprintable()
        and not set(name) & set('<>"\\/+')
        and name[0] not in "=-@."
        and len(name) <= 128  # as in nbgrader's gradebook
        and len(name.encode("utf-8")) <= 255
        and unicodedata.is_normalized("NFC", name)
    )


@pytest.mark.parametrize("name", STRANGE)
def test_a_learner_of_any_name_is_graded_under_one_that_is_safe(tmp_path: Path, name: str) -> None:
    raw = name.encode("utf-8", "surrogatepass")
    os.mkdir(os.path.join(os.fsencode(tmp_path), raw))
    ((folder,), left_out) = find_submissions(tmp_path, "practice")
    assert left_out == ()
    assert is_safe_to_file_under(folder.student)
    assert safe_name(folder.student) == folder.student
    assert folder.path.is_dir()
    assert not set(folder.shown) & {"\x1b", "\n", "\x85", "\u202e", "\ud800"}


@given(name=st.text(min_size=1, max_size=300))
def test_every_name_has_a_safe_one_of_its_own(name: str) -> None:
    safe = safe_name(name)
    assert is_safe_to_file_under(safe)
    assert safe_name(safe) == safe
    assert safe == name or safe != safe_name(f"{name}+")


def test_names_that_look_alike_are_two_learners(tmp_path: Path) -> None:
    for name in ("Zo\u00eb", "Zoe\u0308", "a b", "a\u00a0b"):
        (tmp_path / name).mkdir()
    found, left_out = find_submissions(tmp_path, "practice")
    assert left_out == ()
    assert len({folder.student for folder in found}) == 4
    assert {"Zo\u00eb", "a b"} < {folder.student for folder in found}


def test_a_name_that_another_is_filed_under_is_named(tmp_path: Path) -> None:
    (tmp_path / "a+b").mkdir()
    (tmp_path / safe_name("a+b")).mkdir()
    _, (left_out,) = find_submissions(tmp_path, "practice")
    assert "rename one" in left_out.why
    assert left_out.is_learner


@pytest.mark.parametrize(
    "name", [*STRANGE[:12], "x" * 255, "Zoë", "O'Neill & Söhne", "李 明", "a%20b", "~anna", "$HOME", "a.b-c_d=e@f"]
)
def test_handout_and_grading_take_the_same_names(tmp_path: Path, name: str) -> None:
    (tmp_path / "class" / name).mkdir(parents=True)
    (tmp_path / "names.txt").write_text(f"\ufeff{name}\n", encoding="utf-8")
    found, _ = find_submissions(tmp_path / "class", "practice")
    assert [found[0].student] == [one.student for one in read_roster(tmp_path / "names.txt").learners]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_a_list_of_learners_is_read_in_the_encodings_of_spreadsheets(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "names.txt").write_bytes("Zoë\r\nJürgen\r\n".encode(encoding))
    learners = read_roster(tmp_path / "names.txt").learners
    assert {one.student: one.shown for one in learners} == {"Zoë": "Zoë", "Jürgen": "Jürgen"}


@pytest.mark.parametrize("second", ["zoë", "Zoe\u0308"])
def test_names_of_a_list_that_hardly_differ_are_refused(tmp_path: Path, second: str) -> None:
    (tmp_path / "names.txt").write_text(f"Zoë\n\n{second}\n", encoding="utf-8")
    with pytest.raises(CourseError, match=r"names.txt, line 3: .* hardly differs from line 1"):
        read_roster(tmp_path / "names.txt")
