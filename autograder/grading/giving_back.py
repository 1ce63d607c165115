"""Marks given back: in the file that a learning management system exported, one column changed; or as a table."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder.errors import CourseError
from autograder.grading.names import learner_name, shown_name
from autograder.grading.roster import Learner, Roster, columns_of, is_about_nobody, rows_of
from autograder.grading.table_file import Cell, TableFile, read_table
from autograder.records.grading import Grade

#: What Moodle calls the column of grades, and that of the most that can be had, in lower case.
_GRADE = ("grade", "bewertung", "note", "calificación", "valutazione", "cijfer")
_MOST = (
    *("maximum grade", "maximum mark", "bestwertung", "höchste bewertung", "maximale bewertung", "note maximale"),
    *("calificación máxima", "valutazione massima", "maximumcijfer"),
)

#: What Canvas writes for whoever is excused.
_EXCUSED = "EX"


@dataclass(frozen=True)
class Filled:
    """A filled file, and by name whom it concerns.

    Filled, excused, waiting to be read, with newer work that could not be graded, without a grade, not in the file.
    """

    content: bytes
    filled: tuple[str, ...]
    excused: tuple[str, ...]
    waiting: tuple[str, ...]
    ungraded: tuple[str, ...]
    without: tuple[str, ...]
    not_there: tuple[str, ...]


def known_learners(details: Mapping[str, Mapping[str, str]], grades: Mapping[str, Grade]) -> Roster:
    """Return the learners of a gradebook by all that they go by."""
    learners = []
    for student in sorted({*details, *grades}):
        known = details.get(student, {})
        shown = learner_name(known) or (grades[student].name if student in grades else student)
        ids = {"login": student, "email": known.get("email", ""), "lms_id": known.get("lms_user_id", "")}
        learners.append(Learner(student, shown_name(shown), 0, {key: value for key, value in ids.items() if value}))
    return Roster(Path("the gradebook"), tuple(learners))


def fill(
    path: Path,
    titles: Iterable[str],
    grades: Mapping[str, Grade],
    learners: Roster,
    column: str | None,
    *,
    so_far: bool,
) -> Filled:
    """Return Canvas's export or Moodle's worksheet with the scores in the column of an assignment, and else as it was.

    Excused learners, and those without a grade, ungraded, or with something still to be read, are left as they are.

    Raises
    ------
    CourseError
        If it is neither, has no such column, is of another course, counts other points, or a row is of two learners.
    """
    table = read_table(path)
    columns = columns_of(table)
    place = _column(table, columns, titles, column)
    if place in columns.values():
        raise CourseError(f"{path}, line 1: {table.heading[place]!r} says who a row is about. Name a column of grades.")
    comma = _require_points(table, place, next(iter(grades.values())).points if grades else None)
    changed: dict[Cell, str] = {}
    seen: dict[str, str] = {}
    excused, waiting, ungraded, without = [], [], [], []
    for line, row, ids in rows_of(table, columns):
        learner = learners.match(ids, f"{path}, line {line}")
        grade = grades.get(learner.student) if learner else None
        is_excused = grade is not None and grade.standing.excused
        if learner is None or grade is None or (grade.is_empty and not is_excused):
            without.append(learner.shown if learner else ids.get("name") or row[0].text or f"line {line}")
            continue
        if learner.student in seen:
            raise CourseError(f"{path}, line {line}: {learner.shown} is in line {seen[learner.student]}, too.")
        seen[learner.student] = str(line)
        if len(row) <= place:
            raise CourseError(f"{path}, line {line}: this row ends before the column of the grades. Export it again.")
        if is_excused or row[place].text.casefold() == _EXCUSED.casefold():
            excused.append(learner.shown)
            # Moodle knows no excuse: there the cell stays as it is.
            changed |= {row[place]: _EXCUSED} if is_excused and "participant" not in columns else {}
        elif grade.is_ungraded:
            ungraded.append(learner.shown)
        elif grade.needs_person and not so_far:
            waiting.append(learner.shown)
        else:
            score = f"{grade.total:.2f}".rstrip("0").rstrip(".")
            changed[row[place]] = score.replace(".", ",") if comma else score
    if not seen:
        raise CourseError(f"{path}: nobody in it has a grade here. Is it the file of another course?")
    names = {one.student: one.shown for one in learners.learners}
    filled = [names[student] for student in seen if names[student] not in (*excused, *waiting, *ungraded)]
    there = [student for student, grade in grades.items() if not grade.is_empty and not grade.is_ungraded]
    not_there = [names[student] for student in there if student not in seen]
    told = (filled, excused, waiting, ungraded, without, not_there)
    return Filled(table.with_cells(changed), *(tuple(map(shown_name, one)) for one in told))


def _column(table: TableFile, columns: Mapping[str, int], titles: Iterable[str], asked: str | None) -> int:
    heads = table.heading
    names = [asked] if asked else list(titles)
    for name in names:
        exact = [place for place, head in enumerate(heads) if head == name]
        # Canvas puts the number of its assignment behind the title.
        titled = rf"{re.escape(name)} \(\d+\)"
        found = exact or [place for place, head in enumerate(heads) if re.fullmatch(titled, head)]
        if len(found) > 1:
            several = ", ".join(repr(heads[place]) for place in found)
            raise CourseError(
                f"{table.path}, line 1: {len(found)} columns may be meant by {name!r}: {several}. Name one with "
                "--column; where they are called the same, rename one."
            )
        if found:
            return found[0]
    if not asked and "participant" in columns:
        plain = [head.casefold() for head in heads]
        found = [plain.index(name) for name in _GRADE if name in plain]
        if found:
            return found[0]
    canvas = [head for head in heads if re.search(r" \(\d+\)$", head)]
    there = ", ".join(map(repr, canvas or heads))[:600]
    raise CourseError(
        f"{table.path}, line 1: there is no column for {' or '.join(map(repr, names))}. It has: {there}. Name one with "
        "--column, or export the file of the right course."
    )


def _require_points(table: TableFile, place: int, points: float | None) -> bool:
    """Refuse a file in which the assignment counts other points; return whether its numbers have a decimal comma."""
    plain = [head.casefold() for head in table.heading]
    most = next((plain.index(name) for name in _MOST if name in plain), None)
    comma = False
    for line, row in table.rows[1:]:
        is_points = row[0].text.casefold() == "points possible"
        at = place if is_points else most
        stated = row[at].text if at is not None and at < len(row) and (is_points or not is_about_nobody(row)) else ""
        comma = comma or bool(re.fullmatch(r"\d+,\d+", stated))
        if points is not None and re.fullmatch(r"\d+([.,]\d+)?", stated) and float(stated.replace(",", ".")) != points:
            raise CourseError(
                f"{table.path}, line {line}: this file counts {stated} points, and the assignment {points:g}. Change "
                "the points there, and export it again: scores of one would be wrong in the other."
            )
    return comma


def moodle_folders(path: Path, learners: Roster) -> dict[str, str]:
    """Return by learner the folder under which Moodle takes feedback in a zip, from its worksheet.

    Raises
    ------
    CourseError
        If it is no worksheet of Moodle.
    """
    table = read_table(path)
    columns = columns_of(table)
    if "participant" not in columns:
        raise CourseError(f"{path}, line 1: this is no grading worksheet of Moodle: no column says 'Participant 12'.")
    folders = {}
    for line, row, ids in rows_of(table, columns):
        learner = learners.match(ids, f"{path}, line {line}")
        if learner is not None and ids.get("participant", "").isdecimal():
            name = ids.get("name") or re.sub(r"\s*\d+$", "", row[columns["participant"]].text)
            folders[learner.student] = f"{name.replace('/', '_')}_{ids['participant']}_assignsubmission_file_"
    return folders


def tidy(grades: Mapping[str, Grade], changes: Iterable[Mapping[str, Any]], names: Roster) -> str:
    """Return a table with a row for each mark, and all that it rests on, as CSV."""
    shown = {one.student: one.shown for one in names.learners}
    last = {(line["student"], line["item"]): line for line in changes}
    rests_on = ("answer", "tolerance", "panel", "rubric", "version", "at", "made_by")
    out = io.StringIO()
    rows = csv.writer(out)
    rows.writerow(["student", "name", "handed_in", "item", "verdict", "score", "points", "comment", *rests_on])
    for student, grade in grades.items():
        who = (student, shown.get(student, student), grade.handed_in)
        if grade.standing.excused:
            rows.writerow([_no_formula(value) for value in (*who, "excused")])
            continue
        if grade.is_ungraded:
            rows.writerow([_no_formula(value) for value in (*who, "not graded")])
            continue
        for item in grade.items if not grade.is_empty else ():
            line = last.get((student, item.item), {})
            # What is still to be read has no score, and none of its points count yet.
            waits = any(item in notebook.to_be_read for notebook in grade.notebooks)
            score, points = ("", "") if waits else (item.score, item.points)
            found = (item.item, item.verdict, score, points, item.comment, *(line.get(name) for name in rests_on))
            rows.writerow([_no_formula(value) for value in (*who, *found)])
        if grade.standing.penalty:
            late = f"late by {grade.standing.late_days} d"
            rows.writerow([_no_formula(value) for value in (*who, "late penalty", late, -grade.standing.penalty, 0)])
    return out.getvalue()


def _no_formula(value: object) -> object:
    """Return a text that no spreadsheet computes."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value
