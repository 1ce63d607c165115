"""The frozen vocabulary of grading: one record per stage of the pipeline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from autograder.records.values import CellError, Output, Value


class Verdict(StrEnum):
    """What is said of one item; the earlier it stands here, the sooner a person should look."""

    UNGRADED = "ungraded"
    TIMED_OUT = "timed out"
    OUT_OF_MEMORY = "out of memory"
    OUTPUT_LIMIT = "output limit"
    CRASHED = "crashed"
    MISSING = "missing"
    MALFORMED = "malformed"
    WRONG = "wrong"
    PARTIAL = "partial"
    CARRIED = "carried forward"
    SKIPPED = "skipped"
    NEEDS_PERSON = "needs a person"
    CORRECT = "correct"


class Ending(StrEnum):
    """How the run of one notebook in the box came to its end."""

    FINISHED = "finished"
    TIMED_OUT = "timed out"
    OUT_OF_MEMORY = "out of memory"
    OUTPUT_LIMIT = "output limit"
    CRASHED = "crashed"


@dataclass(frozen=True)
class Cell:
    """One cell of a notebook: of a release, or of a sanitised submission as the box is told to run it.

    ``cell_id`` is Jupyter's name for a cell that was released.
    """

    cell_type: str
    source: str
    grade_id: str | None = None
    locked: bool = False
    cell_id: str | None = None


@dataclass(frozen=True)
class SubmittedNotebook:
    """One notebook of a submission after sanitising.

    ``problem`` is a sentence when there is nothing to run (no file, an empty file, not a notebook); the cells are then
    those of the release. ``notes`` name what was restored, added or moved, and the file if it has another name.
    ``untouched`` holds the grade_ids of solution cells that are still as released.
    """

    name: str
    cells: tuple[Cell, ...]
    problem: str | None = None
    absent: bool = False
    notes: tuple[str, ...] = ()
    untouched: frozenset[str] = frozenset()

    @property
    def is_unread(self) -> bool:
        """True where there is a file that could not be read: what it is worth is not known."""
        return self.problem is not None and not self.absent

    def text_of(self, grade_id: str) -> str:
        """Return what was handed in under a grade_id, such as a text that a person reads."""
        return "\n\n".join(cell.source for cell in self.cells if cell.grade_id == grade_id)


@dataclass(frozen=True)
class Submission:
    """Everything one learner handed in for one assignment.

    ``student`` is the name that results are filed under and ``shown`` the name as it is written. ``files`` are put
    beside the notebooks where they run; ``notes`` say what there is beside the notebooks, and ``release`` is the id of
    the release that most of them name.
    """

    student: str
    notebooks: tuple[SubmittedNotebook, ...]
    shown: str = ""
    files: Mapping[str, bytes] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    release: str | None = None

    @property
    def is_empty(self) -> bool:
        """True if no notebook of the assignment was handed in."""
        return all(notebook.absent for notebook in self.notebooks)


@dataclass(frozen=True)
class CellRun:
    """What one code cell produced; its outputs come from the box and are cleaned before anyone sees them.

    ``errors`` are those of its statements, by line, the first of them if there are many; ``left_out`` says that it
    showed more than is kept.
    """

    index: int
    outputs: tuple[Output, ...]
    errors: tuple[CellError, ...] = ()
    left_out: bool = False


@dataclass(frozen=True)
class NotebookRun:
    """One notebook's run in the box: its end, its cells in order, and the answers it recorded."""

    name: str
    ending: Ending
    cells: tuple[CellRun, ...] = ()
    answers: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True)
class Found:
    """One thing looked for in a text, for the person who grades it: whether it is there, and a sentence about it.

    Never shown to the learner: it may name answers.
    """

    there: bool
    sentence: str


@dataclass(frozen=True)
class ItemResult:
    """What one item earned and why. ``reason`` and ``hint`` are for the learner and hold no expected value.

    ``warnings`` are those of the run that bear on the answer; they never change a score. ``found`` is what there is
    in a text, for the person who grades it. ``holds`` is True where the answer shows, on every panel, that a model was
    fitted. ``comment`` is what that person wrote for the learner.
    """

    item: str
    verdict: Verdict
    score: float
    points: float
    reason: str
    mistake: str | None = None
    hint: str | None = None
    warnings: tuple[str, ...] = ()
    found: tuple[Found, ...] = ()
    holds: bool = False
    comment: str = ""


