"""The keeper's record of one notebook: filled by what the notebook's process sends, closed by what the keeper saw."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Set

from msgspec.structs import replace

from autograder.records import values
from autograder.records.grading import CellRun, Ending, NotebookRun
from autograder.sandbox import wire

#: What is kept of a notebook takes no more memory than this, in bytes: all answers together, all outputs, and all
#: errors. A course asks for some kilobytes; the outputs leave room for twenty figures.
MOST_ANSWERS, MOST_OUTPUTS, MOST_ERRORS = 1024**2, 3 * 1024**2, 256 * 1024


class Record:
    """What came out of a notebook so far."""

    def __init__(self, notebook: str, cells: int, asked: Set[str] | None = None, *, outputs: bool = True) -> None:
        """Begin the record of a notebook of so many cells.

        ``asked`` are the names of the answers to keep, or all; ``outputs`` says whether what cells show is kept.
        """
        self.notebook, self._count, self._asked = notebook, cells, asked
        self._wants_outputs, self._outputs_left, self._answers_left = outputs, MOST_OUTPUTS, MOST_ANSWERS
        self._errors_left = MOST_ERRORS
        self._cells: dict[int, CellRun] = {}
        self._answers: dict[str, values.Value] = {}

    def take(self, line: bytes | bytearray) -> None:
        """Enter one event; what makes no sense, or speaks of another notebook, is left out."""
        match wire.parse_event(line, self._asked, outputs=self._wants_outputs):
            case wire.CellDone(self.notebook, run) if 0 <= run.index < self._count:
                self._enter_cell(run)
            case wire.Answer(self.notebook, name, value):
                self._enter_answer(name, value)

    def _enter_cell(self, done: CellRun) -> None:
        if before := self._cells.get(done.index):
            self._outputs_left += sum(map(values.size, before.outputs))
            self._errors_left += sum(map(values.size, before.errors))
        outputs = []
        for output in map(self._cut, done.outputs):
            if values.size(output) <= self._outputs_left:
                self._outputs_left -= values.size(output)
                outputs.append(output)
        left_out = done.left_out or tuple(outputs) != done.outputs
        errors = tuple(self._errors_that_fit(done.errors))
        self._cells[done.index] = CellRun(done.index, tuple(outputs), errors, left_out and self._wants_outputs)

    def _errors_that_fit(self, told: Iterable[values.CellError]) -> Iterator[values.CellError]:
        for error in told:
            if values.size(error) <= self._errors_left:
                self._errors_left -= values.size(error)
                yield error

    def _cut(self, output: values.Output) -> values.Output:
        """Return an output, of a printed text that does not fit the beginning, so that what comes after it may."""
        size = values.size(output)
        if output.output_type != "stream" or size <= self._outputs_left:
            return output
        return replace(output, text=output.text[: len(output.text) * self._outputs_left // (2 * size)])

    def _enter_answer(self, name: str, value: values.Value) -> None:
        if name in self._answers:
            self._answers_left += values.size(self._answers.pop(name))
        for kept in (value, values.TOO_LARGE):
            if values.size(kept) <= self._answers_left:
                self._answers_left -= values.size(kept)
                self._answers[name] = kept
                return

    def finish(self, ending: Ending) -> NotebookRun:
        """Return the run of the notebook."""
        return NotebookRun(self.notebook, ending, tuple(c for _, c in sorted(self._cells.items())), self._answers)
