"""The statements of a notebook that failed or could not be read: which of them explains that an answer is not there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from autograder.language.catalogue import Sentence
from autograder.records.grading import NotebookRun, SubmittedNotebook
from autograder.records.values import CellError

#: Statements of a notebook that failed, of which the learner's page tells one by one.
_MOST_TOLD = 10

_UNDEFINED = re.compile(r"name '(\w+)' is not defined")


@dataclass(frozen=True)
class Failed:
    """A statement of a learner's own cell that was left out; ``number`` is that of the cell in its notebook."""

    number: int
    grade_id: str | None
    error: CellError

    @property
    def place(self) -> str:
        """Where it stands, as the subject of a sentence."""
        if self.grade_id:
            return Sentence("scoring.line", line=self.error.line, cell=self.grade_id)
        return Sentence("scoring.line_of_number", line=self.error.line, number=self.number)

    @property
    def said(self) -> str:
        """What Python said of it, on one line."""
        return shorten(f"{self.error.name}: {self.error.message}").rstrip(".: ")

    @property
    def missed(self) -> str | None:
        """The name that had no value there, if that is why it failed."""
        found = _UNDEFINED.search(self.error.message) if self.error.name == "NameError" else None
        return found[1] if found else None


def shorten(message: str, limit: int = 160) -> str:
    """Return a message on one line, cut where it grows long, with nothing in it that steers a terminal."""
    line = "".join(character for character in " ".join(message.split()) if character.isprintable())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def failed_before(check: str | None, notebook: SubmittedNotebook, run: NotebookRun) -> list[Failed]:
    """Return what was left out of the learner's cells before a check, in order; without one, in the whole notebook."""
    failed: list[Failed] = []
    # What is kept of a run has the cells with errors alone: a check that ran well may not be among them.
    checks = (place for place, cell in enumerate(notebook.cells) if check is not None and cell.grade_id == check)
    end = next(checks, len(notebook.cells))
    for cell_run in run.cells:
        cell = notebook.cells[cell_run.index]
        if cell_run.index < end and not cell.locked:
            failed += [Failed(cell_run.index + 1, cell.grade_id, error) for error in cell_run.errors]
    return failed


def failed_only_there(notebook: SubmittedNotebook, own: NotebookRun, hidden: Iterable[NotebookRun]) -> tuple[str, ...]:
    """Return the cells, by grade_id or else by number, of which a statement failed on a hidden panel alone."""
    at_home = {(one.number, one.error.line) for one in failed_before(None, notebook, own)}
    elsewhere = [one for run in hidden for one in failed_before(None, notebook, run)]
    only_there = [one for one in elsewhere if (one.number, one.error.line) not in at_home]
    return tuple(dict.fromkeys(one.grade_id or str(one.number) for one in only_there))


def told_of(notebook: SubmittedNotebook, run: NotebookRun) -> tuple[str, ...]:
    """Return a sentence for each statement that failed in cells a learner has worked in, the first of them."""
    found = failed_before(None, notebook, run)
    failed = [one for one in found if one.grade_id not in notebook.untouched]
    said: list[str] = [Sentence("page.failed", place=one.place, error=one.said) for one in failed[:_MOST_TOLD]]
    more = len(failed) - len(said)
    return (*said, Sentence("page.more_failed", count=more)) if more else tuple(said)


def what_bears_on(name: str, failed: Sequence[Failed]) -> Failed | None:
    """Return what explains best that a name has no value: where that begins, or else the first of all."""
    origin = _origin(name, failed)
    if origin is not None and not origin.missed:
        return origin
    # What is lacking may be what there was no memory for: that ends a statement whatever it was to make.
    memory = [one for one in failed if one.error.name == "MemoryError"]
    plain = [one for one in failed if not one.error.statement.startswith(("!", "%"))]
    return next(iter([*memory, *([origin] if origin else []), *plain, *failed]), None)


def _origin(name: str, failed: Sequence[Failed]) -> Failed | None:
    """Return the last statement that speaks of a name, or what that one was lacking itself."""
    for place in range(len(failed) - 1, -1, -1):
        one = failed[place]
        if re.search(rf"\b{re.escape(name)}\b", one.error.statement) and one.missed != name:
            return (_origin(one.missed, failed[:place]) if one.missed else None) or one
    return None
