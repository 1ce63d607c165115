"""A class of simulated learners in a course that `mlm new` made: who they are, and what systems give of them."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass

import nbformat

from autograder.assignment.course import Course

ODD = ('"Bo" Søren O\'Neill', "Jürgen Müller", "María José de la Cruz", "Nguyễn Thị Hoa", "Zoë d'Arc-Weiß")
MEMO = (
    "Give it to the subjects whose reactions slow down least. The slope of one day is about ten milliseconds. "
    "How sure we are is limited by eighteen people. Nobody was assigned by lot."
)


@dataclass(frozen=True)
class Person:
    """A learner: the name, the login, the numbers of Canvas and Moodle, and the sample that is handed in."""

    number: int
    name: str
    sample: str

    @property
    def login(self) -> str:
        return f"u{self.number:03}"

    @property
    def canvas_id(self) -> int:
        return 1000 + self.number

    @property
    def sortable(self) -> str:
        first, _, last = self.name.rpartition(" ")
        return f"{last}, {first}"


def people(count: int, samples: Iterable[str]) -> tuple[Person, ...]:
    """Return so many learners, each with the next of the samples."""
    names = sorted(samples)
    called = (*ODD, *(f"Kim Learner{number:02}" for number in range(count)))
    return tuple(Person(number, called[number], names[number % len(names)]) for number in range(count))


def table(heading: Iterable[str], rows: Iterable[Iterable[object]], delimiter: str = ",") -> str:
    """Return a table as CSV."""
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator="\n").writerows(
        [list(heading), *(map(str, row) for row in rows)]
    )
    return out.getvalue()


def roster(class_: Iterable[Person], late: Collection[Person]) -> str:
    """Return the teacher's list of the class, with when Moodle says that work was handed in."""
    heading = ("Student", "ID", "SIS Login ID", "Email", "Identifier", "Last modified (submission)")
    rows = []
    for one in class_:
        when = "2026-12-03 10:00" if one in late else "2026-11-20 10:00"
        ids = (one.sortable, one.canvas_id, one.login, f"{one.login}@x.org", f"Participant {one.number}")
        rows.append((*ids, when))
    return table(heading, rows)


def canvas_export(class_: Iterable[Person], points: float) -> str:
    """Return the teacher's own export of Canvas, with one column of grades that is empty."""
    heading = ("Student", "ID", "SIS Login ID", "Section", "Sleep (77)", "Final Score")
    rows = [(one.sortable, one.canvas_id, one.login, 'A "1"', "", "") for one in class_]
    return table(heading, [("    Points Possible", "", "", "", f"{points:g}", "(read only)"), *rows])


def moodle_worksheet(class_: Iterable[Person], points: float) -> str:
    """Return Moodle's grading worksheet, in German."""
    heading = ("ID", "Vollständiger Name", "E-Mail-Adresse", "Status", "Bewertung", "Bestwertung", "Zuletzt geändert")
    most = f"{points:.2f}".replace(".", ",")
    rows = [(f"Teilnehmer/in{p.number}", p.name, f"{p.login}@x.org", "Abgegeben", "", most, "-") for p in class_]
    return table(heading, rows, ";")


def add_memo(course: Course) -> None:
    """Add what an author adds by hand: a text that a person grades, in the last notebook."""
    path = course.source("sleep") / "assignment.toml"
    items, end, _ = path.read_text(encoding="utf-8").rpartition("]\n")
    memo = 'memo = { figures = ["slope_days"], sentences = [2, 5], scheme = ["It says what to do."] }'
    item = f'  {{ ask = "memo", id = "note", title = "A note", points = 3, {memo} }},\n'
    path.write_text(f"{items}{item}{end}", encoding="utf-8")
    notebook = course.source("sleep") / "task3-groups.ipynb"
    document = json.loads(notebook.read_text(encoding="utf-8"))
    about = {"schema_version": 3, "grade_id": "note", "grade": True, "solution": True, "locked": False, "points": 3}
    source = f"### Your note\n\n### BEGIN SOLUTION\n{MEMO}\n### END SOLUTION"
    cell = {"cell_type": "markdown", "id": "note", "source": source, "metadata": {"nbgrader": {**about, "task": False}}}
    document["cells"].append(cell)
    nbformat.validate(nbformat.from_dict(document))
    notebook.write_text(json.dumps(document), encoding="utf-8")
