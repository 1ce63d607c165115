"""Run the cells of one notebook in an IPython that was made ready before, and send what they show and answer.

JSON events leave by one pipe, one per line. What runs here shares its process with the learner's code.
"""

from __future__ import annotations

import io
import json
import os
import random
import sys
import types
from typing import Any

from .plain import plain

PANEL = "/box/run/panel.csv"
WORK = "/tmp/work"

#: How the process ends where all cells were run, and where they wrote too much: numbers that no exit() happens to use.
FINISHED, OUTPUT_LIMIT = 96, 97


class Channel:
    """The way out: whole JSON lines on one file descriptor."""

    def __init__(self, descriptor: int) -> None:
        """Keep the descriptor events are written to."""
        self.descriptor = descriptor

    def send(self, event: dict[str, Any]) -> None:
        """Write one event as one line of JSON."""
        data = json.dumps(event, allow_nan=False, ensure_ascii=False).encode("utf-8", "replace") + b"\n"
        while data:
            data = data[os.write(self.descriptor, data) :]


MOST_OUTPUTS = 1_000


class Outputs:
    """The outputs of the running cell, as a notebook stores them, up to a total size."""

    def __init__(self) -> None:
        """Start with no notebook and no output; what comes before a notebook goes nowhere."""
        self.begin("", 1 << 20, None)

    def begin(self, notebook: str, limit: int, channel: Channel | None) -> None:
        """Start a notebook that may write so many characters."""
        self.notebook, self.left, self.channel, self.cell = notebook, limit, channel, 0
        self.clear()

    def add(self, output: dict[str, Any], size: int) -> None:
        """Keep one output."""
        self.count(size)
        last: dict[str, Any] = self.items[-1] if self.items else {}
        if "name" in output and last.get("name") == output["name"]:
            last["text"] += output["text"]
        else:
            self.items.append(output)

    def count(self, size: int) -> None:
        """End the run when the notebook has written more than it may."""
        self.left -= size
        if self.left < 0 or len(self.items) >= MOST_OUTPUTS:
            self.send(None)
            os._exit(OUTPUT_LIMIT)

    def show(self, data: dict[str, str], size: int, name: Any, *, update: bool) -> None:
        """Keep something displayed; with ``update``, in the place of what this cell displayed under that name."""
        item = {"output_type": "display_data", "data": data}
        if update and name in self.displays:
            self.count(size)
            self.displays[name]["data"] = data
        else:
            self.add(item, size)
            if name is not None:
                self.displays[name] = item

    def clear(self) -> None:
        """Forget what the cell has shown so far, which counts all the same."""
        self.items: list[dict[str, Any]] = []
        self.displays: dict[Any, dict[str, Any]] = {}

    def send(self, error: dict[str, str] | None) -> None:
        """Send what the cell produced and start afresh."""
        for item in self.items:
            if "name" in item:
                item["text"] = "".join(item["text"])
        assert self.channel is not None
        self.channel.send(
            {
                "event": "cell",
                "notebook": self.notebook,
                "cell": self.cell,
                "outputs": self.items,
                "error": error,
            }
        )
        self.clear()


class Stream(io.TextIOBase):
    """Standard output or standard error of the running cell."""

    encoding = "utf-8"

    def __init__(self, name: str, outputs: Outputs) -> None:
        """Write to the outputs under the stream's name."""
        self.stream_name, self.outputs = name, outputs

    def writable(self) -> bool:
        """Return True: a stream is there to be written to."""
        return True

    def write(self, text: str) -> int:
        """Keep a text, safely encodable."""
        text = str(text)
        # A text far beyond the limit is cut before it is copied, so that the limit is met and not the memory's end.
        kept = text[: self.outputs.left + 1].encode("utf-8", "replace").decode("utf-8")
        self.outputs.add({"output_type": "stream", "name": self.stream_name, "text": [kept]}, len(text))
        return len(text)


