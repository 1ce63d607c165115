"""Run the notebooks of one submission; the only code of ours inside the box.

Everything here may be read, patched or killed by the learner's code that it runs, so nothing here protects anything:
the walls are the box around it, and whoever reads its output trusts none of it. It imports nothing else of ours.

Contract: ``/box/job.json`` holds the notebooks, the limits and the user to become; ``/box/panel.csv`` holds the panel;
JSON events leave by the file descriptor that was standard output at the start, one per line. The scientific stack is
imported once, then each notebook runs in a forked child of its own, so that what one breaks the next does not see.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import resource
import select
import signal
import sys
import types
from typing import Any

BOX = "/box"
WORK = "/tmp/work"


def main() -> None:
    """Read the job, give up every privilege, and run its notebooks one after the other."""
    if (os.getpid(), os.getppid()) != (2, 1):
        sys.exit("This file runs in the box only: it ends every process it can see.")
    with open(f"{BOX}/job.json", encoding="utf-8") as file:
        job = json.load(file)
    channel = Channel(os.dup(1))
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 0)
    os.dup2(nowhere, 1)
    leave_keyring()
    become(job["user"])
    limit_resources(job["limits"])
    sys.path.append(f"{BOX}/site")
    outputs = Outputs(channel)
    shell = make_shell(outputs)
    channel.send({"event": "ready"})
    os.dup2(nowhere, 2)
    for notebook in job["notebooks"]:
        run_in_child(notebook, job["limits"], shell, outputs)
    os._exit(0)  # taking the scientific stack down in order would take a second, and changes nothing


def become(user: int | None) -> None:
    """Turn into an unprivileged user for good; None where a user namespace has already seen to it."""
    if user is not None:
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)


def leave_keyring() -> None:
    """Start with an empty session keyring: the kernel hands the host's on, whatever the namespaces."""
    import ctypes

    number = {"x86_64": 250, "aarch64": 219}.get(os.uname().machine)
    if number is not None:
        ctypes.CDLL(None).syscall(ctypes.c_long(number), ctypes.c_long(1), None)


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


def run_in_child(notebook: dict[str, Any], limits: dict[str, Any], shell: Any, outputs: Outputs) -> None:
    """Run one notebook in a forked child and say how it ended, whatever the child does."""
    name, channel = notebook["name"], outputs.channel
    channel.send({"event": "start", "notebook": name})
    child = os.fork()
    if child == 0:
        status = 1
        try:
            limit_cpu(limits["cpu_seconds"])
            run_notebook(notebook, limits, shell, outputs)
            status = FINISHED_STATUS
        finally:
            os._exit(status)
    ended = wait_for(child, limits["wall_seconds"])
    with contextlib.suppress(ProcessLookupError):
        # Whatever the notebook left running ends here: -1 is every process of the box but its first and this one.
        os.kill(-1, signal.SIGKILL)
    _, status, used = os.wait4(child, 0)
    spent = used.ru_utime + used.ru_stime >= limits["cpu_seconds"]
    channel.send({"event": "end", "notebook": name, "how": "timed out" if spent or not ended else ending(status)})


def wait_for(child: int, seconds: float) -> bool:
    """Return True if the child ended by itself within so many seconds."""
    descriptor = os.pidfd_open(child)
    try:
        return bool(select.select([descriptor], [], [], seconds)[0])
    finally:
        os.close(descriptor)


# Numbers that a notebook's own exit() does not happen to use.
FINISHED_STATUS, OUTPUT_LIMIT_STATUS = 96, 97


def ending(status: int) -> str:
    """Name the end of a child by its wait status."""
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGXCPU:
        return "timed out"
    ends = {FINISHED_STATUS: "finished", OUTPUT_LIMIT_STATUS: "output limit"}
    return ends.get(os.waitstatus_to_exitcode(status), "crashed")


def limit_resources(limits: dict[str, Any]) -> None:
    """Set the hard limits of this process and of whatever it starts, but for time, which each notebook has anew."""
    for kind, value in (
        (resource.RLIMIT_AS, limits["memory_bytes"]),
        (resource.RLIMIT_NPROC, limits["processes"]),
        (resource.RLIMIT_FSIZE, limits["file_bytes"]),
        (resource.RLIMIT_NOFILE, limits["open_files"]),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(kind, (value, value))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # a file that grows too large is an OSError in the cell


def limit_cpu(seconds: int) -> None:
    """Limit the processor time of this process, and of each that it starts."""
    # The kernel warns first, by a signal that ends whoever does not ask for it, and then ends whoever did.
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))


MOST_OUTPUTS = 1_000


class Outputs:
    """The outputs of the running cell, as a notebook stores them, up to a total size."""

    def __init__(self, channel: Channel) -> None:
        """Start with no notebook and no output."""
        self.channel = channel
        self.begin("", 1 << 20)

    def begin(self, notebook: str, limit: int) -> None:
        """Start a notebook that may write so many characters."""
        self.notebook, self.left, self.cell = notebook, limit, 0
        self.items: list[dict[str, Any]] = []

    def add(self, output: dict[str, Any], size: int) -> None:
        """Keep one output; end the run when the notebook has written more than it may."""
        self.left -= size
        if self.left < 0 or len(self.items) >= MOST_OUTPUTS:
            self.send(None)
            os._exit(OUTPUT_LIMIT_STATUS)
        last: dict[str, Any] = self.items[-1] if self.items else {}
        if "name" in output and last.get("name") == output["name"]:
            last["text"] += output["text"]
        else:
            self.items.append(output)

    def send(self, error: dict[str, str] | None) -> None:
        """Send what the cell produced and start afresh."""
        for item in self.items:
            if "name" in item:
                item["text"] = "".join(item["text"])
        self.channel.send(
            {
                "event": "cell",
                "notebook": self.notebook,
                "cell": self.cell,
                "outputs": self.items,
                "error": error,
            }
        )
        self.items = []


