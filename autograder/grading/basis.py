"""What the marks of a learner rest on, as it is entered beside each of them."""

from __future__ import annotations

import getpass
import hashlib
import os
from collections.abc import Sequence
from importlib.metadata import version

import msgspec

from autograder.assignment.key import Keyed
from autograder.assignment.rubric import Rubric
from autograder.results.marks import Basis
from autograder.sandbox.run_store import digest_of


def basis_of(rubric: Rubric, panels: Sequence[Keyed], command: str) -> Basis:
    """Return who grades, by which command, and on what: panels and what is asked by digests of them."""
    tables = (hashlib.sha256(keyed.panel.to_csv_bytes()).hexdigest()[:16] for keyed in panels)
    asked = digest_of([msgspec.to_builtins(item) for item in rubric.items])
    return Basis(
        f"{_user()}, {command}",
        panel=" ".join(tables),
        rubric=asked[:16],
        version=version("mlm-course"),
        tolerances={item.id: item.tolerance for item in rubric.items},
    )


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a number without a name, as in some containers
        return str(os.getuid())
