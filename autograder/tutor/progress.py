"""What a learner has answered, kept beside the notebooks in a folder ``.mlm``, so that it outlives the kernel.

``.mlm/study.json`` is there where someone studies alone (`mlm study` puts it there); ``.mlm/<notebook>.json`` holds the
answers of one notebook. Each file is written whole or not at all. No score is kept: it follows from the answers.
"""

from __future__ import annotations

import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from autograder.records.values import Value
from autograder.records.writing import write_whole

FOLDER = ".mlm"
_STUDY = "study.json"

#: All answers of a notebook take some kilobytes; a file of more was not written here.
_MOST_BYTES = 20 * 1024**2
Record = TypeVar("Record", bound=msgspec.Struct)


class Study(msgspec.Struct, frozen=True):
    """What was chosen when the exercises were copied: the assignment, and the language of the cards.

    ``place`` is the assignment's among those of its course, and ``panels`` says how fresh panels are drawn.
    """

    assignment: str
    language: str | None = None
    place: int = 0
    panels: dict[str, Any] = {}


class Answered(msgspec.Struct, frozen=True):
    """An answer, and how many different ones in a row were not right, this one included.

    ``hinted`` is True once a hint was given, and stays so.
    """

    value: Value
    tries: int = 0
    hinted: bool = False


class Progress(msgspec.Struct, frozen=True):
    """The answers of one notebook by item, and the items whose right answer was shown before they were right.

    ``mastered`` are the items that were right on two panels, on the second without a hint.
    """

    answers: dict[str, Answered] = {}
    revealed: frozenset[str] = frozenset()
    mastered: frozenset[str] = frozenset()

    @property
    def values(self) -> Mapping[str, Value]:
        """The answers alone."""
        return {name: answered.value for name, answered in self.answers.items()}

    def with_answer(self, item: str, answered: Answered) -> Progress:
        """Return the progress with one more answer, or another one in its place."""
        return msgspec.structs.replace(self, answers={**self.answers, item: answered})

    def with_revealed(self, item: str) -> Progress:
        """Return the progress with one more answer shown."""
        return msgspec.structs.replace(self, revealed=self.revealed | {item})

    def with_mastered(self, item: str) -> Progress:
        """Return the progress with one more item mastered."""
        return msgspec.structs.replace(self, mastered=self.mastered | {item})


def read_study(folder: Path) -> Study | None:
    """Return what `mlm study` wrote into a folder; None where nobody studies alone."""
    return _read(folder / FOLDER / _STUDY, Study)


def write_study(folder: Path, study: Study) -> Path:
    """Mark a folder as one in which someone studies alone."""
    return write_whole(folder / FOLDER / _STUDY, msgspec.json.encode(study).decode() + "\n")


class Notes:
    """The progress in a folder's notebooks, read when asked for and written at once.

    Where the folder cannot be written to, progress lasts as long as the session. A file that cannot be read, because
    someone changed it, counts as none: the answers are in the notebook, and checking them again brings it back.
    """

    def __init__(self, folder: Path, fresh: int = 0) -> None:
        """Read and write beside the notebooks of a folder; what was answered on a fresh panel lies by its number."""
        self._folder = folder / FOLDER / (f"another-{fresh}" if fresh else "")
        self._unwritten: dict[str, Progress] = {}

    @property
    def is_new(self) -> bool:
        """Whether nothing was kept here yet."""
        return not self._folder.exists() and not self._unwritten

    def read(self, notebook: str) -> Progress:
        """Return the progress in a notebook."""
        kept = self._unwritten.get(notebook)
        return kept or _read(self._folder / f"{notebook}.json", Progress) or Progress()

    def write(self, notebook: str, progress: Progress) -> None:
        """Keep the progress in a notebook."""
        try:
            write_whole(self._folder / f"{notebook}.json", msgspec.json.encode(progress).decode() + "\n")
        except OSError:
            self._unwritten[notebook] = progress


def _read(path: Path, record: type[Record]) -> Record | None:
    try:
        status = path.lstat()
        # Whoever opens a pipe waits for a writer, and a link may lead to something that never ends.
        if not stat.S_ISREG(status.st_mode) or status.st_size > _MOST_BYTES:
            return None
        return msgspec.json.decode(path.read_bytes(), type=record)
    except (OSError, msgspec.MsgspecError, ValueError, RecursionError):
        return None
