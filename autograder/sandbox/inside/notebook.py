"""Run the cells of one notebook in an IPython that was made ready before, and send what they show and answer.

JSON events leave by one pipe, one per line. What runs here shares its process with the learner's code.
"""

from __future__ import annotations

import os
import random
import sys
import types
from typing import Any

from .plain import plain
from .recording import Channel, Outputs, Stream, name_of, text_of

PANEL = "/box/run/panel.csv"
WORK = "/tmp/work"


class Notebooks:
    """What runs notebooks by an IPython shell; made once, used in a process of its own for each notebook."""

    def __init__(self) -> None:
        """Make the shell, with the scientific stack imported."""
        from .shell import make_shell  # whose libraries are not where this module is read outside a box

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
