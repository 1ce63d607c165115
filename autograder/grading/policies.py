"""Policies of a class: those of the course, and each learner's own from ``policies.csv`` beside ``course.toml``.

They are looked at whenever a learner is graded or regraded, and never change what an item earned.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime, time, timedelta
from difflib import get_close_matches
from math import ceil

from autograder.assignment.course import Course
from autograder.assignment.policies import MOST_TIME, CoursePolicies
from autograder.assignment.rubric import Rubric
from autograder.errors import CourseError
from autograder.grading.roster import IDENTITIES, Roster
from autograder.grading.table_file import read_table
from autograder.language.catalogue import LANGUAGES
from autograder.records.grading import Standing

POLICIES_FILE = "policies.csv"


@dataclass(frozen=True)
class OwnPolicies:
    """What holds for one learner: until when work may come, and so on; None where it is as for all."""

    extension: datetime | None = None
    excused: bool | None = None
    extra_time: float | None = None
    language: str | None = None


@dataclass(frozen=True)
class ClassPolicies:
    """What holds for a class in an assignment that counts ``points``, and by learner what holds for some."""

    course: CoursePolicies = field(default_factory=CoursePolicies)
    due: datetime | None = None
    points: float = 0.0
    own: Mapping[str, OwnPolicies] = field(default_factory=dict)

    def of(self, student: str) -> OwnPolicies:
        """Return what holds for a learner alone."""
        return self.own.get(student, OwnPolicies())

    def standing(self, student: str, handed_in: str) -> Standing:
        """Return how a learner stands who handed in at a time (UTC, ISO 8601); empty where it is not known."""
        own = self.of(student)
        if own.excused:
            return Standing(excused=True)
        due = own.extension or self.due
        if due is None or not handed_in:
            return Standing()
        when = datetime.fromisoformat(handed_in)
        late = (when if when.tzinfo else when.replace(tzinfo=UTC)) - due.astimezone(UTC)
        days = max(0, ceil((late - timedelta(minutes=self.course.grace)) / timedelta(days=1)))
        return Standing(days, self.course.penalty(days, self.points))

    def extra_time(self, student: str) -> float:
        """Return the factor on the seconds that a learner's notebooks may use."""
        return self.of(student).extra_time or self.course.extra_time


def read_policies(course: Course, rubric: Rubric, learners: Callable[[], Roster]) -> ClassPolicies:
    """Return the policies for a class in an assignment; ``learners`` gives who is known, where that is needed.

    Raises
    ------
    CourseError
        Naming the file and the line: of a learner whom nobody knows, or of what is no time, factor or language.
    """
    told, due = course.file.policies, course.file.policies.due.get(rubric.assignment)
    policies = ClassPolicies(told, told.zoned(due) if due else None, sum(item.points for item in rubric.items))
    path = course.root / POLICIES_FILE
    return replace(policies, own=_own(course, rubric.assignment, learners())) if path.exists() else policies


def _own(course: Course, assignment: str, learners: Roster) -> dict[str, OwnPolicies]:
    table = read_table(course.root / POLICIES_FILE)
    known = ["learner", "assignment", *(one.name for one in fields(OwnPolicies))]
    heads = [head.casefold() for head in table.heading]
    if unknown := [head for head in heads if head not in known] or [head for head in known[:1] if head not in heads]:
        raise CourseError(f"{table.path}, line 1: the columns are {', '.join(known)}; look at {unknown[0]!r}.")
    found: dict[tuple[str, str], OwnPolicies] = {}
    for line, row in table.rows[1:]:
        where = f"{table.path}, line {line}"
        said = {head: cell.text for head, cell in zip(heads, row, strict=False) if cell.text}
        of = said.get("assignment", "")
        if of and of not in course.assignments:
            raise CourseError(f"{where}: there is no assignment {of!r}. {_nearest(of, course.assignments)}")
        if of not in ("", assignment) or not said:
            continue
        name = said.get("learner", "")
        learner = learners.match({**dict.fromkeys(IDENTITIES, name), "name": name}, where) if name else None
        if learner is None:
            names = [each for one in learners.learners for each in (one.student, one.shown)]
            raise CourseError(f"{where}: nobody here is called {name!r}. {_nearest(name, names)}")
        if (learner.student, of) in found:
            raise CourseError(f"{where}: {learner.shown} is in a line before, too. Put both into one.")
        found[learner.student, of] = _read(said, where, course.file.policies)
    own: dict[str, OwnPolicies] = {}
    for (student, _), one in sorted(found.items(), key=lambda each: each[0]):  # those for all assignments first
        told = {each.name: value for each in fields(one) if (value := getattr(one, each.name)) is not None}
        own[student] = replace(own.get(student, OwnPolicies()), **told)
    return own


def _read(said: Mapping[str, str], where: str, course: CoursePolicies) -> OwnPolicies:
    until, excused, factor = (said.get(name, "") for name in ("extension", "excused", "extra_time"))
    language = said.get("language")
    try:
        extension = datetime.fromisoformat(until) if until else None
    except ValueError:
        raise CourseError(f"{where}: {until!r} is no time. Write 2026-12-24, or 2026-12-24 18:00.") from None
    if extension and len(until) <= len("2026-12-24"):
        extension = datetime.combine(extension, time.max)
    try:
        extra = float(factor.replace(",", ".")) if factor else None
    except ValueError:
        extra = 0.0
    if extra is not None and not 1 <= extra <= MOST_TIME:
        raise CourseError(
            f"{where}: {factor!r} is no factor from 1 to {MOST_TIME:g}. Write 1.5 for half as much again."
        )
    if excused.casefold() not in ("", "yes", "no"):
        raise CourseError(f"{where}: write yes or no for who is excused, and not {excused!r}.")
    if language and language not in LANGUAGES:
        raise CourseError(f"{where}: there are no words in {language!r}. There are: {', '.join(LANGUAGES)}.")
    until_then = course.zoned(extension) if extension else None
    return OwnPolicies(until_then, excused.casefold() == "yes" if excused else None, extra, language)


def _nearest(name: str, known: Sequence[str]) -> str:
    near = get_close_matches(name, dict.fromkeys(known), 3)
    hint = f"Did you mean {' or '.join(near)}?" if near else f"There are: {', '.join(known[:10]) or 'none'}."
    return f"{hint} Correct the line, or name the class with --roster."
