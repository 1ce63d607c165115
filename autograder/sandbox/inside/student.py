"""The stand-in for `autograder.student`, all there is of us in here, and what the cells of ours need around them.

A cell that learners cannot edit means what it says, whatever they have bound: while one runs, the names in it that are
Python's or ours are these, and warnings are what they were at the start. That serves the learner, and protects nothing.
"""

from __future__ import annotations

import ast
import bdb
import builtins
import cmd
import getpass
import sys
import types
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pandas

from .plain import plain
from .recording import send_event
from .statements import as_python

_read_csv, _reset_warnings = pandas.read_csv, warnings.resetwarnings
_ABSENT = object()

#: What waits for somebody at the keyboard.
_ASKING: tuple[tuple[Any, str], ...] = (
    (builtins, "input"),
    (getpass, "getpass"),
    (sys, "breakpointhook"),
    (bdb.Bdb, "set_trace"),
    (cmd.Cmd, "cmdloop"),
)


def no_input(*arguments: object, **options: object) -> str:
    """Return nothing: nobody can be asked while a notebook is graded."""
    return ""


def _is_name(cell: str) -> bool:
    """Return whether a cell of a table is a text: no number, or digits with a zero first."""
    cell = cell.strip()
    digits = cell.removeprefix("+").removeprefix("-")
    if (digits[:1] == "0" and digits.isdecimal() and len(digits) > 1) or "_" in cell:
        return True
    try:
        float(cell or "0")
    except ValueError:
        return True
    return False


class Student:
    """What a notebook imports from us, and the names and warnings that our own cells are run with."""

    def __init__(self, notebook: str, way_out: int, panel: str) -> None:
        """Remember how things are before any code of the learner's has run."""
        # A debugger that is told nothing asks again without end.
        for where, name in _ASKING:
            setattr(where, name, no_input)
        self.notebook, self.way_out, self.panel = notebook, way_out, panel
        self.filters = list(warnings.filters)
        self.builtins = {name: value for name, value in vars(builtins).items() if not name.startswith("_")}
        self.install()

    def install(self) -> dict[str, Any]:
        """Put the module where an import finds it, and return what is in it."""

        def load_panel(assignment: object = None) -> Any:
            """Return the table of this run as a DataFrame, whatever the assignment; "007" stays text."""
            cells = _read_csv(self.panel, dtype=str, keep_default_na=False)
            texts = {name for name in cells if any(map(_is_name, cells[name]))}
            gaps: Any = {name: [""] for name in cells if name not in texts}
            return _read_csv(self.panel, dtype=dict.fromkeys(texts, str), keep_default_na=False, na_values=gaps)

        def check(name: str, value: object = _ABSENT) -> None:
            """Record an answer; it is compared elsewhere, after the run. A name alone asks for nothing that counts."""
            if value is _ABSENT:
                return
            with self.as_at_the_start():
                answer = plain(value)
            event = {"event": "answer", "notebook": self.notebook, "name": str(name)[:200], "value": answer}
            send_event(self.way_out, event)

        def silent(*arguments: object) -> None:
            """Do nothing: `progress`, `reveal` and `summary` are for who works on the notebook."""

        functions = {"another": load_panel, "check": check, "load_panel": load_panel}
        functions |= dict.fromkeys(("progress", "reveal", "summary"), silent)
        student, package = types.ModuleType("autograder.student"), types.ModuleType("autograder")
        vars(student).update(functions, __all__=list(functions))
        vars(package).update(__path__=[], student=student)
        sys.modules["autograder"], sys.modules["autograder.student"] = package, student
        return functions

    @contextmanager
    def as_at_the_start(self) -> Iterator[None]:
        """Have Python's functions and warnings as at the start, and then as the learner had them.

        What was asked for meanwhile about warnings stays.
        """
        present, filters = vars(builtins), list(warnings.filters)
        theirs = {name: present[name] for name, ours in self.builtins.items() if present.get(name, ours) is not ours}
        present.update(self.builtins)
        _set_filters(self.filters)
        try:
            yield
        finally:
            present.update(theirs)
            if warnings.filters == self.filters:
                _set_filters(filters)

    @contextmanager
    def ours(self, source: str, namespace: dict[str, Any]) -> Iterator[None]:
        """Give a cell of ours its names; those that it does not bind itself are the learner's again after it."""
        with self.as_at_the_start():
            known = {**self.builtins, **self.install()}
            loaded, bound = _names(source)
            replaced = {name: namespace.get(name, _ABSENT) for name in loaded & known.keys()}
            namespace.update({name: known[name] for name in replaced})
            try:
                yield
            finally:
                for name in replaced.keys() - bound:
                    namespace.pop(name, None)
                    if replaced[name] is not _ABSENT:
                        namespace[name] = replaced[name]


def _set_filters(filters: list[Any]) -> None:
    _reset_warnings()
    present: Any = warnings.filters
    present.extend(filters)


def _names(source: str) -> tuple[set[str], set[str]]:
    """Return the names that a cell loads, but for those of answers, and the names that it binds."""
    try:
        nodes = list(ast.walk(ast.parse(as_python(source))))
    except SyntaxError:
        return set(), set()
    names = [node for node in nodes if isinstance(node, ast.Name)]
    bound = {name.id for name in names if isinstance(name.ctx, ast.Store)}
    bound |= {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    bound |= {(node.asname or node.name).split(".")[0] for node in nodes if isinstance(node, ast.alias)}
    # check("max", max) asks for what the learner has called so.
    answers = {node.value for node in nodes if isinstance(node, ast.Constant)}
    return {name.id for name in names if isinstance(name.ctx, ast.Load)} - answers, bound
