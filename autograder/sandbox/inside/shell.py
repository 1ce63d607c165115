"""IPython as it runs in a notebook's process: what a cell shows goes to the recording, and to nobody else.

A statement of a cell that fails costs itself: the next one is run. A learner could write ``try`` around each of them.
"""

from __future__ import annotations

import multiprocessing
import re
import sys
from typing import Any

import matplotlib
import statsmodels.formula.api  # noqa: F401  (every notebook of a course wants it)
from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from .recording import MOST_ERRORS, Outputs, clean_bundle, error_of, name_of, text_of
from .statements import blank_lines, readable

#: Cell magics that measure how a cell runs; the cell is run without them, as they would end it at its first error.
_MEASURING = ("time", "prun", "debug")

_CELL_MAGIC = re.compile(r"\s*?%%(\w+)[^\n]*(?:\n|$)")
_CONTINUED = re.compile(r"(?m)^[ \t]*[!%](?:[^\n]*\\\n)+[^\n]*$")


class Hook(DisplayHook):
    """Keeps the value of a cell."""

    outputs: Outputs

    def write_output_prompt(self) -> None:
        """Write no prompt: a notebook shows none."""

    def write_format_data(self, format_dict: dict[str, Any], md_dict: dict[str, Any] | None = None) -> None:
        """Keep a value in the forms that it has."""
        data, size = clean_bundle(format_dict)
        self.outputs.add({"output_type": "execute_result", "data": data}, size)

    def finish_displayhook(self) -> None:
        """Write nothing at the end."""
        self._is_active = False


class Publisher(DisplayPublisher):
    """Keeps what a cell displays."""

    outputs: Outputs

    def publish(self, data: Any, metadata: Any = None, source: Any = None, **options: Any) -> None:
        """Keep what is displayed."""
        kept, size = clean_bundle(data)
        name = (options.get("transient") or {}).get("display_id")
        self.outputs.show(kept, size, name, update=bool(options.get("update")))

    def clear_output(self, wait: bool = False) -> None:
        """Forget what the cell has shown."""
        self.outputs.clear()


