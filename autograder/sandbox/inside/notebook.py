"""Run the cells of one notebook in an IPython that was made ready before, and send what they show and answer.

JSON events leave by one pipe, one per line. What runs here shares its process with the learner's code.
"""

from __future__ import annotations

import base64
import os
import random
import sys
from contextlib import nullcontext, suppress
from pathlib import Path, PurePosixPath
from typing import Any

from .recording import Outputs, Stream

PANEL = "/box/run/panel.csv"
WORK = "/tmp/work"


class Notebooks:
    """What runs notebooks by an IPython shell; made once, used in a process of its own for each notebook."""

    def __init__(self) -> None:
        """Make the shell, with the scientific stack imported."""
        from . import shell, student  # whose libraries are not where this module is read outside a box

        self.outputs, self.student = Outputs(), student
        self.shell = shell.make_shell(self.outputs)

    def run(self, job: dict[str, Any], way_out: int) -> None:
        """Run the code cells of a job in order; what fails costs its own statement, or its own cell if so ordered."""
        begin_afresh({name: base64.b64decode(content) for name, content in job["files"].items()})
        student = self.student.Student(job["name"], way_out, PANEL)
        outputs, shell, locked = self.outputs, self.shell, frozenset(job["locked"])
        outputs.begin(job["name"], job["limits"]["output_bytes"], way_out)
        sys.stdout, sys.stderr = Stream("stdout", outputs), Stream("stderr", outputs)
        shell.error_ends_cell = job["error_ends_cell"]
        for index, source in enumerate(job["cells"]):
            if source is None:
                continue
            outputs.cell = index
            with student.ours(source, shell.user_ns) if index in locked else nullcontext():
                errors = shell.run(source)
            outputs.send(errors)


def begin_afresh(files: dict[str, bytes]) -> None:
    """Give a notebook a folder with its panel and the learner's own files, and random numbers of its own.

    The folder comes last where modules are looked for, so that none in it takes the place of a library.
    """
    import numpy

    os.mkdir(WORK)
    os.chdir(WORK)
    for name, content in files.items():
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or path.parts[:1] in ((), ("panel.csv",)):
            continue
        # Names from a zip can be longer than a file's, or a folder's where there is a file.
        with suppress(OSError):
            Path(WORK, path).parent.mkdir(parents=True, exist_ok=True)
            Path(WORK, path).write_bytes(content)
    Path(WORK, "panel.csv").write_bytes(Path(PANEL).read_bytes())
    sys.path.append(WORK)
    random.seed()
    numpy.random.seed()
