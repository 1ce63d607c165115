"""A learner's session in a browser, where there is no Jupyter: it runs cells, and sends what they show as messages.

It stands in for the part of IPython that the student's module and learners' cells use, and shows the same cards.
"""

from __future__ import annotations

import ast
import builtins
import io
import json
import linecache
import os
import re
import sys
import traceback
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any, Final

from autograder.tutor.progress import FOLDER

#: What a cell prints beyond this many characters is left out: a page that never ends helps no one.
_MOST: Final = 100_000
#: Lines that only Jupyter understands.
_MAGIC = re.compile(r"^([ \t]*)[%!].*$", re.MULTILINE)


class Session:
    """The cells of one assignment: a space of names for each of its notebooks, in one folder.

    Parameters
    ----------
    send : callable
        Takes the kind of a message ("stdout", "stderr", "html", "png", "text", "error", "stopped", "magic", "cut") and
        its text.
    """

    def __init__(self, send: Callable[[str, str], None]) -> None:
        """Stand in for IPython from now on."""
        self._send, self._left = send, _MOST
        self._spaces: dict[str, dict[str, Any]] = {}
        self.user_ns: dict[str, Any] = {}
        self.custom_exceptions: tuple[type[BaseException], ...] = ()
        self._handler: Callable[..., None] | None = None
        sys.stdout, sys.stderr = _Stream(self, "stdout"), _Stream(self, "stderr")
        os.environ["MPLBACKEND"] = "agg"
        self._stand_in()

    def run(self, notebook: str, source: str) -> None:
        """Run a cell in the space of its notebook, and send what it shows."""
        self._left = _MOST
        space = self._spaces.setdefault(notebook, {"__name__": "__main__", "__builtins__": builtins, "In": [""]})
        self.user_ns = space
        space["In"].append(source)
        name = f"cell {len(space['In']) - 1}"
        try:
            for code, is_value in self._compiled(source, name):
                if is_value:
                    value = eval(code, space)
                    if value is not None:
                        space["_"] = value
                        self.display(value)
                else:
                    exec(code, space)
            self._figures()
        except KeyboardInterrupt:
            self.send("stopped", "")
        except SystemExit:
            pass
        except BaseException as error:
            if self._handler and isinstance(error, self.custom_exceptions):
                self._handler(self, type(error), error, error.__traceback__, tb_offset=None)
            else:
                self.showtraceback((type(error), error, error.__traceback__))

    def send(self, kind: str, text: str) -> None:
        """Send what a cell shows, until it is too much."""
        if self._left > 0 or kind in ("stopped", "error"):
            over = len(text) > max(self._left, 0) and kind in ("stdout", "stderr", "text", "html")
            self._send(kind, text[: self._left] if over and kind != "html" else "" if over else text)
            self._left -= 0 if kind == "png" else len(text)
            if self._left <= 0:
                self._send("cut", "")

    def display(self, *values: object) -> None:
        """Show values as a notebook would: as HTML where they have it, else as text."""
        for value in values:
            bundle = value._repr_mimebundle_() if hasattr(value, "_repr_mimebundle_") else {}
            html = bundle.get("text/html") or (value._repr_html_() if hasattr(value, "_repr_html_") else None)
            self.send("html" if html else "text", html or repr(value))

    def set_custom_exc(self, kinds: tuple[type[BaseException], ...], handler: Callable[..., None]) -> None:
        """Let a handler show errors of some kinds, as IPython does."""
        self.custom_exceptions, self._handler = kinds, handler

    def showtraceback(self, error: tuple[Any, Any, Any], tb_offset: int | None = None) -> None:
        """Show an error from the cell on: what runs cells is of no interest."""
        kind, value, trace = error
        while trace and not trace.tb_frame.f_code.co_filename.startswith("cell "):
            trace = trace.tb_next
        self.send("error", "".join(traceback.format_exception(kind, value, trace)))

    def kept(self) -> str:
        """Return the files of the learner's progress, as JSON by name."""
        return json.dumps({path.name: path.read_text("utf-8") for path in sorted(Path(FOLDER).glob("*.json"))})

    def progress(self) -> str:
        """Return the card that says how far the learner is, as HTML."""
        from autograder.tutor.progress_cards import progress_card
        from autograder.tutor.tutor import tutor_in

        return progress_card(tutor_in(Path.cwd(), own_code=True)).as_html()

    def _compiled(self, source: str, name: str) -> list[tuple[CodeType, bool]]:
        """Return a cell as code to run; of a last line that is an expression, the value is shown."""
        try:
            tree = ast.parse(source, name)
        except SyntaxError:
            without = _MAGIC.sub(r"\1pass", source)
            if without == source:
                raise
            source, tree = without, ast.parse(without, name)
            self.send("magic", "")
        linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        parts: list[tuple[CodeType, bool]] = [(compile(tree, name, "exec"), False)]
        if isinstance(last, ast.Expr):
            silent = source.rstrip().endswith(";")
            value = ast.Module([last], []) if silent else ast.Expression(last.value)
            parts.append((compile(value, name, "exec" if silent else "eval"), not silent))
        return parts

    def _figures(self) -> None:
        plots: Any = sys.modules.get("matplotlib.pyplot")
        for number in plots.get_fignums() if plots else ():
            picture = io.BytesIO()
            plots.figure(number).savefig(picture, format="png", dpi=96, bbox_inches="tight")
            self.send("png", b64encode(picture.getvalue()).decode())
            plots.close(number)

    def _stand_in(self) -> None:
        modules = [ModuleType(name) for name in ("IPython", "IPython.core", "IPython.core.getipython")]
        shown = ModuleType("IPython.display")
        # matplotlib asks the package whether it must draw after each cell; here that is done without it.
        modules[0].__dict__.update(get_ipython=lambda: None, display=shown, core=modules[1], version_info=(9, 0))
        modules[2].__dict__.update(get_ipython=lambda: self)
        shown.__dict__.update(display=self.display, HTML=_Html, Markdown=str)
        sys.modules.update({module.__name__: module for module in (*modules, shown)})
        vars(builtins).update(display=self.display, get_ipython=lambda: self)


class _Html:
    """HTML to be shown as it is."""

    def __init__(self, data: str) -> None:
        """Keep it."""
        self._data = data

    def _repr_html_(self) -> str:
        return self._data


class _Stream(io.TextIOBase):
    """Where a cell prints: its text is sent at once."""

    def __init__(self, session: Session, kind: str) -> None:
        """Send to a session."""
        self._session, self._kind = session, kind

    def write(self, text: str) -> int:
        """Send a text, and return how long it is."""
        self._session.send(self._kind, text)
        return len(text)
