"""Read a learner's cell that Python cannot parse: without the lines that it cannot, every other one where it was."""

from __future__ import annotations

import ast
import re
import unicodedata
from collections.abc import Iterator
from typing import Any

from IPython.core.getipython import get_ipython
from IPython.core.inputtransformer2 import TransformerManager

#: How often a cell is parsed again, and how many characters of it altogether: a cell that needs more is cut short.
MOST_TRIES, MOST_CHARACTERS = 60, 500_000

#: What Python calls an error of which a line is not the place: the block that has no body, or no end, begins before it.
_EMPTY_BLOCK = re.compile(r"expected an indented block after .* on line (\d+)")
_OPEN_TRY = re.compile(r"expected 'except' or 'finally' block")
#: A magic without a name. IPython looks for one, and fails, where a string or a line without an end comes instead.
_NAMELESS_MAGIC = re.compile(r"=[ \t]*%(?![ \t]*\w)")

#: A string, a comment, or characters that are no ASCII outside of both.
_PIECE = re.compile(
    r"('''|\"\"\")(?:\\.|(?!\1).)*+\1|'(?:\\.|[^'\\\n])*+'|\"(?:\\.|[^\"\\\n])*+\"|#[^\n]*+|([^\x00-\x7f]++)", re.S
)
_PROMPT = re.compile(r"(?m)^[ \t]*(?:>>>(?: |$)|In ?\[\d*\]: ?)")
_CONTINUES = re.compile(r"(?m)^[ \t]*\.\.\.(?: (?=\S| )|:? *$)")
#: What version control and Markdown leave in a cell: a line of it says nothing of the lines that are indented below it.
_MARK = re.compile(r"(?:<{7}|={7}|>{7}|\|{7})(?: |$)|[ \t]*(?:```|~~~)")


_Transformers: Any = TransformerManager


def as_python(source: str) -> str:
    """Return the Python that IPython makes of a cell: without blank lines at the beginning, others in place."""
    try:
        return str(_Transformers().transform_cell(source))
    except IndexError as error:
        found = _NAMELESS_MAGIC.search(source)
        line = source.count("\n", 0, found.start()) + 1 - blank_lines(source) if found else 1
        raise SyntaxError("invalid syntax", ("<cell>", line, None, None)) from error


def readable(source: str) -> tuple[str, list[tuple[int, SyntaxError]]]:
    """Return a cell without the lines that cannot be parsed, with the numbers of these and why.

    ``source`` is the cell as the learner wrote it, magics and all; in what is returned each line is where it was. Lines
    are counted from 1, and of lines that were left out together the first is named.
    """
    if _problem(source) is None or _is_magic(source):
        return source, []
    text = source.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
    text = _PIECE.sub(lambda found: _plain_spaces(found[2]) if found[2] else found[0], text)
    if _PROMPT.search(text):
        text = _CONTINUES.sub("", _PROMPT.sub("", text))
    return _Cell(text.split("\n")).read()


def _plain_spaces(text: str) -> str:
    """Return text of which spaces of all kinds are plain ones, and what has no width is not there."""
    kinds = ((character, unicodedata.category(character)) for character in text)
    return "".join(" " if kind[0] == "Z" else "" if kind == "Cf" else character for character, kind in kinds)


def _problem(text: str) -> SyntaxError | None:
    """Return why a cell cannot be parsed, with the line as it is counted in the cell; None if it can."""
    try:
        flags = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        compile(as_python(text), "<cell>", "exec", flags, dont_inherit=True)
    except SyntaxError as error:
        error.lineno = (error.lineno or 0) + blank_lines(text)
        error.msg = _EMPTY_BLOCK.sub(lambda found: _moved(found, blank_lines(text)), error.msg)
        return error
    except (ValueError, OverflowError, MemoryError, RecursionError) as error:
        return SyntaxError(f"{type(error).__name__}: {error}")
    return None


def _is_magic(source: str) -> bool:
    """Return whether a cell is one line that begins with the name of a magic, which needs no % then."""
    shell: Any = get_ipython()
    line = source.strip()
    return shell is not None and "\n" not in line and shell.find_line_magic(line.split(" ")[0]) is not None


def _moved(found: re.Match[str], lines: int) -> str:
    return found[0][: found.start(1) - found.start()] + str(int(found[1]) + lines)


