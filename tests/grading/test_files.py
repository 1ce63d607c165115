"""Whatever a learner's files are called and were saved by, the notebook is found, and everything else is named."""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from autograder.assignment.course import Course
from autograder.assignment.release import ReleasedNotebook, read_release
from autograder.assignment.rubric import Rubric
from autograder.grading.files import MAX_FILE_BYTES, MAX_FILES
from autograder.grading.own_files import MAX_OWN_BYTES, MAX_OWN_FILES
from autograder.grading.submission import SubmissionFolder, find_submissions, read_submission
from autograder.records.grading import Submission

NAME = "task1-icc.ipynb"


@pytest.fixture(scope="module")
def release(course: Course, rubric: Rubric) -> tuple[ReleasedNotebook, ...]:
    return read_release(course, rubric)


@pytest.fixture
def solved(course: Course) -> Callable[[str], dict[str, Any]]:
    def load(name: str = NAME) -> dict[str, Any]:
        loaded: dict[str, Any] = json.loads((course.source("practice") / name).read_text(encoding="utf-8"))
        return loaded

    return load


@pytest.fixture
def read(tmp_path: Path, release: tuple[ReleasedNotebook, ...]) -> Callable[[dict[str, bytes]], Submission]:
    def place_and_read(files: dict[str, bytes]) -> Submission:
        for name, content in files.items():
            path = tmp_path / "anna" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        ((folder,), left_out) = find_submissions(tmp_path, "practice")
        assert left_out == ()
        return read_submission(folder, release)

    return place_and_read


def dumped(notebook: dict[str, Any]) -> bytes:
    return json.dumps(notebook).encode()


