"""One truth: what is written of a class is what comes back, in SQLite and in PostgreSQL, whatever comes in between."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.errors import FilingError, GradebookError
from autograder.grading.pipeline import Grading
from autograder.language.catalogue import Sentence, listed, translated
from autograder.records.grading import Cell, Grade, NotebookGrade, SubmittedNotebook, Verdict
from autograder.results.database import address_of, name_of
from autograder.results.gradebook import Gradebook
from autograder.results.marks import PERSON, Basis, basis_of
from autograder.results.stored import NOTHING_GIVEN, as_json, decided, from_json, to_be_kept

Make = Callable[..., Grade]


def marks_by_hand(book: Gradebook, student: str, item: str, notebook: str, score: float, comment: str = "") -> None:
    """Do what formgrader does when a person gives a score and writes a comment."""
    nbgrader = book._nbgrader
    entry = nbgrader.find_grade(item, notebook, "practice", student)
    entry.manual_score, entry.needs_manual_grade = score, False
    if comment:
        nbgrader.find_comment(item, notebook, "practice", student).manual_comment = comment
    nbgrader.db.commit()


def lines(book: Gradebook, student: str, item: str) -> list[dict[str, Any]]:
    """Return the changes of a mark, in order."""
    return [line for line in book.changes("practice") if line["student"] == student and line["item"] == item]


def test_three_late_ones_leave_the_others_as_they_are(place: Path | str, grading: Grading, grade_of: Make) -> None:
    basis = basis_of(grading.rubric, grading.panels, "mlm grade")
    with Gradebook(place) as book:
        for number in range(8):
            book.write(to_be_kept(grading.rubric, grade_of(f"learner-{number}", wrong=("icc",))), basis)
    with Gradebook(place) as book:
        for student in ("learner-3", "late-1", "late-2"):
            book.write(to_be_kept(grading.rubric, grade_of(student)), basis)
        kept = book.grades("practice", answers=True)
    assert list(kept) == sorted(["late-1", "late-2", *(f"learner-{number}" for number in range(8))])
    assert {name: grade.score for name, grade in kept.items()} == {
        name: 44.0 if name.startswith("late") or name == "learner-3" else 40.0 for name in kept
    }
    assert kept["late-1"] == to_be_kept(grading.rubric, grade_of("late-1"))


def test_every_mark_says_what_it_rests_on_and_who_changed_it(
    place: Path | str, grading: Grading, grade_of: Make
) -> None:
    basis = basis_of(grading.rubric, grading.panels, "mlm grade")
    grade = to_be_kept(grading.rubric, grade_of("ada", wrong=("icc",)))
    with Gradebook(place) as book:
        for _ in range(2):  # the second time nothing has changed
            book.write(grade, basis)
        (line,) = lines(book, "ada", "icc")
        assert json.loads(line["answer"]) == {"kind": "number", "value": 0.25}
        item = next(item for item in grading.rubric.items if item.id == "icc")
        assert (line["tolerance"], line["score"], line["points"]) == (item.tolerance, 0.0, 4.0)
        assert (line["verdict"], line["panel"], line["rubric"]) == ("wrong", basis.panel, basis.rubric)
        assert len(basis.panel.split()) == len(grading.panels)
        assert line["version"]
        assert line["made_by"].endswith(", mlm grade")

        marks_by_hand(book, "ada", "icc", "task1-icc", 2.0)
        book.grades("practice")
        book.grades("practice")
        _, by_hand = lines(book, "ada", "icc")
        assert (by_hand["made_by"], by_hand["score"], by_hand["answer"]) == (PERSON, 2.0, line["answer"])

        stricter = replace(basis, tolerances={**basis.tolerances, "icc": 1e-9})
        book.write(grade, stricter)
        assert [line["tolerance"] for line in lines(book, "ada", "icc")] == [item.tolerance, item.tolerance, 1e-9]
        assert book.grades("practice")["ada"].score == 42.0


def test_a_comment_of_a_person_stands_beside_the_hint(place: Path | str, grading: Grading, grade_of: Make) -> None:
    with Gradebook(place) as book:
        book.write(to_be_kept(grading.rubric, grade_of("ada", wrong=("icc",))), Basis("test"))
        marks_by_hand(book, "ada", "memo", "task5-memo", 5.5, "Well argued.")
        marks_by_hand(book, "ada", "icc", "task1-icc", 2.0)
        items = {item.item: item for item in book.grades("practice")["ada"].items}
    assert (items["memo"].score, items["memo"].verdict, items["memo"].comment) == (5.5, Verdict.PARTIAL, "Well argued.")
    assert (items["icc"].score, items["icc"].hint) == (2.0, "A hint.")


def credits_by_hand(book: Gradebook, student: str, item: str, notebook: str, extra: float) -> None:
    """Do what formgrader does when a person fills in the box of extra credit alone."""
    entry = book._nbgrader.find_grade(item, notebook, "practice", student)
    entry.manual_score, entry.extra_credit = None, extra
    entry.needs_manual_grade = entry.auto_score is None
    book._nbgrader.db.commit()


def test_extra_credit_without_a_score_counts_as_it_does_in_nbgrader(
    place: Path | str, grading: Grading, grade_of: Make
) -> None:
    def total(book: Gradebook) -> float:
        """Return what the pages and nbgrader agree on."""
        grade = book.grades("practice")["ada"]
        assert grade.total == book._nbgrader.find_submission("practice", "ada").score
        assert [item.item for one in grade.notebooks for item in one.to_be_read] == ["memo"]
        return grade.total

    by = decided("a digest", NOTHING_GIVEN)
    with Gradebook(place) as book:
        book.write(to_be_kept(grading.rubric, grade_of("ada", wrong=("icc",), decided_by=by)), Basis("test"))
        assert list(book.unchanged("practice", {"ada": "a digest"})) == ["ada"]
        credits_by_hand(book, "ada", "icc", "task1-icc", 2.0)
        credits_by_hand(book, "ada", "memo", "task5-memo", 1.0)  # not read yet: to nbgrader it is worth nothing
        assert total(book) == 42.0
        assert book.unchanged("practice", {"ada": "a digest"}) == {}
        assert [(line["made_by"], line["score"]) for line in lines(book, "ada", "icc")] == [("test", 0), (PERSON, 2)]
        assert [line["made_by"] for line in lines(book, "ada", "memo")] == ["test"]

        # It is added to what is found in newer work, and to a score by hand.
        book.write(to_be_kept(grading.rubric, grade_of("ada")), Basis("test"))
        assert total(book) == 46.0
        marks_by_hand(book, "ada", "icc", "task1-icc", 1.5)
        assert total(book) == 43.5
        credits_by_hand(book, "ada", "icc", "task1-icc", 0.0)
        assert total(book) == 44.0
        assert "icc" not in book.by_person("practice")["ada"].extra


def test_who_handed_in_nothing_is_kept_and_costs_nothing_that_was_there(
    place: Path | str, grading: Grading, grade_of: Make
) -> None:
    def nothing(student: str) -> Grade:
        absent = [SubmittedNotebook(n.name, n.cells, "gone", absent=True) for n in grading.release]
        grade = grade_of(student)
        pairs = zip(grade.notebooks, absent, strict=True)
        return replace(grade, notebooks=tuple(replace(one, notebook=gone) for one, gone in pairs))

    with Gradebook(place) as book:
        book.write(to_be_kept(grading.rubric, grade_of("ada")), Basis("test"))
        for student in ("ada", "ben"):
            book.write(to_be_kept(grading.rubric, nothing(student)), Basis("test"))
        kept = book.grades("practice")
        assert {name: grade.is_empty for name, grade in kept.items()} == {"ada": False, "ben": True}
        assert [line["student"] for line in book.changes("practice") if line["item"] == "icc"] == ["ada"]


def test_forgetting_leaves_no_trace(place: Path | str, grading: Grading, grade_of: Make) -> None:
    with Gradebook(place) as book:
        for student in ("Grace-Hopper-1906", "ada"):
            book.write(to_be_kept(grading.rubric, grade_of(student, runs=(student,))), Basis("test"))
        book.write(
            to_be_kept(grading.rubric, grade_of("Grace-Hopper-1906", wrong=("icc",))), Basis("test"), "a regrade"
        )
        marks_by_hand(book, "Grace-Hopper-1906", "memo", "task5-memo", 1.0, "For Grace-Hopper-1906 alone")
        book.note_ungraded(grade_of("Grace-Hopper-1906"))
        assert book.forget("Grace-Hopper-1906")
        assert not book.forget("Grace-Hopper-1906")
        assert list(book.grades("practice")) == ["ada"]
        assert book.runs() == {"ada"}
        with book._nbgrader.engine.connect() as connection:
            for table in sa.inspect(connection).get_table_names():
                found = connection.execute(sa.text(f'select * from "{table}"')).all()
                assert "Grace-Hopper" not in str(found), table
    if isinstance(place, Path):
        assert b"Grace-Hopper" not in place.read_bytes()


def test_an_interrupted_learner_is_as_before(place: Path | str, grading: Grading, grade_of: Make) -> None:
    """The last thing that is written of a learner fails: nothing of the others was."""
    first = to_be_kept(grading.rubric, grade_of("ada", wrong=("icc",)))
    with Gradebook(place) as book:
        book.write(first, Basis("test"))
        with pytest.raises(Exception, match="made_by"):
            book.write(to_be_kept(grading.rubric, grade_of("ada")), Basis(None))  # type: ignore[arg-type]
        assert book.grades("practice", answers=True)["ada"] == first
        assert book._nbgrader.find_submission("practice", "ada").score == 40.0


def test_a_gradebook_of_a_newer_version_is_left_alone(place: Path | str, grading: Grading) -> None:
    with Gradebook(place) as book:
        engine = book._nbgrader.engine
        for statement, said in (
            ("update mlm_schema set version = 99", r"newer version of mlm-course \(its form is 99"),
            ("update alembic_version set version_num = 'fff'", "newer version of nbgrader"),
        ):
            with engine.begin() as connection:
                connection.exec_driver_sql(statement)
            with pytest.raises(GradebookError, match=said) as refused:
                Gradebook(place)
            assert "open-sesame" not in str(refused.value)
            with engine.begin() as connection:
                connection.exec_driver_sql("update mlm_schema set version = 1")


def test_what_is_no_gradebook_is_refused_and_left(tmp_path: Path) -> None:
    for content in (b"a shopping list", b"SQLite format 3\0 and then nothing"):
        (tmp_path / "gradebook.db").write_bytes(content)
        with pytest.raises(GradebookError, match=r"gradebook\.db: this is not a gradebook"):
            Gradebook(tmp_path / "gradebook.db")
        assert (tmp_path / "gradebook.db").read_bytes() == content


def test_a_gradebook_without_tables_of_ours_is_gone_on_with(
    empty_file: Path, tmp_path: Path, grading: Grading, grade_of: Make
) -> None:
    shutil.copy(empty_file, tmp_path)
    with Gradebook(tmp_path / "gradebook.db") as book:
        book.write(to_be_kept(grading.rubric, grade_of("ada")), Basis("test"))
        marks_by_hand(book, "ada", "memo", "task5-memo", 5.0)
    with closing(sqlite3.connect(tmp_path / "gradebook.db")) as connection:
        for table in ("mlm_schema", "mlm_grade", "mlm_mark"):
            connection.execute(f"drop table {table}")
        connection.commit()
    with Gradebook(tmp_path / "gradebook.db") as book:
        assert book.grades("practice") == {}
        book.write(to_be_kept(grading.rubric, grade_of("ada")), Basis("test"))
        assert book.grades("practice")["ada"].score == 49.0


def test_the_database_gone_and_back(postgresql: Any, class_database: Any, grading: Grading, grade_of: Make) -> None:
    address = class_database("gone_and_back")
    book = Gradebook(address)
    book.write(to_be_kept(grading.rubric, grade_of("ada")), Basis("test"))
    postgresql.stop()
    try:
        for attempt in (
            lambda: book.write(to_be_kept(grading.rubric, grade_of("ben")), Basis("test")),
            lambda: Gradebook(address),
        ):
            with pytest.raises(FilingError, match=r"gone_and_back.*: the database cannot be used now") as said:
                attempt()
            assert "open-sesame" not in str(said.value)
            assert "What was filed before is kept" in str(said.value)
    finally:
        book.__exit__()
        postgresql.start()
    with Gradebook(address) as again:
        assert list(again.grades("practice")) == ["ada"]
        again.write(to_be_kept(grading.rubric, grade_of("ben")), Basis("test"))
        assert list(again.grades("practice")) == ["ada", "ben"]


def test_two_writers_are_not_let_in(class_database: Any) -> None:
    address = class_database("two_writers")
    with Gradebook(address), pytest.raises(FilingError, match=r"two_writers.*another run is writing"):
        Gradebook(address)
    Gradebook(address).__exit__()


@pytest.mark.parametrize(
    "address", ["mysql://teacher@host/class", "gradebook.db", "postgresql://host", "postgresql://h:port/x", ""]
)
def test_an_address_that_is_none_is_told_how_to_be_one(address: str) -> None:
    with pytest.raises(GradebookError, match="postgresql://user:password@host:port/name"):
        Gradebook(address)


@settings(deadline=None)
@given(name=st.text(), comment=st.text(), score=st.floats(0, 50))
def test_any_grade_comes_back_as_it_was(name: str, comment: str, score: float) -> None:
    said = Sentence("scoring.line", line=3, cell=listed([name, comment, name]))
    cell = Cell("markdown", comment, "memo")
    notebook = SubmittedNotebook("task5-memo", (cell,), notes=(said,), untouched=frozenset({name}))
    grade = Grade(name, "practice", (NotebookGrade(notebook, _run(), (), failed=(said,)),), look_at=(said, comment))
    back = from_json(as_json(grade), "here")
    assert back == grade
    assert translated(back.look_at[0], "de") == translated(said, "de")


def test_a_damaged_grade_is_named() -> None:
    with pytest.raises(GradebookError, match=r"gradebook\.db, ada: this grade is damaged"):
        from_json('{"student": 3}', "gradebook.db, ada")
    with pytest.raises(GradebookError, match=r"gradebook\.db, ada: this grade is damaged"):
        from_json("[" * 100_000, "gradebook.db, ada")
    assert from_json(as_json(_old()), "here").look_at == ("Line 1 of the cell x",)


def test_a_damaged_grade_names_its_learner_and_grading_again_mends_it(
    empty_file: Path, tmp_path: Path, grade_of: Make
) -> None:
    path = Path(shutil.copy(empty_file, tmp_path))
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("insert into mlm_grade values ('practice', 'ada', '{}')")
    with Gradebook(path) as book:
        with pytest.raises(GradebookError, match=r"gradebook\.db, ada: .*Grade this learner again"):
            book.grades("practice")
        book.write(grade_of("ada"), Basis("mlm grade"))
        assert list(book.grades("practice")) == ["ada"]


def test_a_file_with_a_damaged_page_is_refused_before_anything_is_written(empty_file: Path, tmp_path: Path) -> None:
    content = bytearray(empty_file.read_bytes())
    content[4096:8192] = b"\xff" * 4096
    (tmp_path / "gradebook.db").write_bytes(content)
    with pytest.raises(GradebookError, match=r"gradebook\.db: this file is damaged .*a copy of it from before"):
        Gradebook(tmp_path / "gradebook.db")
    assert (tmp_path / "gradebook.db").read_bytes() == content


@pytest.mark.parametrize(
    "address", ["postgresql://u:secret@h/db?password=secret", "postgresql:///db?sslpassword=secret&host=h"]
)
def test_no_password_is_shown(address: str) -> None:
    assert "secret" not in name_of(address_of(address))
    with pytest.raises(GradebookError, match="two @") as raised:
        address_of("postgresql://u:se@cret@h/db")
    assert "cret" not in str(raised.value)


def _run() -> Any:
    from autograder.records.grading import Ending, NotebookRun

    return NotebookRun("task5-memo", Ending.FINISHED)


def _old() -> Grade:
    gone = Sentence("scoring.line", line=1, cell="x")
    gone.key = "scoring.of_another_version"
    grade = Grade("ada", "practice", (), look_at=(gone,))
    return grade


def test_every_learner_reads_the_comment_that_is_theirs(place: Path | str, grading: Grading, grade_of: Make) -> None:
    basis = basis_of(grading.rubric, grading.panels, "mlm grade")
    with Gradebook(place) as book:
        for student in ("ada", "bo", "eve"):
            book.write(to_be_kept(grading.rubric, grade_of(student)), basis)
            marks_by_hand(book, student, "memo", "task5-memo", 5.0, f"To {student}.")
        for grade in book.grades("practice").values():
            assert [item.comment for item in grade.items if item.comment] == [f"To {grade.student}."]