class Stream(io.TextIOBase):
    """Standard output or standard error of the running cell."""

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
        def publish(self, data: dict[str, Any], metadata: Any = None, *args: Any, **kwargs: Any) -> None:
            kept, size = clean_bundle(data)
            outputs.add({"output_type": "display_data", "data": kept}, size)

    class Shell(InteractiveShell):
        displayhook_class = Hook
        display_pub_class = Publisher

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
    shell.run_cell("import statsmodels.formula.api, scipy.stats, matplotlib.pyplot\ndel matplotlib, scipy, statsmodels")
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


def run_notebook(notebook: dict[str, Any], limits: dict[str, Any], shell: Any, outputs: Outputs) -> None:
    """Run the code cells in order; an error ends its own cell, not the notebook."""
    directory = f"{WORK}-{os.getpid()}"
    os.mkdir(directory)
    os.chdir(directory)
    outputs.begin(notebook["name"], limits["output_bytes"])
    install_student_module(notebook["name"], outputs.channel)
    sys.stdout, sys.stderr = Stream("stdout", outputs), Stream("stderr", outputs)
    for index, source in enumerate(notebook["cells"]):
        if source is None:
            continue
        outputs.cell = index
        result = shell.run_cell(source, store_history=True)
        problem = result.error_before_exec or result.error_in_exec
        outputs.send(None if problem is None else {"name": name_of(type(problem)), "message": text_of(problem)})


def install_student_module(notebook: str, channel: Channel) -> None:
    """Put the stand-in for `autograder.student` where an import finds it: all there is of us in here."""
    import builtins

    import pandas

    def load_panel(assignment: object = None) -> Any:
        """Return the panel of this run as a DataFrame, one row per store and week, whatever the assignment."""
        return pandas.read_csv(f"{BOX}/panel.csv")

    def check(name: str, value: object) -> None:
        """Record an answer; it is compared elsewhere, after the run."""
        channel.send({"event": "answer", "notebook": notebook, "name": str(name)[:200], "value": plain(value)})

    def no_input(prompt: object = "") -> str:
        raise RuntimeError(
            "input() has nobody to ask while a notebook is graded; assign the value in the cell instead."
        )

    student, package = types.ModuleType("autograder.student"), types.ModuleType("autograder")
    vars(student).update(load_panel=load_panel, check=check, __all__=["check", "load_panel"])
    vars(package).update(__path__=[], student=student)
    sys.modules["autograder"], sys.modules["autograder.student"] = package, student
    builtins.input = no_input


MOST = 20_000


def plain(value: Any) -> dict[str, Any]:
    """Return a value as plain, tagged data, or the name of its type where it is not plain data."""
    import numpy
    import pandas

    try:
        if isinstance(value, pandas.DataFrame):
            return plain_table(value)
        if isinstance(value, pandas.Series):
            value = dict(zip(value.index.tolist(), value.tolist(), strict=True))
        if isinstance(value, (numpy.ndarray, pandas.Index)):
            value = value.tolist()
        if isinstance(value, dict):
            keys, values = [scalar(k) for k in value], [scalar(v) for v in value.values()]
            return {"kind": "mapping", "keys": keys, "values": values}
        if isinstance(value, (set, frozenset)):
            value = sorted(value)
        if isinstance(value, (list, tuple)) and len(value) <= MOST:
            return {"kind": "sequence", "items": [scalar(item) for item in value]}
        return plain_scalar(scalar(value))
    except (TypeError, ValueError, OverflowError, RecursionError):
        return {"kind": "other", "type": f"{type(value).__name__}"[:80]}


def plain_table(frame: Any) -> dict[str, Any]:
    """Return a DataFrame as columns, index and rows."""
    if frame.size > MOST:
        raise ValueError("too large")
    rows = [[scalar(cell) for cell in row] for row in frame.itertuples(index=False, name=None)]
    columns, index = [scalar(column) for column in frame.columns], [scalar(label) for label in frame.index]
    return {"kind": "table", "columns": columns, "index": index, "rows": rows}


def plain_scalar(value: Any) -> dict[str, Any]:
    """Tag a scalar with its kind."""
    if value is None:
        return {"kind": "nothing"}
    if isinstance(value, bool):
        return {"kind": "truth", "value": value}
    if isinstance(value, str):
        not_finite = value in ("nan", "inf", "-inf") and isinstance(value, NotFinite)
        return {"kind": "not_finite", "text": str(value)} if not_finite else {"kind": "text", "value": value}
    return {"kind": "number", "value": value}


class NotFinite(str):
    """The name of a number that JSON cannot write."""


def scalar(value: Any) -> Any:
    """Return a Python scalar that JSON can carry; TypeError for what is not a scalar."""
    import numpy

    if isinstance(value, numpy.generic) or (isinstance(value, numpy.ndarray) and value.ndim == 0):
        value = value.item()
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str(value)[:100_000].encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, (int, float)):
        number = float(value)
        return number if number - number == 0 else NotFinite(repr(number))
    raise TypeError(type(value).__name__)


if __name__ == "__main__":
    main()
