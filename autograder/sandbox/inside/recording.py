"""What leaves a notebook's process: events on one pipe, and the outputs of the running cell up to a total size."""

from __future__ import annotations

import io
import json
import os
from typing import Any

#: How the process ends where all cells were run, and where they wrote too much: numbers that no exit() happens to use.
FINISHED, OUTPUT_LIMIT = 96, 97


def send_event(way_out: int, event: dict[str, Any]) -> None:
    """Write one event as one line of JSON to a file descriptor."""
    data = json.dumps(event, allow_nan=False, ensure_ascii=False).encode("utf-8", "replace") + b"\n"
    while data:
        data = data[os.write(way_out, data) :]


MOST_OUTPUTS = 1_000

#: Errors of a cell that are told, and characters of a line that is.
MOST_ERRORS, MOST_OF_LINE = 20, 100


class Outputs:
    """The outputs of the running cell, as a notebook stores them, up to a total size."""

    def __init__(self) -> None:
        """Start with no notebook and no output; what comes before a notebook goes nowhere."""
        self.begin("", 1 << 20, None)

    def begin(self, notebook: str, limit: int, way_out: int | None) -> None:
        """Start a notebook that may write so many characters."""
        self.notebook, self.left, self.way_out, self.cell = notebook, limit, way_out, 0
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
            self.send([])
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

    def send(self, errors: list[dict[str, Any]]) -> None:
        """Send what the cell produced, and what of it failed, and start afresh."""
        for item in self.items:
            if "name" in item:
                item["text"] = "".join(item["text"])
        assert self.way_out is not None
        event = {"event": "cell", "notebook": self.notebook, "cell": self.cell, "outputs": self.items, "errors": errors}
        send_event(self.way_out, event)
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


def error_of(problem: BaseException, line: int, text: str) -> dict[str, Any]:
    """Return what is told of a statement that failed, by the line that it begins in."""
    statement = text.strip()[:MOST_OF_LINE].encode("utf-8", "replace").decode("utf-8")
    said = problem.msg if isinstance(problem, SyntaxError) else problem
    return {"name": name_of(type(problem)), "message": text_of(said), "line": line, "statement": statement}


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
