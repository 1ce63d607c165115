"""`mlm study`: the exercises copied to where someone wants to study alone, and JupyterLab opened on them."""

from __future__ import annotations

import importlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from autograder.assignment.course import Course, find_course, installed_course
from autograder.assignment.release_file import RELEASE_FILE
from autograder.assignment.translations import cells_of, in_these_words, read_words
from autograder.errors import CourseError
from autograder.language.catalogue import require_language
from autograder.records.writing import write_whole
from autograder.tutor.progress import Study, read_study, write_study


@dataclass(frozen=True)
class Copied:
    """What was copied, and what was there before and was left alone; the course's first notebook is where to begin."""

    new: tuple[Path, ...]
    kept: tuple[Path, ...]
    first: Path


def study(course: Path | None, folder: Path, language: str | None, jupyter: Sequence[str] | None) -> int:
    """Copy the exercises, say what was done and what to do, and start JupyterLab unless ``jupyter`` is None."""
    copied = copy_exercises(find_course(course) if course else installed_course(), folder, language)
    print(f"The exercises are in {folder}: {len(copied.new)} files copied.")
    if copied.kept:
        print(f"{len(copied.kept)} were there before and are as you left them:")
        print("\n".join(f"  {path}" for path in copied.kept))
    if jupyter is None:
        print(f"Open {copied.first} and run its cells from the top.")
        return 0
    print("Your browser opens the start page. End JupyterLab with Ctrl+C; your work is kept.", flush=True)
    start(folder, jupyter)
    return 0


def copy_exercises(course: Course, folder: Path, language: str | None = None) -> Copied:
    """Copy every released file that is not in the folder yet, each assignment into a folder of its own.

    Parameters
    ----------
    course : Course
        Whose releases are copied.
    folder : Path
        Made where it is not there. No file in it is changed, and none is replaced.
    language : str, optional
        Of the tasks and cards; else that of an earlier call, or the rubric's.

    Raises
    ------
    UsageError
        If there is no such language, if the course has no release, or if the folder cannot be written to.
    """
    if language is not None:
        require_language(language)
    new, kept = [], []
    try:
        for place, assignment in enumerate(course.assignments):
            target = folder / assignment
            released = course.release(assignment)
            before = read_study(target)
            chosen = language or (before.language if before else None)
            source = course.source(assignment)
            texts = cells_of(source, read_words(source)).get(chosen or "", {})
            for file in (*sorted(released.glob("*.ipynb")), *released.glob(RELEASE_FILE)):
                path = target / file.name
                if os.path.lexists(path):
                    kept.append(path)
                else:
                    text = file.read_text(encoding="utf-8")
                    said = in_these_words(text, texts[path.stem]) if path.stem in texts else text
                    new.append(write_whole(path, said))
            panels = msgspec.to_builtins(course.rubric(assignment).panels)
            write_study(target, Study(assignment, chosen, place, panels))
    except OSError as error:
        raise CourseError(f"{folder} cannot be used: {error.strerror}. Name another folder.") from None
    if not new and not kept:
        raise CourseError(f"There are no exercises in {course.root}. Make them with mlm release.")
    notebooks = {path for path in (*new, *kept) if path.suffix == ".ipynb"}
    first = next(path for name in course.assignments for path in sorted(notebooks) if path.parent.name == name)
    return Copied(tuple(new), tuple(kept), first)


def options(*, port: int | None, browser: bool, more: Sequence[str]) -> list[str]:
    """Return what a learner chose, as JupyterLab's options."""
    return [*([] if browser else ["--no-browser"]), *([f"--port={port}"] if port else []), *more]


def start(folder: Path, jupyter: Sequence[str]) -> None:
    """Run JupyterLab, in this process, on a folder and open its start page; return when it was ended.

    It is told where our settings are: they serve the start page and the course's site, and switch off what is for
    teachers.
    """
    paths = (str(Path(__file__).parent / "jupyter"), os.environ.get("JUPYTER_CONFIG_PATH"))
    os.environ["JUPYTER_CONFIG_PATH"] = os.pathsep.join(filter(None, paths))
    try:
        # By name: it is a program that is started, and its own types say nothing of that.
        lab = importlib.import_module("jupyterlab.labapp").LabApp
    except ImportError:
        raise CourseError(
            "JupyterLab is not installed. Install it with pip install jupyterlab, or open the folder elsewhere."
        ) from None
    lab.launch_instance([str(folder), "--LabApp.default_url=/study", *jupyter])
