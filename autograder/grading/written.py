"""The text that a person is to read, wherever in a notebook it stands: often in a cell of the learner's own."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence

from autograder.records.grading import Cell

#: Fewer words are a heading or a remark, and no memo.
_FEWEST_WORDS = 8

#: A line with fewer words than this, or with another share of them, is code and not prose.
_WORDS_IN_A_LINE, _SHARE_OF_WORDS = 5, 0.8

_WORD = re.compile(r"[(\"'“„‚‘«]?[^\W\d_]+(?:['’-][^\W\d_]+)*[.,;:!?)\"'”“’»…]*")
_QUOTED = re.compile(r"\"\"\"(.*?)\"\"\"|'''(.*?)'''|\"([^\"\n]*)\"|'([^'\n]*)'", re.DOTALL)


def text_elsewhere(place: Cell, handed_in: str | None, own: Sequence[tuple[str | None, Cell]], released: str) -> str:
    """Return what a learner wrote for a person outside the cell that is there for it; empty if nothing.

    ``place`` is that cell as it was handed out, and ``handed_in`` what it holds now, None if it is gone; ``own`` are
    the learner's own cells, each with the name of the cell that it follows; ``released`` is all text of the release.
    """
    lines = set(released.splitlines())
    below = [cell for after, cell in own if after == place.grade_id]
    # Where the place is as it was, the text may be anywhere; else only what goes on below belongs to it.
    has_text = handed_in is not None and any(_own_lines(handed_in, lines))
    among = [cell for cell in below if cell.cell_type != "code"] if has_text else [cell for _, cell in own]
    texts = ("\n".join(_own_lines(_prose(cell), lines)) for cell in among)
    return "\n\n".join(text for text in texts if len(text.split()) >= _FEWEST_WORDS)


def _own_lines(text: str, released: Collection[str]) -> Iterator[str]:
    return (line for line in text.splitlines() if line.strip() and line not in released)


def _prose(cell: Cell) -> str:
    """Return the text in a cell; of code, its comments, or else its strings, or else its lines that are no code."""
    if cell.cell_type != "code":
        return cell.source
    lines = cell.source.splitlines()
    comments = "\n".join(line.strip().lstrip("#").strip() for line in lines if line.lstrip().startswith("#"))
    strings = "\n".join(filter(_is_prose, map("".join, _QUOTED.findall(cell.source))))
    bare = "\n".join(filter(_is_prose, lines))
    return max((comments, strings, bare), key=_count_words)


def _is_prose(line: str) -> bool:
    tokens = len(line.split())
    return tokens >= _WORDS_IN_A_LINE and _count_words(line) >= _SHARE_OF_WORDS * tokens


def _count_words(text: str) -> int:
    return sum(_WORD.fullmatch(token) is not None for token in text.split())
