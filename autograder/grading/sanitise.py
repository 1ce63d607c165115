"""Put a submitted notebook together around the release.

Locked cells come from the release, solution cells from the learner, each in the release's order, and cells of the
learner's own stay behind the cell they followed. Whatever was deleted, doubled, edited or moved is named, and costs
nothing by itself: what a learner made of a locked cell is run as a cell of the learner's own beside it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace

from autograder.assignment.release import ReleasedNotebook
from autograder.grading.recognition import Recognised, is_released_text, same_text
from autograder.grading.written import text_elsewhere
from autograder.language.catalogue import Sentence, few, listed
from autograder.records.grading import Cell, SubmittedNotebook

#: So many names of cells are in a note at most; a learner can make up any number of them.
_MOST_NAMED = 12


@dataclass(frozen=True)
class _Sorted:
    """Submitted cells by what they are: in the place of a released one, or the learner's own, by what they follow."""

    handed_in: dict[str, Cell] = field(default_factory=dict)
    own: list[tuple[str | None, Cell]] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)


def sanitise(
    found: Recognised, release: ReleasedNotebook, elsewhere: Collection[str] = frozenset(), notes: tuple[str, ...] = ()
) -> SubmittedNotebook:
    """Return submitted cells put together around the release, with notes on what did not fit after those given.

    ``elsewhere`` are the names of cells of the assignment's other notebooks: all tasks may be in one file.
    """
    there = _sort(found, release, elsewhere)
    texts = _texts_elsewhere(release, there)
    notes = (*notes, *_notes(found, release, there), *(Sentence("submission.text_elsewhere", cell=n) for n in texts))
    return SubmittedNotebook(
        name=release.name,
        cells=tuple(_assemble(release, there, texts)),
        notes=notes,
        untouched=frozenset(
            cell.grade_id
            for cell in release.cells
            if cell.grade_id and not cell.locked and cell.grade_id not in texts and not _is_changed(cell, there)
        ),
    )


def _is_changed(cell: Cell, there: _Sorted) -> bool:
    handed_in = there.handed_in.get(cell.grade_id or "")
    return handed_in is not None and not same_text(handed_in.source, cell.source)


def _sort(found: Recognised, release: ReleasedNotebook, elsewhere: Collection[str]) -> _Sorted:
    there = _Sorted()
    # What comes before every cell that is known goes in front; if none is known, it follows what is handed out first.
    last: str | None = None if any(found.grade_ids) else _last_before_work(release)
    released = {cell.grade_id: cell for cell in release.cells if cell.grade_id}
    for cell, name in zip(found.cells, found.grade_ids, strict=True):
        if name is not None and name not in there.handed_in:
            there.handed_in[name] = cell
            last = name
            continue
        if name is not None:
            if same_text(cell.source, released[name].source):
                continue
            there.twice.append(name)
        elif cell.grade_id is not None:
            there.unknown.extend([] if cell.grade_id in elsewhere else [cell.grade_id])
        elif is_released_text(cell, release):
            continue
        there.own.append((last, Cell(cell.cell_type, cell.source)))
    return there


def _last_before_work(release: ReleasedNotebook) -> str | None:
    """Return the last locked cell before the first one to be filled: it makes ready what every cell uses."""
    last = None
    for cell in release.cells:
        if cell.grade_id and not cell.locked:
            break
        last = cell.grade_id or last
    return last


def _texts_elsewhere(release: ReleasedNotebook, there: _Sorted) -> dict[str, str]:
    """Return the texts for a person that stand outside their cells, by the cells' names."""
    everything = "\n".join((*(cell.source for cell in release.cells), *release.translated))
    texts = {}
    for cell in release.cells:
        entry = release.metadata.get(cell.grade_id or "", {})
        if entry.get("grade") and entry.get("solution") and cell.grade_id:
            handed_in = there.handed_in.get(cell.grade_id)
            text = None if handed_in is None else handed_in.source
            texts[cell.grade_id] = text_elsewhere(cell, text, there.own, everything)
    return {name: text for name, text in texts.items() if text}


def _notes(found: Recognised, release: ReleasedNotebook, there: _Sorted) -> Iterator[str]:
    released = {cell.grade_id: cell for cell in release.cells if cell.grade_id}
    if not there.handed_in:
        yield Sentence("submission.nothing_recognised")
        return
    named = {
        "metadata_lost": [name for name in released if name in found.by_content],
        "twice": there.twice,
        "unknown_cell": [repr(name[:60]) for name in there.unknown],
        "deleted": [name for name in released if name not in there.handed_in],
        "edited": [name for name, cell in released.items() if cell.locked and _is_changed(cell, there)],
    }
    for note, cells in named.items():
        if cells:
            yield Sentence(f"submission.{note}", cells=listed(few(cells, _MOST_NAMED)))
    if [name for name in released if name in there.handed_in] != list(there.handed_in):
        yield Sentence("submission.moved")


def _assemble(release: ReleasedNotebook, there: _Sorted, texts: Mapping[str, str]) -> Iterator[Cell]:
    own: dict[str | None, list[Cell]] = {}
    for after, cell in there.own:
        own.setdefault(after, []).append(cell)
    yield from own.get(None, ())
    for cell in release.cells:
        handed_in = there.handed_in.get(cell.grade_id or "")
        if cell.locked:
            yield from _beside_locked(
                cell, there, is_check=bool(release.metadata.get(cell.grade_id or "", {}).get("grade"))
            )
        else:
            source = cell.source if handed_in is None else handed_in.source
            yield replace(cell, source="\n\n".join(filter(None, (source, texts.get(cell.grade_id or "")))))
        if cell.grade_id:
            yield from own.get(cell.grade_id, ())


def _beside_locked(cell: Cell, there: _Sorted, *, is_check: bool) -> Iterator[Cell]:
    """Yield a locked cell, and the learner's version of it if there is one: what comes last is what holds.

    A check comes last, so that it is made; another cell comes first, as what a learner added rests on it.
    """
    if not _is_changed(cell, there):
        yield cell
        return
    theirs = Cell(there.handed_in[str(cell.grade_id)].cell_type, there.handed_in[str(cell.grade_id)].source)
    yield from (theirs, cell) if is_check else (cell, theirs)
