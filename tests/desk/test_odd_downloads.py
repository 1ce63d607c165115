"""Downloads with odd names and damaged files: no work is lost, is somebody else's, or costs a neighbour anything."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from downloads import NOTEBOOKS, found_in, tree, zip_of
from exports import CANVAS, roster_of

from autograder.errors import CourseError
from autograder.grading.files import Unreadable, files_in
from autograder.grading.found_class import find_class

MORE = {
    "a login with the mark that parts it, in a system that puts it behind a title": (
        {"Practice_ada_l_attempt_2026-11-20-13-05-22_task1-icc.ipynb": "x"},
        "login,name\nada_l,Ada\nl,Liz\n",
        {"ada_l": {"task1-icc.ipynb", "timestamp.txt"}},
    ),
    "names of different notebooks that end as attempts do": (
        {"a_101_1_exercise-1.ipynb": "one", "a_101_2_exercise-2.ipynb": "two", "a_101_3_my-1.ipynb": "x"},
        CANVAS,
        {"ada": {"exercise-1.ipynb", "exercise-2.ipynb", "my-1.ipynb"}},
    ),
    "a number of the system that is somebody else's login": (
        {"mj_102_5001_task1-icc.ipynb": "x"},
        "Student,ID,SIS Login ID\nJ,102,juergen\nA,101,102\n",
        {"juergen": {"task1-icc.ipynb"}},
    ),
    "a marker of lateness in another language": (
        {"lovelaceada_VERSPÄTET_101_5001_task1-icc.ipynb": "x", "lovelaceada_101_5002_lab-1.ipynb": "y"},
        None,
        {"lovelaceada-101": {"task1-icc.ipynb", "lab-1.ipynb"}},
    ),
    "one learner in nbgrader's layout": (
        {"ada/practice/task1-icc.ipynb": "x", "ada/practice/b/lab-1.ipynb": "y"},
        None,
        {"ada": {"task1-icc.ipynb", "b/lab-1.ipynb"}},
    ),
    "a list of the class beside the learners' folders": (
        {"practice/ada/task1-icc.ipynb": "x", "practice/ben/task1-icc.ipynb": "y", "practice/roster.csv": "login"},
        None,
        {"ada": {"task1-icc.ipynb"}, "ben": {"task1-icc.ipynb"}},
    ),
    "a time that a learner wrote": (
        {"lovelaceada_101_5001_timestamp.txt": "2000-01-01 00:00:00 UTC", "lovelaceada_101_2_lab-1.ipynb": "x"},
        CANVAS,
        {"ada": {"lab-1.ipynb"}},
    ),
    "a time that nbgrader wrote": (
        {"ada/practice/timestamp.txt": "2026-11-20 12:00:00 UTC", "ada/practice/lab-1.ipynb": "x"},
        CANVAS,
        {"ada": {"lab-1.ipynb", "timestamp.txt"}},
    ),
    "the first name alone is nobody's": (
        {"Ada/lab-1.ipynb": "a stranger's", "ben/lab-1.ipynb": "x"},
        "login,first name,last name\nal,Ada,Lovelace\nben,Ben,Li\n",
        {"ben": {"lab-1.ipynb"}},
    ),
}


@pytest.mark.parametrize("case", MORE)
def test_no_work_is_lost_and_none_is_somebody_elses(case: str, tmp_path: Path) -> None:
    files, roster, wanted = MORE[case]
    found_in(tmp_path, files, roster)
    there: dict[str, set[str]] = {}
    for name in tree(tmp_path / "into" / "submitted"):
        student, _, file = name.split("/", 2)
        there.setdefault(student, set()).add(file)
    assert there == wanted


@pytest.mark.parametrize(
    "odd",
    [
        *({"ada/x": "1", "ada/x/y.ipynb": "2"}, {"ada/x/y.ipynb": "2", "ada/x": "1"}),
        *(
            {f"ada/{'d' * 200}/" * 40 + "y.ipynb": "1"},
            {f"ada/{'x' * 252}.ipynb": "1"},
            {f"ada/{'ü' * 200}.ipynb": "1"},
        ),
    ],
)
def test_an_odd_path_costs_no_neighbour_anything(tmp_path: Path, odd: dict[str, str]) -> None:
    found_in(tmp_path, {**odd, "juergen/lab-1.ipynb": "y"}, CANVAS)
    there = tree(tmp_path / "into" / "submitted")
    assert sorted(there.values()) == sorted([*odd.values(), "y"])
    assert there["juergen/practice/lab-1.ipynb"] == "y"


def test_two_people_whom_names_of_files_do_not_tell_apart_are_not_made_one(tmp_path: Path) -> None:
    name = "Practice_{}_attempt_2026-11-20-13-05-22_task1-icc.ipynb"
    with pytest.raises(CourseError, match=r"a\.zip, Practice_bob_l_attempt.*with --roster"):
        found_in(tmp_path, {name.format("ada_l"): "x", name.format("bob_l"): "y"}, None)


@pytest.mark.parametrize("method", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("inner", [True, False])
def test_a_damaged_member_costs_its_learner_alone(tmp_path: Path, method: int, inner: bool) -> None:
    source = tmp_path / "a.zip"
    with zipfile.ZipFile(source, "w", method) as made:
        made.writestr("ada/task1-icc.ipynb", bytes(range(256)) * 4)
    content = bytearray(source.read_bytes())
    begin = content.index(b"task1-icc.ipynb") + len("task1-icc.ipynb") + 9
    content[begin : begin + 20] = bytes(byte ^ 0x5A for byte in content[begin : begin + 20])
    source.write_bytes(content)
    if inner:
        zip_of(source, {"ada/work.zip": bytes(content), "juergen/lab-1.ipynb": "y"})
    found = find_class(source, "practice", NOTEBOOKS, None, tmp_path)
    found.write(tmp_path)
    for file in files_in(tmp_path / "submitted" / "ada" / "practice"):
        if inner:
            with pytest.raises(Unreadable):
                file.read()
        else:
            assert b"cannot be opened" in file.read()


def test_names_in_utf_8_of_a_program_that_does_not_say_so_are_read(tmp_path: Path) -> None:
    zip_of(tmp_path / "a.zip", {"Jürgen Müller/lab-1.ipynb": "x"})
    content = bytearray((tmp_path / "a.zip").read_bytes())
    for mark, flags in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        content[content.index(mark) + flags + 1] &= ~0x08
    (tmp_path / "b.zip").write_bytes(content)
    (found,) = find_class(tmp_path / "b.zip", "practice", NOTEBOOKS, roster_of(tmp_path, CANVAS), tmp_path).folders
    assert found.student == "juergen"


def test_a_member_without_a_name_is_passed_over(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as made:
        made.writestr("ada/lab-1.ipynb", "x")
        made.writestr("N", "y")
    content = bytearray((tmp_path / "a.zip").read_bytes())
    for mark, length, name in ((b"PK\3\4", 26, 30), (b"PK\1\2", 28, 46)):
        at = content.rindex(mark)
        assert content[at + name : at + name + 1] == b"N"
        content[at + length] = 0
        if mark == b"PK\1\2":
            del content[at + name]
    end = content.index(b"PK\5\6")
    content[end + 12] -= 1
    (tmp_path / "b.zip").write_bytes(content)
    with zipfile.ZipFile(tmp_path / "b.zip") as opened:
        assert opened.namelist() == ["ada/lab-1.ipynb", ""]
    (found,) = find_class(tmp_path / "b.zip", "practice", NOTEBOOKS, None, tmp_path).folders
    assert found.student == "ada"
    assert [str(file.path) for file in files_in(tmp_path, 0) if "b.zip" in file.path.parts] == ["b.zip/ada/lab-1.ipynb"]


def test_a_download_of_canvas_is_matched_by_a_list_of_names_alone(tmp_path: Path) -> None:
    files = {
        "lovelaceada_101_5001_task1-icc.ipynb": "ada's",
        "mullerhansjurgen_LATE_102_5002_task1-icc.ipynb": "hans's",
        "oneillbo_103_5003_task1-icc.ipynb": "bo's",
        "weili_104_5004_task1-icc.ipynb": "one of two",
    }
    found = found_in(tmp_path, files, "Ada Lovelace\nMüller, Hans-Jürgen\nBo O'Neill\nLi Wei\nWei Li\n")
    whose = {one.shown for one in found.learners if (tmp_path / "into" / "submitted" / one.student).is_dir()}
    assert whose == {"Ada Lovelace", "Müller, Hans-Jürgen", "Bo O'Neill"}
    assert [one.name for one in found.others] == ["weili_104_5004_task1-icc.ipynb"]
