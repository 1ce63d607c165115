"""Downloads with odd names and damaged files: no work is lost, is somebody else's, or costs a neighbour anything."""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from downloads import NOTEBOOKS, as_ordinary_user, found_in, tree, zip_of
from exports import CANVAS, roster_of

from autograder.errors import CourseError
from autograder.grading.files import Unreadable, files_in
from autograder.grading.found_class import find_class
from autograder.grading.submission import time_of

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
    found.written(tmp_path)
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


def test_later_work_that_stays_keeps_its_time(tmp_path: Path) -> None:
    name = "Practice_ada_attempt_2026-12-{:02}-13-05-22_task1-icc.ipynb"
    for day, counts in ((1, 1), (9, 9), (1, 9)):
        (found,) = found_in(tmp_path, {name.format(day): f"of day {day}"}, "Student,SIS Login ID\nAda,ada\n").folders
        assert (found.path / "task1-icc.ipynb").read_text(encoding="utf-8") == f"of day {counts}"
        assert found.handed_in == time_of(found.path)
        assert found.handed_in.startswith(f"2026-12-{counts:02}T")


def test_a_roster_says_when_work_in_plain_folders_was_handed_in(tmp_path: Path) -> None:
    roster = (
        "Identifier,Full name,Username,Last modified (submission)\n"
        'Participant 7,Ada,ada,"Friday, 4 December 2026, 1:05 PM"\nParticipant 8,Ben,ben,-\n'
    )
    for name in ("ada", "ben"):
        (tmp_path / "plain" / name).mkdir(parents=True)
    (tmp_path / "plain" / "ben" / "timestamp.txt").write_text("2026-12-03 10:00:00 UTC", encoding="ascii")
    found = find_class(tmp_path / "plain", "practice", NOTEBOOKS, roster_of(tmp_path, roster), tmp_path / "into")
    assert [one.handed_in[:16] for one in found.folders] == ["2026-12-04T13:05", "2026-12-03T10:00"]


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize(
    ("first", "second"),
    [
        (("lovelaceada_101_5001_task1-icc old.ipynb", 20), ("lovelaceada_101_5002_task1-icc new.ipynb", 1)),
        (("ada/task1-icc.ipynb", 1), ("ada/task1-icc (1).ipynb", 20)),
    ],
)
def test_the_later_of_two_files_is_later_when_it_is_unpacked(
    tmp_path: Path, first: tuple[str, int], second: tuple[str, int], *, backwards: bool
) -> None:
    members = [(zipfile.ZipInfo(name, (2026, 11, day, 10, 0, 0)), name) for name, day in (first, second)]
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as made:
        for member, name in reversed(members) if backwards else members:
            made.writestr(member, name)
    found = find_class(tmp_path / "a.zip", "practice", NOTEBOOKS, None, tmp_path).written(tmp_path)
    files = sorted(files_in(found.folders[0].path), key=lambda file: file.time)
    assert [file.read().decode() for file in files] == [first[0], second[0]]
    assert files[1].time - files[0].time >= 1


@pytest.fixture
def open_to_all() -> Iterator[Path]:
    """A folder in which everybody may write; pytest's own is closed to others."""
    with tempfile.TemporaryDirectory() as scratch:
        Path(scratch).chmod(0o777)
        yield Path(scratch)


def test_what_cannot_be_opened_in_an_unpacked_download_gets_a_line(open_to_all: Path) -> None:
    home = open_to_all / "unpacked"
    for name in ("Ada_7", "Ben_8", "Dan_9"):
        (home / f"{name}_assignsubmission_file").mkdir(parents=True)
        (home / f"{name}_assignsubmission_file" / "task1-icc.ipynb").write_text("x", encoding="utf-8")
    (home / "Cem_6_assignsubmission_file").symlink_to(home / "Ada_7_assignsubmission_file")
    (home / "Ben_8_assignsubmission_file").chmod(0)
    (home / "Dan_9_assignsubmission_file" / "task1-icc.ipynb").chmod(0)

    def told() -> str:
        into = open_to_all / "into"
        found = find_class(home, "practice", NOTEBOOKS, None, into).written(into)
        assert all(one.is_learner for one in found.others)
        read = [(one.path / "task1-icc.ipynb").read_text(encoding="utf-8") for one in found.folders]
        return "|".join([*(one.student for one in found.folders), *map(str, found.others), *read])

    said = as_ordinary_user(told)
    assert said.startswith("Ada-7|Dan-9|Ben_8_assignsubmission_file: ")
    assert "cannot be entered" in said
    assert "|Cem_6_assignsubmission_file: a link" in said
    assert said.endswith("|x|it cannot be opened: Permission denied.")
