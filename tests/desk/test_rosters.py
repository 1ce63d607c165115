"""Lists of a class as they are exported: languages, encodings, separators; and what makes one useless, by its line."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from exports import CANVAS, MOODLE, MOODLE_DE, roster_of
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.errors import CourseError
from autograder.grading.roster import Learner, Roster, read_roster
from autograder.grading.table_file import read_table


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_an_export_of_canvas_names_learners_by_their_logins(tmp_path: Path, encoding: str) -> None:
    learners = {one.student: one for one in read_roster(roster_of(tmp_path, CANVAS, encoding)).learners}
    assert list(learners) == ["ada", "juergen", "bo"]
    assert learners["juergen"].shown == "Müller, Jürgen"
    assert learners["juergen"].details == {"first_name": "Jürgen", "last_name": "Müller", "lms_user_id": "102"}
    assert learners["bo"].shown == 'O\'Neill, "Bo" Søren'


@pytest.mark.parametrize("text", [MOODLE, MOODLE_DE])
@pytest.mark.parametrize("encoding", ["utf-8-sig", "cp1252"])
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_a_worksheet_of_moodle_names_learners_by_their_addresses(
    tmp_path: Path, text: str, encoding: str, ends: str
) -> None:
    learners = read_roster(roster_of(tmp_path, text.replace("\n", ends), encoding)).learners
    assert [one.student for one in learners] == ["ada@x.org", "juergen@x.org"]
    assert [one.ids["participant"] for one in learners] == ["7", "8"]


@pytest.mark.parametrize(
    ("text", "students"),
    [
        ("Ada\nDoe, Jane\n\nZoë\n", ["Ada", "Doe, Jane", "Zoë"]),
        ("Vorname;Nachname;Matrikelnummer\nZoë;Weiß;0815\n", ["0815"]),
        ("First name\tSurname\nBo\tLi\n", ["Bo Li"]),
        ('"Username","Email"\n"x","x@y"\n', ["x"]),
        ("login\nada\nben\n", ["ada", "ben"]),
        ("sep=;\r\nlogin;name\r\nada;Ada\r\n", ["ada"]),
        (CANVAS.replace("    Points", ",,,,,Manual Posting,\n    Points"), ["ada", "juergen", "bo"]),
        (CANVAS.replace("    Points", ",,,,,Muted,\n    Points"), ["ada", "juergen", "bo"]),
    ],
)
def test_other_lists(tmp_path: Path, text: str, students: list[str]) -> None:
    assert [one.student for one in read_roster(roster_of(tmp_path, text)).learners] == students


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("login,ID\nada,1\nben,1\n", r"roster.csv, line 3: 1 is the lms id of ada in line 2, too"),
        ('login,"Full\nname"\nada,"A\nB"\nADA,C\n', r"roster.csv, line 5: ADA is the login of A"),
        ("Ada\nBen\nada\n", r"roster.csv, line 3: ada is there twice, or hardly differs from line 1"),
        ("a,b,c\n1,2,3\n", r"roster.csv, line 1: this is a row of a table"),
        ("Ada\nBen;3;x\n", r"roster.csv, line 2: this is a row of a table"),
        ("login,name\n,\nada,Ada\n", r"roster.csv, line 2: this row names nobody"),
        ('login,name\nada,"Ada\n', r"roster.csv, line 2: a quote is not closed"),
        ("", r"roster.csv: there is no learner in this list"),
        ("login,name\n", r"roster.csv: there is no learner in this list"),
        ("ada,101\nben,102\n", r"roster.csv, line 1: this is a row of a table"),
        ("ada,Ada Lovelace\n", r"roster.csv, line 1: this is a row of a table"),
        ("PK\3\4...", r"roster.csv: this is not a CSV file"),
    ],
)
def test_a_list_that_is_none_is_refused_by_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(CourseError, match=said):
        read_roster(roster_of(tmp_path, text))


def test_two_identities_that_disagree_are_refused_with_their_lines(tmp_path: Path) -> None:
    roster = read_roster(roster_of(tmp_path, CANVAS))
    with pytest.raises(CourseError, match=r"here: 'ada' is .*Ada \(line 3 .*'102' is .*Jürgen \(line 4 "):
        roster.match({"login": "ada", "lms_id": "102"}, "here")
    found = roster.match({"login": "ADA ", "lms_id": "101"}, "here")
    assert found is not None
    assert found.student == "ada"
    assert roster.match({"name": "Jürgen Müller"}, "here") == roster.match({"login": "juergen"}, "here")
    assert roster.match({"login": "nobody"}, "here") is None


def test_one_number_of_two_people_is_refused_and_a_login_is_nobodys_number(tmp_path: Path) -> None:
    roster = read_roster(roster_of(tmp_path, "login,ID\njuergen,102\n102,101\nada,\n"))
    for ids, student in (({"lms_id": "102"}, "juergen"), ({"login": "102"}, "102"), ({"lms_id": "ada"}, "ada")):
        found = roster.match(ids, "here")
        assert found is not None
        assert found.student == student
    twice = Roster(roster.path, (*roster.learners, Learner("bo", "Bo", 9, {"lms_id": "102"})))
    with pytest.raises(CourseError, match=r"here: '102' is juergen \(line 2 .*'102' is Bo \(line 9 "):
        twice.match({"lms_id": "102"}, "here")


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_is_read_without_its_mark_and_what_is_cut_off_is_refused(tmp_path: Path, encoding: str) -> None:
    assert [one.student for one in read_roster(roster_of(tmp_path, "login,name\nada,Ada\n", encoding)).learners] == [
        "ada"
    ]
    path = roster_of(tmp_path, "\ufefflogin", encoding)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(CourseError, match=r"roster\.csv: the end of this list is cut off"):
        read_roster(path)


CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\0\ufeff"), max_size=12)


@settings(deadline=None)
@given(
    rows=st.lists(st.lists(CELLS, min_size=2, max_size=5), min_size=1, max_size=5),
    mark=st.sampled_from(",;\t"),
    ends=st.sampled_from(["\n", "\r\n"]),
)
def test_a_table_is_written_back_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]], mark: str, ends: str
) -> None:
    heading = mark.join(f"column {number}" for number in range(len(rows[0])))
    text = ends.join([heading, *(mark.join('"' + cell.replace('"', '""') + '"' for cell in row) for row in rows), ""])
    path = roster_of(tmp_path_factory.mktemp("table"), text)
    table = read_table(path)
    assert table.with_cells({}) == path.read_bytes()
    found = [[cell.text for cell in row] for _, row in table.rows[1:]]
    assert found == [[cell.strip() for cell in row] for row in rows]
    last = table.rows[-1][1][-1]
    path.write_bytes(table.with_cells({last: "1,5"}))
    again = read_table(path)
    assert [[cell.text for cell in row] for _, row in again.rows[1:]] == [*found[:-1], [*found[-1][:-1], "1,5"]]


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("Friday, 20 November 2026, 1:05 PM", "2026-11-20T13:05:00"),
        ("Freitag, 4. Dezember 2026, 13:05", "2026-12-04T13:05:00"),
        ("Samstag, 7. März 2026, 08:30", "2026-03-07T08:30:00"),
        ("05.11.2026, 13:05", "2026-11-05T13:05:00"),
        *(("-", ""), ("", ""), ("yesterday", ""), ("99 November 2026, 13:05", "")),
    ],
)
def test_moodle_says_when_it_was_handed_in(tmp_path: Path, text: str, time: str) -> None:
    heading = "Identifier,Full name,Last modified (submission)"
    (learner,) = read_roster(roster_of(tmp_path, f'{heading}\nParticipant 7,Ada,"{text}"\n')).learners
    expected = datetime.fromisoformat(time).astimezone(UTC).replace(tzinfo=None).isoformat() if time else ""
    assert learner.handed_in == expected


@pytest.mark.parametrize("heading", ["Studierende", "Names:", "Étudiants", "\ufeffParticipants"])
def test_a_heading_over_names_is_nobody(tmp_path: Path, heading: str) -> None:
    roster = read_roster(roster_of(tmp_path, f"{heading}\nAda Lovelace\nNames\n"))
    assert [one.shown for one in roster.learners] == ["Ada Lovelace", "Names"]