def blank_lines(text: str) -> int:
    """Return how many blank lines a cell begins with, of which IPython does not count any."""
    return text[: len(text) - len(text.lstrip())].count("\n")


class _Cell:
    """A cell of which lines are taken away until the rest can be parsed."""

    def __init__(self, lines: list[str]) -> None:
        self.lines = lines
        self.dropped: set[int] = set()
        self.left_out: dict[int, SyntaxError] = {}

    def read(self) -> tuple[str, list[tuple[int, SyntaxError]]]:
        """Return what can be read of the cell, and what was left out."""
        for index, line in enumerate(self.lines):
            if _MARK.match(line):
                self._drop([index], SyntaxError("invalid syntax"))
        size = sum(map(len, self.lines)) + 1
        for _ in range(min(MOST_TRIES, 1 + MOST_CHARACTERS // size)):
            error = self._problem()
            if error is None:
                return self._result()
            if isinstance(error, TabError) and self._expand_tabs():
                continue
            if not self._mend(error):
                break
        self._cut()
        return self._result()

    def _result(self) -> tuple[str, list[tuple[int, SyntaxError]]]:
        return "\n".join(self.lines), [(index + 1, error) for index, error in sorted(self.left_out.items())]

    def _problem(self) -> SyntaxError | None:
        return _problem("\n".join(self.lines))

    def _expand_tabs(self) -> bool:
        """Let a tab be four columns wide, as notebooks show it, or else eight; False where there are none."""
        before = self.lines
        for width in (4, 8):
            self.lines = [_expanded(line, width) for line in before]
            if not isinstance(self._problem(), IndentationError):
                break
        return self.lines != before

    def _mend(self, error: SyntaxError) -> bool:
        """Take away what an error names, or give a block of which nothing is left a body; False if there is nothing."""
        empty = _EMPTY_BLOCK.search(error.msg)
        if empty:
            header = int(empty[1]) - 1
            body = next((index for index in self._above(error) if index <= header or self.lines[index].strip()), header)
            bodies = [index for index in range(body + 1, self._place(error) + 1) if index in self.dropped]
            if bodies:
                self.lines[bodies[0]] = f"{_indentation(self.lines[header])}    pass"
                return True
            return self._drop(self._statement(header), error)
        if _OPEN_TRY.search(error.msg):
            width = len(_indentation(self.lines[self._place(error)]))
            for index in self._above(error):
                line = self.lines[index]
                if re.match(r"[ \t]*try\b", line) and len(_indentation(line)) >= width:
                    return self._drop(self._statement(index), error)
        named = (index for index in (self._place(error), *self._above(error)) if self.lines[index].strip())
        return any(self._drop(self._statement(index), error) for index in named)

    def _place(self, error: SyntaxError) -> int:
        return min(max((error.lineno or 1) - 1, 0), len(self.lines) - 1)

    def _above(self, error: SyntaxError) -> Iterator[int]:
        return iter(range(self._place(error) - 1, -1, -1))

    def _statement(self, index: int) -> list[int]:
        """Return a line with those that are indented below it, and with its decorators above."""
        width, lines = len(_indentation(self.lines[index])), [index]
        for below in range(index + 1, len(self.lines)):
            if self.lines[below].strip() and len(_indentation(self.lines[below])) <= width:
                break
            lines.append(below)
        for above in range(index - 1, -1, -1):
            if self.lines[above].strip() and not self.lines[above].lstrip().startswith("@"):
                break
            lines.append(above)
        return [line for line in lines if self.lines[line].strip()]

    def _drop(self, lines: list[int], error: SyntaxError) -> bool:
        for index in lines:
            self.lines[index] = ""
        self.dropped.update(lines)
        # What was named before, and could not be read without its neighbours, is told once.
        if not self.left_out.keys() & set(lines):
            self.left_out[min(lines)] = error
        return True

    def _cut(self) -> None:
        """Leave out everything from the line on that cannot be read still, or from half as far, and so on."""
        error = self._problem()
        first = 2 * self._place(error) if error else 0
        while error is not None:
            first //= 2
            self._drop(list(range(first, len(self.lines))), error)
            error = self._problem()


def _expanded(line: str, width: int) -> str:
    indentation = _indentation(line)
    return indentation.expandtabs(width) + line[len(indentation) :]


def _indentation(line: str) -> str:
    return line[: len(line) - len(line.lstrip(" \t"))]
