"""Which cell of the release a submitted cell is: by nbgrader's name for it, by its id, by what is in it, by its place.

nbgrader's names are lost by many ways that notebooks take: some sites drop metadata, and a cell that was cut and typed
again has none. What tells nothing by itself is a cell of the learner's own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

from autograder.assignment.release import ReleasedNotebook
from autograder.records.grading import Cell


@dataclass(frozen=True)
class Recognised:
    """Submitted cells beside the ``grade_id`` each has in a release, or None for a cell of the learner's own.

    ``by_content`` are the names of cells that nbgrader's metadata no longer tells.
    """

    cells: Sequence[Cell]
    grade_ids: Sequence[str | None]
    by_content: frozenset[str] = frozenset()

    def changed(self, release: ReleasedNotebook) -> int:
        """Return how many of the cells that are the learner's to fill are no longer as they were handed out."""
        pairs = zip(reversed(self.grade_ids), reversed(self.cells), strict=True)
        handed_in = {name: cell for name, cell in pairs if name}  # of several of a name the first
        return sum(
            cell.grade_id in handed_in and not same_text(handed_in[cell.grade_id].source, cell.source)
            for cell in release.cells
            if cell.grade_id and not cell.locked
        )


def same_text(one: str, other: str) -> bool:
    """Return whether two sources are the same but for spaces that nobody sees."""
    return _visible(one) == _visible(other)


def _visible(source: str) -> str:
    return "\n".join(line.rstrip() for line in source.strip().splitlines())


def recognise(cells: Sequence[Cell], release: ReleasedNotebook) -> Recognised:
    """Return which cells of a release submitted cells are."""
    released = {cell.grade_id for cell in release.cells if cell.grade_id}
    names = [cell.grade_id if cell.grade_id in released else None for cell in cells]
    by_content = set()
    for look in (_by_id, _by_text, _by_first_line, _by_place):
        for position, name in look(cells, names, release):
            if names[position] is None and name not in names:
                names[position] = name
                by_content.add(name)
    return Recognised(cells, names, frozenset(by_content))


#: Cells by where they stand, with the names that they may have.
_Named: TypeAlias = Iterator[tuple[int, str]]


def _by_id(cells: Sequence[Cell], _: Sequence[str | None], release: ReleasedNotebook) -> _Named:
    by_id = {cell.cell_id: cell.grade_id for cell in release.cells if cell.cell_id and cell.grade_id}
    for position, cell in enumerate(cells):
        if cell.cell_id in by_id:
            yield position, by_id[cell.cell_id]


def _by_text(cells: Sequence[Cell], names: Sequence[str | None], release: ReleasedNotebook) -> _Named:
    texts: dict[str, list[str]] = {}
    for cell in release.cells:
        if cell.grade_id:
            texts.setdefault(_visible(cell.source), []).append(cell.grade_id)
    for position in _nameless(cells, names):
        for name in texts.get(_visible(cells[position].source), ()):
            yield position, name


def _by_first_line(cells: Sequence[Cell], names: Sequence[str | None], release: ReleasedNotebook) -> _Named:
    """Yield cells that begin as those did that were to be filled: the line says what to do."""
    begins = [(_first_line(cell.source), cell.grade_id) for cell in release.cells if cell.grade_id and not cell.locked]
    twice = Counter(line for line, _ in begins)
    lines = {line: name for line, name in begins if twice[line] == 1}
    for position in _nameless(cells, names):
        line = _first_line(cells[position].source)
        if line in lines:
            yield position, lines[line]


def _by_place(cells: Sequence[Cell], names: Sequence[str | None], release: ReleasedNotebook) -> _Named:
    """Yield the cell that stands alone between two known ones where one that was to be filled is missing."""
    wanted = [cell for cell in release.cells if cell.grade_id]
    known = [position for position, name in enumerate(names) if name is not None]
    nameless = _nameless(cells, names)
    for before, missing, after in zip(wanted, wanted[1:], wanted[2:], strict=False):
        for start, end in pairwise(known):
            if missing.locked or (names[start], names[end]) != (before.grade_id, after.grade_id):
                continue
            between = [p for p in nameless if start < p < end and cells[p].cell_type == missing.cell_type]
            between = [p for p in between if not is_released_text(cells[p], release)]
            if len(between) == 1 and missing.grade_id:
                yield between[0], missing.grade_id


def _nameless(cells: Sequence[Cell], names: Sequence[str | None]) -> list[int]:
    return [p for p, cell in enumerate(cells) if names[p] is None and cell.grade_id is None]


def _first_line(source: str) -> str:
    return next((line.strip() for line in source.splitlines() if line.strip()), "")


def is_released_text(cell: Cell, release: ReleasedNotebook) -> bool:
    """Return whether a cell is one that the release has anyway, such as a heading."""
    text = _visible(cell.source)
    own = (other.source for other in release.cells if other.grade_id is None)
    return any(text == _visible(other) for other in (*own, *release.translated))
