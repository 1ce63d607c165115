"""Downloads of learning management systems: whose file each is, which attempt counts, and zips that mean harm."""

from __future__ import annotations

import stat
import zipfile
from datetime import datetime
from pathlib import Path

import pytest
from downloads import NOTEBOOKS, found_in, tree
from exports import CANVAS, MOODLE, MOODLE_DE, roster_of

from autograder.errors import CourseError
from autograder.grading.collecting import collect, is_download
from autograder.grading.found_class import find_class
from autograder.grading.submission import find_submissions

ADA, JUERGEN = "ada/practice", "juergen/practice"
CASES = {
    "canvas": (
        {
            "lovelaceada_101_5001_task1-icc.ipynb": "old",
            "lovelaceada_LATE_101_5009_task1-icc-2.ipynb": "new",
            "lovelaceada_101_5005_task1-icc-1.ipynb": "middle",
            "lovelaceada_101_5006_lab-1.ipynb": "lab",
            "mullerjurgen_102_text.html": "said",
            "somebody_777_5010_task1-icc.ipynb": "stranger",
        },
        CANVAS,
        {f"{ADA}/task1-icc.ipynb": "new", f"{ADA}/lab-1.ipynb": "lab", f"{JUERGEN}/text.html": "said"},
        ["somebody_777_5010_task1-icc.ipynb"],
    ),
    "a name of canvas in a file does not make it somebody else's": (
        {"lovelaceada_101_5001_mullerjurgen_102_1_task1-icc.ipynb": "x"},
        CANVAS,
        {f"{ADA}/mullerjurgen_102_1_task1-icc.ipynb": "x"},
        [],
    ),
    "blackboard": (
        {
            "Practice_ada_attempt_2026-11-20-13-05-22.txt": "about",
            "Practice_ada_attempt_2026-11-20-13-05-22_task1-icc.ipynb": "old",
            "Practice_ada_attempt_2026-11-21-09-00-00_task1-icc.ipynb": "new",
        },
        CANVAS,
        {f"{ADA}/task1-icc.ipynb": "new", f"{ADA}/timestamp.txt": "2026-11-21 09:00:00"},
        [],
    ),
    "ilias": (
        {"Abgaben/Team 12/Lovelace_Ada_ada_101/task1-icc.ipynb": "x", "Team 13/M_J_juergen_102/a/b.ipynb": "y"},
        CANVAS,
        {f"{ADA}/task1-icc.ipynb": "x", f"{JUERGEN}/a/b.ipynb": "y"},
        [],
    ),
    "exchange": (
        {
            "ada+practice+2026-11-20 12:00:00.000001 UTC+abc/task1-icc.ipynb": "old",
            "ada+practice+2026-11-20 14:00:00.000001 UTC+abd/task1-icc.ipynb": "new",
            "ada+other+2026-11-22 12:00:00 UTC+abe/task1-icc.ipynb": "of another",
        },
        CANVAS,
        {f"{ADA}/task1-icc.ipynb": "new", f"{ADA}/timestamp.txt": "2026-11-20 14:00:00"},
        ["ada+other+2026-11-22 12:00:00 UTC+abe/task1-icc.ipynb"],
    ),
    "folders in a folder": (
        {"practice/ada/task1-icc.ipynb": "x", "practice/juergen/task1-icc.ipynb": "y", "__MACOSX/._x": ""},
        CANVAS,
        {f"{ADA}/task1-icc.ipynb": "x", f"{JUERGEN}/task1-icc.ipynb": "y"},
        [],
    ),
    "folders by name": (
        {"Ada Lovelace/task1-icc.ipynb": "x", "Eve/task1-icc.ipynb": "y"},
        CANVAS,
        {f"{ADA}/task1-icc.ipynb": "x"},
        ["Eve/task1-icc.ipynb"],
    ),
    "a folder that a learner made": (
        {"juergen/Lovelace_Ada_ada_101/task1-icc.ipynb": "mine", "ada/task1-icc.ipynb": "hers"},
        CANVAS,
        {f"{ADA}/task1-icc.ipynb": "hers", f"{JUERGEN}/Lovelace_Ada_ada_101/task1-icc.ipynb": "mine"},
        [],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_whose_file_each_is(case: str, tmp_path: Path) -> None:
    files, roster, wanted, strangers = CASES[case]
    found = found_in(tmp_path, files, roster)
    there = tree(tmp_path / "into" / "submitted")
    assert {name: content for name, content in there.items() if not name.endswith("timestamp.txt")} == {
        name: content for name, content in wanted.items() if not name.endswith("timestamp.txt")
    } | ({f"{ADA}/.txt": "about"} if f"{ADA}/.txt" in there else {})
    assert [one.name for one in found.others] == strangers
    if f"{ADA}/timestamp.txt" in wanted:
        assert f"{ADA}/timestamp.txt" in there
        ada = next(one for one in found.folders if one.student == "ada")
        assert datetime.fromisoformat(ada.handed_in)


@pytest.mark.parametrize("roster", [MOODLE, MOODLE_DE])
@pytest.mark.parametrize(
    ("ada", "juergen", "place"),
    [
        ("Ada Lovelace", "Jürgen Müller", "file/"),
        ("Ada Lovelace", "Jürgen Müller", "file_/"),
        ("Ada Lovelace", "Jürgen Müller", "file_"),
        ("Participant", "Participant", "file/"),
        ("Teilnehmer-in", "Teilnehmer-in", "file/"),
    ],
)
def test_moodle_in_every_form(tmp_path: Path, roster: str, ada: str, juergen: str, place: str) -> None:
    one = f"{ada}_7_assignsubmission_{place}task1-icc.ipynb"
    other = f"{juergen}_8_assignsubmission_{place}task1-icc.ipynb"
    text = one.replace("_file", "_onlinetext").replace("task1-icc.ipynb", "onlinetext.html")
    sly = one.replace("task1-icc", "x_8_assignsubmission_file_task1-icc")
    found_in(tmp_path, {one: "x", other: "y", text: "said", sly: "sly"}, roster)
    there = tree(tmp_path / "into" / "submitted")
    assert there["ada@x.org/practice/task1-icc.ipynb"] == "x"
    assert there["juergen@x.org/practice/task1-icc.ipynb"] == "y"
    assert sorted(there.values()) == ["said", "sly", "x", "y"]
    assert len([name for name in there if name.startswith("juergen")]) == 1


def test_a_download_that_is_unpacked_is_known_and_plain_folders_are_left_where_they_are(tmp_path: Path) -> None:
    unpacked = tmp_path / "unpacked"
    for name in ("Ada Lovelace_7_assignsubmission_file", "Jürgen Müller_8_assignsubmission_file"):
        (unpacked / name).mkdir(parents=True)
        (unpacked / name / "task1-icc.ipynb").write_text("x")
    assert is_download(unpacked)
    found = find_class(unpacked, "practice", NOTEBOOKS, roster_of(tmp_path, MOODLE), tmp_path / "into")
    assert [one.student for one in found.folders] == ["ada@x.org", "juergen@x.org"]
    for name in ("lovelace_ada_3", "my_work_12", "ben"):
        (tmp_path / "plain" / name).mkdir(parents=True)
        (tmp_path / "plain" / name / "task1-icc.ipynb").write_text("x")
    assert not is_download(tmp_path / "plain")


def test_plain_folders_with_a_roster_get_its_names(tmp_path: Path) -> None:
    for name in ("ada", "102", "Eve"):
        (tmp_path / "plain" / name).mkdir(parents=True)
    found = find_class(tmp_path / "plain", "practice", NOTEBOOKS, roster_of(tmp_path, CANVAS), tmp_path / "into")
    assert {one.student: one.shown for one in found.folders} == {"ada": "Lovelace, Ada", "juergen": "Müller, Jürgen"}
    assert [str(one) for one in found.others] == ["Eve: nobody in the roster goes by this name"]
    assert len(found.learners) == 3


def test_without_a_roster_everybody_is_somebody(tmp_path: Path) -> None:
    files = {"lovelaceada_101_5001_task1-icc.ipynb": "x", "anon_kT3_LATE_9_task1-icc.ipynb": "y"}
    found = found_in(tmp_path, {**files, "LATE_anon_xY9_5002_task1-icc.ipynb": "z"}, None)
    assert "lovelaceada-101" in {one.student for one in found.folders}
    assert any("xY9" in one.student for one in found.folders)
    folders, _ = find_submissions(tmp_path / "into" / "submitted", "practice")
    assert {one.student for one in folders} == {one.student for one in found.folders}


def test_what_was_handed_in_later_stays(tmp_path: Path) -> None:
    name = "Practice_ada_attempt_2026-11-{day}-13-05-22_task1-icc.ipynb"
    for day, number in ((21, 1), (20, 2)):
        found_in(tmp_path, {name.format(day=day): str(day)}, CANVAS, f"{number}.zip")
    assert tree(tmp_path / "into" / "submitted")[f"{ADA}/task1-icc.ipynb"] == "21"
    found_in(tmp_path, {name.format(day=22): "22"}, CANVAS, "3.zip")
    assert tree(tmp_path / "into" / "submitted")[f"{ADA}/task1-icc.ipynb"] == "22"


@pytest.mark.parametrize(
    "hostile",
    [
        *("ada/../../../evil.ipynb", "ada/a/../../juergen/evil.ipynb", "/ada/evil.ipynb", "ada\\..\\..\\evil.ipynb"),
        *("ada/" + "x" * 400 + ".ipynb", "ada/" + "d/" * 200 + "evil.ipynb", "ada/a\nb\x1b.ipynb", "ada//evil.ipynb"),
    ],
)
def test_no_name_leads_anywhere_else(tmp_path: Path, hostile: str) -> None:
    files = {hostile: "evil", "ada/task1-icc.ipynb": "x", "juergen/task1-icc.ipynb": "y"}
    found_in(tmp_path / "home" if (tmp_path / "home").mkdir() is None else tmp_path, files, CANVAS)
    there = tree(tmp_path)
    for name, content in there.items():
        if content == "evil":
            assert name.startswith("home/into/submitted/ada/practice/")
    assert there["home/into/submitted/juergen/practice/task1-icc.ipynb"] == "y"


def test_links_bombs_and_what_is_no_zip(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as made:
        link = zipfile.ZipInfo("ada/link.ipynb")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        made.writestr(link, "/etc/passwd")
        made.writestr("ada/bomb.ipynb", b"\0" * (65 * 1024**2))
        made.writestr("ada/task1-icc.ipynb", "x")
    found = find_class(tmp_path / "a.zip", "practice", NOTEBOOKS, None, tmp_path)
    found.written(tmp_path)
    there = tree(tmp_path / "submitted")
    assert there["ada/practice/task1-icc.ipynb"] == "x"
    assert "ada/practice/link.ipynb" not in there
    assert len(there["ada/practice/bomb.ipynb"]) < 300
    for content in (b"", b"a shopping list", (tmp_path / "a.zip").read_bytes()[:-30]):
        (tmp_path / "b.zip").write_bytes(content)
        with pytest.raises(CourseError, match=r"b\.zip: this is no zip that can be opened"):
            collect(tmp_path / "b.zip", "practice", NOTEBOOKS, None)


def test_a_download_of_another_course_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CourseError, match=r"a\.zip: nothing in it is a learner's work\. Is it of another course"):
        found_in(tmp_path, {"smithbob_900_1_task1-icc.ipynb": "x"}, CANVAS)
    assert not (tmp_path / "into").exists()