@dataclass(frozen=True)
class NotebookGrade:
    """The items of one notebook with the run that a person will look at, and those on hidden panels.

    ``only_hidden`` names, for the teacher alone, the cells of which a statement failed on a hidden panel and not in
    that run: by grade_id, or by number where there is none.
    """

    notebook: SubmittedNotebook
    run: NotebookRun
    items: tuple[ItemResult, ...]
    only_hidden: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    hidden: tuple[NotebookRun, ...] = ()

    @property
    def to_be_read(self) -> tuple[ItemResult, ...]:
        """The items that wait for a person: texts, and whatever stands in a file that could not be read."""
        waits = (Verdict.NEEDS_PERSON, Verdict.MALFORMED) if self.notebook.is_unread else (Verdict.NEEDS_PERSON,)
        return tuple(item for item in self.items if item.points and item.verdict in waits)


@dataclass(frozen=True)
class Standing:
    """What the policies of a course make of a grade; no item's score is changed by it.

    ``late_days`` are the days that had begun after the due time and the grace, and ``penalty`` the points taken for
    them from the sum. Who is ``excused`` is not counted.
    """

    late_days: int = 0
    penalty: float = 0.0
    excused: bool = False


@dataclass(frozen=True)
class Grade:
    """One learner's grade for one assignment.

    ``shown`` is the learner's name as it is written, ``notes`` are those of the submission, and ``look_at`` says what
    a teacher should know before the score is taken for the learner's work. ``earlier`` is the id of the earlier release
    that it was graded against, if it was. ``handed_in`` is when that was, in UTC by ISO 8601, where it is known, and
    ``runs`` are the names of the runs that are kept of the learner's notebooks. ``decided_by`` is a digest of all that
    the grade follows from, and empty where it could be another one by the machine's doing. ``standing`` is by the
    policies of when it was graded, and ``language`` that of the learner's page.
    """

    student: str
    assignment: str
    notebooks: tuple[NotebookGrade, ...]
    shown: str = ""
    notes: tuple[str, ...] = ()
    look_at: tuple[str, ...] = ()
    earlier: str | None = None
    handed_in: str = ""
    runs: tuple[str, ...] = ()
    decided_by: str = ""
    standing: Standing = Standing()
    language: str = ""

    @property
    def name(self) -> str:
        """The learner's name, for people."""
        return self.shown or self.student

    @property
    def items(self) -> tuple[ItemResult, ...]:
        """All item results, in the order of the rubric."""
        return tuple(item for notebook in self.notebooks for item in notebook.items)

    @property
    def score(self) -> float:
        """Points earned so far, by all items that were judged."""
        return sum(item.score for item in self.items)

    @property
    def total(self) -> float:
        """The score that counts: less what is taken for being late, and never below zero."""
        return max(0.0, round(self.score - self.standing.penalty, 2))

    @property
    def points(self) -> float:
        """Points that can be earned, those of a person included."""
        return sum(item.points for item in self.items)

    @property
    def points_to_be_read(self) -> float:
        """Points of the items that wait for a person: nobody knows yet what is earned there."""
        return sum(item.points for notebook in self.notebooks for item in notebook.to_be_read)

    @property
    def points_so_far(self) -> float:
        """Points that could be earned by the items that were judged."""
        return self.points - self.points_to_be_read

    @property
    def needs_person(self) -> bool:
        """True when an item waits for a person, or there is a file that could not be read, and it is to be counted."""
        return bool(self.points_to_be_read) and not self.standing.excused

    @property
    def is_empty(self) -> bool:
        """True if nothing was handed in: there is no score, and none is filed."""
        return all(notebook.notebook.absent for notebook in self.notebooks)

    @property
    def is_ungraded(self) -> bool:
        """True when something of ours failed: this grade says nothing about the learner and is not filed."""
        return any(item.verdict is Verdict.UNGRADED for item in self.items)


@dataclass(frozen=True)
class Copy:
    """A learner whose answers are not right on the own panel, and right on another learner's."""

    student: str
    other: str
    items: tuple[str, ...]


@dataclass(frozen=True)
class LeftOut:
    """Something beside the submissions that is not graded, and why.

    ``is_learner`` is False for plain files and for what begins with a dot, such as a list of the class.
    """

    name: str
    why: str
    is_learner: bool

    def __str__(self) -> str:
        """Return the line that is printed of it."""
        return f"{self.name}: {self.why}"
