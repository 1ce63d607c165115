"""The rooms of a package as a drawing, from the table by which the test of the architecture goes."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from tests.project.floors import FLOORS

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class House:
    """A package's floors from the top to the ground: each room's name, and what it says of itself."""

    package: str
    floors: tuple[tuple[tuple[str, str], ...], ...]

    def _repr_mimebundle_(self, **_options: object) -> dict[str, str]:
        drawn = [[f"<div><b>{escape(name)}</b> {escape(says)}</div>" for name, says in floor] for floor in self.floors]
        floors = "".join(f"<li>{''.join(floor)}</li>" for floor in drawn)
        lines = [" · ".join(name for name, _ in floor) for floor in self.floors]
        return {"text/html": f'<ol class="house" reversed>{floors}</ol>', "text/plain": "\n".join(lines)}


def house(package: str) -> House:
    """Return the drawing of ``reference`` or ``autograder``."""
    return House(package, tuple(_floor(package, rooms) for rooms in reversed(FLOORS[package])))


def _floor(package: str, rooms: Sequence[str]) -> tuple[tuple[str, str], ...]:
    return tuple((package if room == "__init__" else room, _says(ROOT / package / room)) for room in rooms)


def _says(room: Path) -> str:
    """Return the first sentence of a room's docstring."""
    path = room / "__init__.py" if room.is_dir() else room.with_suffix(".py")
    words = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return words.splitlines()[0].replace("``", "").replace("`", "")