def zipped(files: dict[str, bytes]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return content.getvalue()


def changed(submission: Submission) -> dict[str, int]:
    """Return how many cells of each notebook that was found hold a learner's work."""
    return {
        notebook.name: sum(not cell.locked and cell.grade_id not in notebook.untouched for cell in notebook.cells)
        for notebook in submission.notebooks
        if notebook.problem is None
    }


@pytest.mark.parametrize(
    "name",
    [
        "task1-icc.ipynb",
        "task1-icc (1).ipynb",
        "task1-icc-1.ipynb",
        "Copy of task1-icc.ipynb",
        "task1-icc-Copy1.ipynb",
        "TASK1-ICC.IPYNB",
        "task1-icc.ipynb.txt",
        "task1_icc.json",
        "Anna Schmidt - task1-icc final!!.ipynb",
        "practice/task1-icc.ipynb",
        "homework/week 3/task1-icc.ipynb",
        "practice/practice/task1-icc.ipynb",
        "Untitled7.ipynb",
        "Übung.ipynb",
    ],
)
def test_a_notebook_is_found_by_what_is_in_it(read: Any, solved: Any, name: str) -> None:
    submission = read({name: dumped(solved())})
    assert changed(submission) == {"task1-icc": 4}
    assert submission.notebooks[0].notes == (
        () if name.endswith(f"{NAME}") and "Copy of" not in name else (f"Read from {name.removeprefix('practice/')}.",)
    )


@pytest.mark.parametrize("inside", [NAME, f"anna/{NAME}", f"homework\\{NAME}", f"Mappe/{NAME}"])
@pytest.mark.parametrize("outside", ["anna.zip", "deep/er/Abgabe.ZIP"])
def test_a_notebook_is_found_in_a_zip(read: Any, solved: Any, inside: str, outside: str) -> None:
    files = {inside: dumped(solved()), f"__MACOSX/._{NAME}": b"\0\5\26\7", ".DS_Store": b"\0"}
    submission = read({outside: zipped(files)})
    assert changed(submission) == {"task1-icc": 4}
    assert submission.notes == ()


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
def test_a_notebook_is_read_in_the_encodings_of_editors(read: Any, solved: Any, encoding: str) -> None:
    notebook = solved()
    notebook["cells"][3]["source"] = "name = 'Zoë'"
    text = json.dumps(notebook, ensure_ascii=False).encode(encoding, "replace")
    cells = read({NAME: text}).notebooks[0].cells
    assert "name = 'Zoë'" in [cell.source for cell in cells]


def with_outputs(notebook: dict[str, Any], outputs: Any) -> dict[str, Any]:
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell["outputs"] = outputs
    return notebook


def as_format_3(notebook: dict[str, Any]) -> dict[str, Any]:
    cells = []
    for cell in notebook["cells"]:
        source = {"input" if cell["cell_type"] == "code" else "source": cell["source"]}
        cells.append({"cell_type": cell["cell_type"], "metadata": cell["metadata"], **source})
    return {"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": [{"cells": cells, "metadata": {}}]}


def without(notebook: dict[str, Any], *keys: str) -> dict[str, Any]:
    for cell in notebook["cells"]:
        for key in keys:
            cell.pop(key, None)
    return notebook


CHANGES: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "NaN and infinities": lambda n: with_outputs(n, [{"data": {"x": [float("nan"), float("inf"), -float("inf")]}}]),
    "half characters": lambda n: with_outputs(n, [{"text": "\ud83d, \\ud83d and \ud83d\ude00"}]),
    "outputs that are none": lambda n: with_outputs(n, None),
    "21 MB of outputs": lambda n: with_outputs(n, [{"data": {"image/png": "A" * (7 * 2**20 // 2)}}]),
    "format 3": as_format_3,
    "format 4.0": lambda n: {**n, "nbformat": 4.0},
    "format 4.99": lambda n: {**n, "nbformat": 4, "nbformat_minor": 99},
    "format as text": lambda n: {**n, "nbformat": "4"},
    "no format": lambda n: {"cells": n["cells"]},
    "no ids": lambda n: without(n, "id"),
    "no metadata": lambda n: without(n, "metadata"),
    "neither": lambda n: without(n, "metadata", "id"),
    "ids twice": lambda n: {**n, "cells": [{**cell, "id": "same"} for cell in n["cells"]]},
    "a source that is null": lambda n: {**n, "cells": [*n["cells"], {"cell_type": "code", "source": None}]},
    "a cell without source": lambda n: {**n, "cells": [*n["cells"], {"cell_type": "markdown"}]},
    "an unknown cell": lambda n: {**n, "cells": [{"cell_type": "sql", "source": ["x"], "metadata": {}}, *n["cells"]]},
    "a picture in a text": lambda n: {
        **n,
        "cells": [*n["cells"], {"cell_type": "markdown", "source": "![x](data:image/png;base64," + "A" * 3_000_000}],
    },
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_notebook_is_read_whatever_has_saved_it(read: Any, solved: Any, change: str) -> None:
    (notebook, *_) = read({NAME: dumped(CHANGES[change](solved()))}).notebooks
    assert notebook.problem is None
    assert notebook.untouched == frozenset()
    assert len(notebook.notes) <= 1


def test_zeros_behind_a_whole_notebook_are_nothing(read: Any, solved: Any) -> None:
    assert changed(read({NAME: dumped(solved()) + b"\n" + b"\0" * 512})) == {"task1-icc": 4}


def test_line_ends_of_another_system_are_no_edit(read: Any, solved: Any) -> None:
    notebook = solved()
    for cell in notebook["cells"]:
        cell["source"] = "".join(cell["source"]).replace("\n", "\r\n")
    found = read({NAME: dumped(notebook)}).notebooks[0]
    assert found.notes == ()
    assert "\r" not in "".join(cell.source for cell in found.cells)


def test_of_two_files_the_one_with_more_work_counts_and_the_other_is_named(
    read: Any, solved: Any, release: tuple[ReleasedNotebook, ...]
) -> None:
    begun = solved()
    stub = {cell.grade_id: cell.source for cell in release[0].cells}
    for cell in begun["cells"]:
        if cell["metadata"].get("nbgrader", {}).get("grade_id") in ("answer_icc", "answer_reading"):
            cell["source"] = stub[cell["metadata"]["nbgrader"]["grade_id"]]
    (found, *_) = read({NAME: dumped(begun), "task1-icc (1).ipynb": dumped(solved())}).notebooks
    assert found.untouched == frozenset()
    assert found.notes[0] == "Read from task1-icc (1).ipynb."
    assert found.notes[1].endswith(f"not used: {NAME}.")


def test_of_two_files_with_as_much_work_the_later_counts(read: Any, solved: Any, tmp_path: Path) -> None:
    names = ("a.ipynb", "b.ipynb", "c.ipynb")
    for age, name in enumerate(names):
        notebook = solved()
        notebook["cells"].append({"cell_type": "code", "source": f"mine = {name!r}", "metadata": {}})
        (tmp_path / "anna").mkdir(exist_ok=True)
        (tmp_path / "anna" / name).write_bytes(dumped(notebook))
        os.utime(tmp_path / "anna" / name, (0, 1_000_000 - age))
    (found, *_) = read({}).notebooks
    assert "mine = 'a.ipynb'" in [cell.source for cell in found.cells]
    assert "not used: b.ipynb and c.ipynb" in found.notes[1]


def test_all_tasks_may_be_in_one_notebook(read: Any, solved: Any, release: tuple[ReleasedNotebook, ...]) -> None:
    whole = solved()
    for entry in release[1:]:
        whole["cells"] += solved(f"{entry.name}.ipynb")["cells"]
    submission = read({"everything.ipynb": dumped(whole)})
    assert set(changed(submission)) == {entry.name for entry in release}
    for notebook in submission.notebooks:
        assert notebook.untouched == frozenset()
        assert notebook.notes == ("Read from everything.ipynb.",)


def test_what_lies_beside_is_named_and_small_files_go_with_the_notebook(read: Any, solved: Any) -> None:
    files = {
        "helpers.py": b"x = 1",
        "data/notes.csv": b"a\n1\n",
        "report.html": b"<p>",
        "panel.csv": b"store_id\n1\n",
        "release.json": b"{}",
        "numpy.py": b"",
        "scipy/stats.py": b"",
        "sitecustomize.py": b"",
        "reference/__init__.py": b"",
        "json.py": b"",
        "x.pth": b"import os",
        "large.bin": b"\0" * (MAX_OWN_BYTES + 1),
    }
    submission = read({f"homework/{name}": content for name, content in {NAME: dumped(solved()), **files}.items()})
    assert submission.files == {name: files[name] for name in ("data/notes.csv", "helpers.py", "report.html")}
    there, left_out = submission.notes
    assert there.endswith("homework/helpers.py, homework/report.html and homework/data/notes.csv.")
    for name in (
        "numpy.py",
        "scipy/stats.py",
        "sitecustomize.py",
        "reference/__init__.py",
        "json.py",
        "x.pth",
        "large",
    ):
        assert f"homework/{name}" in left_out
    assert "panel" not in there + left_out


def test_no_more_files_go_with_a_notebook_than_may(read: Any, solved: Any) -> None:
    submission = read({NAME: dumped(solved()), **{f"f{n:03}.txt": b"x" for n in range(MAX_OWN_FILES + 3)}})
    assert len(submission.files) == MAX_OWN_FILES
    assert "f020.txt, f021.txt and f022.txt" in submission.notes[1]


def test_a_notebook_that_is_not_understood_is_named(read: Any) -> None:
    stranger = {"cells": [{"cell_type": "code", "source": "1 + 1", "metadata": {}}]}
    submission = read({"other.ipynb": dumped(stranger), "broken.ipynb": b"{", "report.pdf": b"%PDF"})
    assert submission.is_empty
    assert submission.notes[0].startswith("broken.ipynb: the file ends in the middle")
    assert submission.notes[1].startswith("other.ipynb: no cell of this assignment is in it")
    assert "report.pdf" in submission.notes[2]


def test_a_notebook_from_scratch_is_known_by_its_name_and_run_before_the_checks(read: Any) -> None:
    scratch = {"cells": [{"cell_type": "code", "source": "icc = 0.5", "metadata": {}}]}
    (found, *_) = read({"my task1-icc.ipynb": dumped(scratch)}).notebooks
    sources = [cell.source for cell in found.cells]
    assert sources.index("icc = 0.5") < sources.index('check("icc", icc)')
    assert "No cell of the notebook was recognised" in found.notes[1]


def test_the_work_may_lie_beside_the_assignments_own_folder(read: Any, solved: Any) -> None:
    assert changed(read({"practice/readme.txt": b"see above", NAME: dumped(solved())})) == {"task1-icc": 4}


def test_links_and_pipes_are_named_and_not_opened(read: Any, solved: Any, tmp_path: Path) -> None:
    outside = tmp_path.parent / "outside"
    outside.mkdir()
    (outside / NAME).write_bytes(dumped(solved()))
    anna = tmp_path / "anna"
    anna.mkdir()
    (anna / NAME).symlink_to(outside / NAME)
    (anna / "folder").symlink_to(outside)
    os.mkfifo(anna / "task2-random-slope.ipynb")
    submission = read({})
    assert [n.name for n in submission.notebooks if n.is_unread] == ["task1-icc", "task2-random-slope"]
    assert all("not an ordinary file" in str(n.problem) for n in submission.notebooks[:2])
    assert "folder" in submission.notes[0]
    assert submission.files == {}


def zip_with(info: zipfile.ZipInfo, content: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(info, content, zipfile.ZIP_DEFLATED)
    return made.getvalue()


@pytest.mark.parametrize("name", ["../../task1-icc.ipynb", "/tmp/task1-icc.ipynb", "a/../../b.ipynb"])
def test_what_leads_out_of_a_zip_is_refused_by_name(read: Any, solved: Any, name: str) -> None:
    submission = read({"work.zip": zip_with(zipfile.ZipInfo(name), dumped(solved()))})
    said = " ".join([*submission.notes, *(str(n.problem) for n in submission.notebooks)])
    assert changed(submission) == {}
    assert "leads out of the zip" in said


def test_a_link_in_a_zip_is_refused(read: Any) -> None:
    link = zipfile.ZipInfo(NAME)
    link.external_attr = 0o120777 << 16
    (found, *_) = read({"work.zip": zip_with(link, b"/etc/passwd")}).notebooks
    assert "leads out of the zip" in str(found.problem)


def test_a_bomb_in_a_zip_is_not_unpacked(read: Any) -> None:
    bomb = zip_with(zipfile.ZipInfo(NAME), b" " * (MAX_FILE_BYTES + 1))
    assert len(bomb) < 100_000
    submission = read({f"{n}.zip": bomb for n in range(40)})
    assert "larger than" in str(submission.notebooks[0].problem)
    # Of 2.6 GB, no more is unpacked than may be read of one learner.
    assert sum("larger than 512 MB together" in note for note in submission.notes) > 10


@pytest.mark.parametrize("content", [b"", b"PK\3\4", b"PK\5\6" + b"\xff" * 18, b"no zip at all"])
def test_what_is_no_zip_is_named(read: Any, solved: Any, content: bytes) -> None:
    submission = read({"work.zip": content, NAME: dumped(solved())})
    assert changed(submission) == {"task1-icc": 4}
    assert submission.notes == ("Other files that were handed in, and were not used: work.zip.",)


def test_a_zip_with_a_list_too_long_is_not_read(read: Any) -> None:
    submission = read({"work.zip": zipped({f"{n}.txt": b"" for n in range(10_000)})})
    assert submission.notes == ("Other files that were handed in, and were not used: work.zip.",)


def test_no_more_files_are_looked_at_than_may_be(read: Any, solved: Any) -> None:
    submission = read({f"{n:04}.ipynb": dumped(solved()) for n in range(3)} | {f"z{n}": b"" for n in range(MAX_FILES)})
    assert changed(submission) == {"task1-icc": 4}
    assert "…" in submission.notes[1]


def test_what_lies_deeper_hides_nothing(read: Any, solved: Any) -> None:
    deeper = {f"a/{n}.txt": b"" for n in range(MAX_FILES)} | {f".git/objects/{n}": b"" for n in range(9)}
    zips = {"b.zip": zipped({f"{n}.txt": b"" for n in range(MAX_FILES)})}
    submission = read({**deeper, **zips, NAME: dumped(solved())})
    assert changed(submission) == {"task1-icc": 4}
    assert ".git" not in "".join(submission.notes)


def test_a_folder_without_end_is_not_walked(read: Any) -> None:
    submission = read({"/".join("d" * 1 for _ in range(200)) + f"/{NAME}": b"{}"})
    assert submission.is_empty


def test_two_readings_of_one_folder_are_the_same(read: Any, solved: Any) -> None:
    files = {NAME: dumped(solved()), "b.ipynb": dumped(deepcopy(solved()))}
    assert read(files) == read({})


def test_nothing_handed_in_is_nothing(tmp_path: Path, release: tuple[ReleasedNotebook, ...]) -> None:
    (tmp_path / "anna").mkdir()
    assert read_submission(SubmissionFolder("anna", tmp_path / "anna"), release).is_empty
