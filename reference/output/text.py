"""Numbers and tables as plain text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

_SMALLEST_P = 2.2e-16


class Text(str):
    """Text that an interactive session shows as it reads, line by line."""

    __slots__ = ()

    def __repr__(self) -> str:
        """Return the text itself."""
        return str(self)


def format_p(p: float) -> str:
    """Return a p-value in three significant digits, or that it is below what a float can tell."""
    if p < _SMALLEST_P:
        return f"< {_SMALLEST_P:.1e}"
    return f"{p:.4f}" if p >= 1e-3 else f"{p:.2e}"


def aligned(header: Sequence[str], rows: Sequence[Sequence[str]], left: int = 1) -> Iterator[str]:
    """Yield aligned lines, the first ``left`` columns to the left and the others to the right."""
    widths = [max(len(line[k]) for line in (header, *rows)) for k in range(len(header))]
    for line in (header, *rows):
        cells = [
            cell.ljust(width) if k < left else cell.rjust(width)
            for k, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        yield ("  " + "  ".join(cells)).rstrip()