class Shell(InteractiveShell):
    """Captures what a notebook would show, and runs each statement of a cell whatever became of the one before."""

    displayhook_class = Hook
    display_pub_class = Publisher

    outputs: Outputs

    #: True where the first error ends a cell.
    error_ends_cell = False
    #: The errors of the running cell, and its lines as the learner wrote them.
    errors: list[dict[str, Any]] = []  # noqa: RUF012
    lines: list[str] = []  # noqa: RUF012
    #: How many lines of the cell come before what IPython counts; how deep in calls of `run_cell` its statements lie,
    #: and how deep the running ones do.
    lines_before, depth_of_cell, depth = 0, 1, 0

    def run(self, source: str) -> list[dict[str, Any]]:
        """Run a cell and return what of it failed, by lines."""
        self.errors, self.depth, self.depth_of_cell = [], 0, 1
        self.lines = source.split("\n")
        if not self.error_ends_cell:
            source = self._without_what_cannot_run(source)
        self.lines_before = blank_lines(source)
        magic = _CELL_MAGIC.match(source)
        if magic and magic[1] == "capture":
            # Its body is run by a call of run_cell in the magic.
            self.depth_of_cell = 2
            self.lines_before = magic[0].count("\n") + blank_lines(source[magic.end() :])
        run_cell: Any = self.run_cell
        problem = run_cell(source, store_history=True).error_before_exec
        if problem is not None and not self.errors:
            self.note(self.lines_before + (getattr(problem, "lineno", 0) or 1), problem)
        return sorted(self.errors, key=lambda error: error["line"])

    def _without_what_cannot_run(self, source: str) -> str:
        """Return a cell without magics that measure it, and without lines that cannot be parsed, which are noted."""
        source = _CONTINUED.sub(_in_one_line, source)
        magic, head = _CELL_MAGIC.match(source), ""
        if magic:
            before, body = magic[0].count("\n"), source[magic.end() :]
            if magic[1] == "capture":
                head, source = magic[0], body
            elif magic[1] in _MEASURING:
                source = "\n" * before + body
            elif magic[1] not in self.magics_manager.magics["cell"] and body.strip() and not readable(body)[1]:
                self.note(before, UsageError(f"Cell magic %%{magic[1]} not found"))
                source = "\n" * before + body
        text, left_out = readable(source)
        for line, error in left_out:
            if len(self.errors) < MOST_ERRORS:
                as_text: Any = self.SyntaxTB.structured_traceback
                self._showtraceback(type(error), error.msg, as_text(type(error), error, []))
            self.note(head.count("\n") + line, error)
        return head + text

    def note(self, line: int, problem: BaseException) -> None:
        """Note that a statement failed, which begins in a line of the cell."""
        if len(self.errors) < MOST_ERRORS:
            line = min(max(line, 1), len(self.lines))
            self.errors.append(error_of(problem, line, self.lines[line - 1]))

    async def run_ast_nodes(
        self,
        nodelist: list[Any],
        cell_name: str,
        interactivity: str = "last_expr",
        compiler: Any = compile,
        result: Any = None,
    ) -> bool:
        """Run the statements of the cell one by one; what its code runs by itself is run as ever."""
        self.depth += 1
        try:
            if self.depth == self.depth_of_cell:
                return await self._run_each(nodelist, cell_name, interactivity, compiler, result)
            return bool(await super().run_ast_nodes(nodelist, cell_name, interactivity, compiler, result))
        finally:
            self.depth -= 1

    async def _run_each(self, nodes: list[Any], cell_name: str, interactivity: str, compiler: Any, result: Any) -> bool:
        failed = False
        for place, node in enumerate(nodes, 1):
            shown = interactivity if place == len(nodes) or interactivity == "all" else "none"
            result.error_in_exec = result.error_before_exec = None
            try:
                if not await super().run_ast_nodes([node], cell_name, shown, compiler, result):
                    continue
                problem = result.error_before_exec if result.error_in_exec is None else result.error_in_exec
            except BaseException as error:  # one that cannot even be shown
                problem = error
            self.note(self.lines_before + node.lineno, problem)
            failed = True
            if self.error_ends_cell:
                break
        return failed

    def showtraceback(self, *arguments: Any, **options: Any) -> None:
        """Show what failed, unless that is more of the cell than is told."""
        if len(self.errors) < MOST_ERRORS:
            super().showtraceback(*arguments, **options)

    def _showtraceback(self, etype: Any, evalue: Any, stb: Any) -> None:
        lines = [str(line).encode("utf-8", "replace").decode("utf-8") for line in stb]
        error = {"output_type": "error", "ename": name_of(etype), "evalue": text_of(evalue), "traceback": lines}
        self.outputs.add(error, sum(map(len, lines)))

    def ask_exit(self) -> None:
        """Do nothing: quit() and exit() end no notebook that is graded."""

    def enable_gui(self, gui: Any = None) -> None:
        """Do nothing: there is no window to open in the box."""

    def enable_matplotlib(self, gui: Any = None) -> Any:
        """Show figures in the notebook, whatever other way is asked for."""
        enable: Any = super().enable_matplotlib
        return enable("inline")

    def system(self, cmd: str) -> None:
        """Refuse to run another program: there is no shell in the box."""
        raise OSError("no other program can be run here, and nothing can be installed")

    def getoutput(self, cmd: str, split: bool = True, depth: int = 0) -> Any:
        """Refuse to run another program."""
        self.system(cmd)


def _in_one_line(found: re.Match[str]) -> str:
    """Return a command of several lines as one, with as many lines altogether: IPython joins them too."""
    return found[0].replace("\\\n", " ") + "\n" * found[0].count("\\\n")


def make_shell(outputs: Outputs) -> Any:
    """Return an IPython shell that captures what a notebook would show, with the scientific stack imported.

    Whatever is slow the first time happens here, before the forks, so that no notebook waits for it again.
    """
    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "NoColor"
    Hook.outputs = Publisher.outputs = Shell.outputs = outputs
    shell: Any = Shell.instance(config=config)
    shell.run_line_magic("matplotlib", "inline")
    if sys.version_info >= (3, 14):
        # Processes that begin afresh do not know what a notebook has defined; before, forking was what Python did.
        multiprocessing.set_start_method("fork")
    # Another way to draw needs a window, and would end in an error where it is asked for.
    matplotlib.use = lambda backend, *, force=True: None
    shell.run_cell("0 / 0")  # what prints a traceback is imported by the first error
    return shell
