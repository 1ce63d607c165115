"""The keeper's record of one notebook: filled by what the notebook's process sends, closed by what the keeper saw."""

from __future__ import annotations

from autograder import answers
from autograder.records import CellError, CellRun, Ending, NotebookRun

#: More answers than any notebook asks for; further names are not kept.
MAX_ANSWERS = 1_000


class Record:
    """What came out of a notebook so far."""

    def __init__(self, notebook: str, cells: int) -> None:
        """Begin the record of a notebook of so many cells."""
        self._notebook, self._count = notebook, cells
        self._cells: dict[int, CellRun] = {}
        self._answers: dict[str, answers.Value] = {}

    def take(self, line: bytes) -> None:
        """Enter one event; what makes no sense, or speaks of another notebook, is left out."""
        match answers.parse_event(line):
            case answers.CellDone(self._notebook, index, outputs, error) if 0 <= index < self._count:
                shown = CellError(error.name, error.message) if error else None
                self._cells[index] = CellRun(index, outputs, shown)
            case answers.Answer(self._notebook, item, value) if len(self._answers) < MAX_ANSWERS:
                self._answers[item] = value

    def finish(self, ending: Ending) -> NotebookRun:
        """Return the run of the notebook."""
        return NotebookRun(self._notebook, ending, tuple(c for _, c in sorted(self._cells.items())), self._answers)
