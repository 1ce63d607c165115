"""Which of a learner's other files are put beside the notebook when it runs, such as a module of their own."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import metadata
from pathlib import PurePosixPath

from autograder.assignment.key import PANEL_FILE
from autograder.assignment.release_file import RELEASE_FILE
from autograder.grading.files import HandedIn, Unreadable
from autograder.language.catalogue import Sentence, listed

#: How many files are put there at most, and of how many bytes together.
MAX_OWN_FILES, MAX_OWN_BYTES = 20, 5 * 1024**2

#: When it was handed in, beside the notebooks, as nbgrader writes it.
TIMESTAMP = "timestamp.txt"

#: Files of the release, and that one: the panel of the run stands in the place of one of them.
_RELEASED = (PANEL_FILE, RELEASE_FILE, TIMESTAMP)

#: Modules that Python imports by itself, and ours.
_TAKEN = frozenset({"sitecustomize", "usercustomize", "autograder", "reference", "inside"})


def own_files(files: Iterable[HandedIn], beside: PurePosixPath | None) -> tuple[dict[str, bytes], tuple[Sentence, ...]]:
    """Return the content of files to put beside a notebook, by their paths from there, and notes on all of them.

    ``beside`` is the folder of the notebooks, in the learner's; None if there is no notebook.
    """
    kept: dict[str, bytes] = {}
    there, left_out = [], []
    for file in files:
        path = file.path.relative_to(beside) if beside and file.path.is_relative_to(beside) else file.path
        if path.name in _RELEASED:
            continue
        refused = beside is None or _is_taken(path) or len(kept) == MAX_OWN_FILES
        content = None if refused else _content(file, kept)
        if content is None:
            left_out.append(file.shown)
        else:
            kept[str(path)] = content
            there.append(file.shown)
    named: Mapping[str, list[str]] = {"other_files": there, "files_left_out": left_out}
    return kept, tuple(Sentence(f"submission.{key}", files=listed(names)) for key, names in named.items() if names)


def _content(file: HandedIn, kept: Mapping[str, bytes]) -> bytes | None:
    try:
        content = file.read()
    except (Unreadable, PermissionError):
        return None
    return content if len(content) + sum(map(len, kept.values())) <= MAX_OWN_BYTES else None


def _is_taken(path: PurePosixPath) -> bool:
    """Return whether a file could pass for one of ours, of Python's or of a library's."""
    module = path.parts[0].split(".")[0]
    return path.suffix == ".pth" or module in _TAKEN or module in _installed() or module in sys.stdlib_module_names


_installed = cache(metadata.packages_distributions)
