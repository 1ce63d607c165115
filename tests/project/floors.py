"""Rooms and floors: which part of a package may import which, and who breaks that."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

#: From the ground up: a room imports rooms of floors below its own, and itself. The engine ends with what it offers.
ENGINE = (
    ("arrays", "errors"),
    ("data",),
    ("likelihood",),
    ("design",),
    ("optimum",),
    ("estimates",),
    ("inference",),
    ("output",),
    ("fit",),
    ("__init__", "command"),
)
FLOORS: Mapping[str, Sequence[Sequence[str]]] = {
    "reference": (*ENGINE, ("panels", "questions"), ("tutorial",), ("__main__",)),
    "autograder": (
        ("__init__", "errors"),
        ("language",),
        ("records",),
        ("sandbox",),
        ("kinds",),
        ("assignment",),
        ("scoring",),
        ("results",),
        ("grading", "outputs"),
        ("tutor", "authoring"),
        ("play",),
        ("commands",),
        ("desk", "models", "student"),
        ("cli",),
    ),
}


@dataclass(frozen=True)
class House:
    """A package: the modules of it that each of its modules imports, wherever in the code it does."""

    imports: Mapping[str, frozenset[str]]

    @classmethod
    def at(cls, folder: Path) -> House:
        """Return the house in a folder, whose name is the package's."""
        paths = {_name(path, folder): path for path in sorted(folder.rglob("*.py"))}
        return cls({name: frozenset(_imported(path, folder.name, paths.keys())) for name, path in paths.items()})

    @property
    def rooms(self) -> set[str]:
        """The parts of the package: its folders, and the modules beside them."""
        return set(map(_room, self.imports))

    def misplaced(self, floors: Sequence[Sequence[str]]) -> list[str]:
        """Return an arrow, as text, for each import of a room that is not on a floor below."""
        level = {room: height for height, rooms in enumerate(floors) for room in rooms}
        return [
            f"{name} -> {other}"
            for name, others in self.imports.items()
            for other in sorted(others)
            if _room(other) != _room(name) and level[_room(other)] >= level[_room(name)]
        ]

    def circle(self) -> list[str]:
        """Return modules that import each other in a circle; none if there is no circle."""
        try:
            TopologicalSorter(self.imports).prepare()
        except CycleError as error:
            return list(error.args[1])
        return []


def long_files(folder: Path, most: int) -> list[str]:
    """Return the modules of more lines than that."""
    return [path.name for path in folder.rglob("*.py") if len(path.read_text(encoding="utf-8").splitlines()) > most]


def long_functions(folder: Path, most: int) -> list[str]:
    """Return the functions whose bodies, docstrings left out, have more lines than that."""
    found = []
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                body = node.body[1:] if ast.get_docstring(node) else node.body
                if body and (node.end_lineno or 0) - body[0].lineno + 1 > most:
                    found.append(f"{path.name}: {node.name}")
    return found


def _name(path: Path, folder: Path) -> str:
    """Return a module's dotted name within its package; a room's own module goes by the room's name."""
    parts = path.relative_to(folder).with_suffix("").parts
    return ".".join(parts[:-1] if len(parts) > 1 and parts[-1] == "__init__" else parts)


def _room(module: str) -> str:
    return module.split(".")[0]


def _imported(path: Path, package: str, known: Collection[str]) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            # A name may be a module of the package or something in it.
            whole = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [name if name.removeprefix(f"{package}.") in known else node.module for name in whole]
        for name in names:
            if name == package:
                yield "__init__"
            elif name.startswith(f"{package}.") and name.removeprefix(f"{package}.") in known:
                yield name.removeprefix(f"{package}.")