def make_shell(outputs: Outputs) -> Any:
    """Return an IPython shell that captures what a notebook would show, with the scientific stack imported.

    Whatever is slow the first time happens here, before the forks, so that no notebook waits for it again.
    """
    import statsmodels.formula.api  # noqa: F401
    from IPython.core.displayhook import DisplayHook
    from IPython.core.displaypub import DisplayPublisher
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    class Hook(DisplayHook):
        def write_output_prompt(self) -> None:
            pass

        def write_format_data(self, format_dict: dict[str, Any], md_dict: dict[str, Any] | None = None) -> None:
            data, size = clean_bundle(format_dict)
            outputs.add({"output_type": "execute_result", "data": data}, size)

        def finish_displayhook(self) -> None:
            self._is_active = False

    class Publisher(DisplayPublisher):
        def publish(self, data: Any, metadata: Any = None, source: Any = None, **options: Any) -> None:
            kept, size = clean_bundle(data)
            name = (options.get("transient") or {}).get("display_id")
            outputs.show(kept, size, name, update=bool(options.get("update")))

        def clear_output(self, wait: bool = False) -> None:
            outputs.clear()

    class Shell(InteractiveShell):
        displayhook_class = Hook
        display_pub_class = Publisher

        wants_to_exit = False

        def ask_exit(self) -> None:
            self.wants_to_exit = True

        def enable_gui(self, gui: Any = None) -> None:
            pass  # there is no window to open in the box

        def _showtraceback(self, etype: Any, evalue: Any, stb: Any) -> None:
            lines = [str(line).encode("utf-8", "replace").decode("utf-8") for line in stb]
            outputs.add(
                {
                    "output_type": "error",
                    "ename": name_of(etype),
                    "evalue": text_of(evalue),
                    "traceback": lines,
                },
                sum(map(len, lines)),
            )

    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "NoColor"
    shell: Any = Shell.instance(config=config)
    shell.run_line_magic("matplotlib", "inline")
    shell.run_cell("0 / 0")  # what prints a traceback is imported by the first error
    return shell


def clean_bundle(bundle: dict[str, Any]) -> tuple[dict[str, str], int]:
    """Return the parts of a MIME bundle that a notebook can store as text, and their size."""
    import base64

    kept = {}
    for kind, content in bundle.items():
        if isinstance(content, bytes):
            content = base64.b64encode(content).decode("ascii")
        if isinstance(content, str):
            kept[str(kind)] = content.encode("utf-8", "replace").decode("utf-8")
    return kept, sum(map(len, kept.values()))


def name_of(etype: Any) -> str:
    """Return the name of an exception's type, whatever the type does."""
    return str(getattr(etype, "__name__", "Exception"))[:100]


def text_of(value: object, limit: int = 500) -> str:
    """Return the text of an exception, cut, even where making the text fails."""
    try:
        text = str(value)
    except BaseException:
        text = "(an exception that cannot be printed)"
    return text[:limit].encode("utf-8", "replace").decode("utf-8")


class Notebooks:
    """What runs notebooks by an IPython shell; made once, used in a process of its own for each notebook."""

    def __init__(self) -> None:
        """Make the shell, with the scientific stack imported."""
        self.outputs = Outputs()
        self.shell = make_shell(self.outputs)

    def run(self, job: dict[str, Any], channel: Channel) -> None:
        """Run the code cells of a job in order; an error ends its own cell, not the notebook."""
        begin_afresh(job["name"], channel)
        outputs = self.outputs
        outputs.begin(job["name"], job["limits"]["output_bytes"], channel)
        sys.stdout, sys.stderr = Stream("stdout", outputs), Stream("stderr", outputs)
        for index, source in enumerate(job["cells"]):
            if source is None:
                continue
            outputs.cell = index
            result = self.shell.run_cell(source, store_history=True)
            problem = result.error_before_exec or result.error_in_exec
            outputs.send(None if problem is None else {"name": name_of(type(problem)), "message": text_of(problem)})
            if self.shell.wants_to_exit:
                os._exit(1)  # exit() ends a notebook's kernel, and what comes after does not run


def begin_afresh(notebook: str, channel: Channel) -> None:
    """Give a notebook an empty folder, random numbers of its own, and the module it imports."""
    import numpy

    os.mkdir(WORK)
    os.chdir(WORK)
    random.seed()
    numpy.random.seed()
    install_student_module(notebook, channel)


def no_input(prompt: object = "") -> str:
    """Refuse to ask anybody."""
    raise RuntimeError("input() has nobody to ask while a notebook is graded; assign the value in the cell instead.")


def install_student_module(notebook: str, channel: Channel) -> None:
    """Put the stand-in for `autograder.student` where an import finds it: all there is of us in here."""
    import builtins

    import pandas

    def load_panel(assignment: object = None) -> Any:
        """Return the panel of this run as a DataFrame, one row per store and week, whatever the assignment."""
        return pandas.read_csv(PANEL)

    absent = object()

    def check(name: str, value: object = absent) -> None:
        """Record an answer; it is compared elsewhere, after the run. A name alone asks for nothing that counts."""
        if value is absent:
            return
        channel.send({"event": "answer", "notebook": notebook, "name": str(name)[:200], "value": plain(value)})

    def silent(*arguments: object) -> None:
        """Do nothing: `progress` and `reveal` are for who works on the notebook."""

    student, package = types.ModuleType("autograder.student"), types.ModuleType("autograder")
    vars(student).update(load_panel=load_panel, check=check, progress=silent, reveal=silent)
    vars(student).update(__all__=["check", "load_panel", "progress", "reveal"])
    vars(package).update(__path__=[], student=student)
    sys.modules["autograder"], sys.modules["autograder.student"] = package, student
    builtins.input = no_input
