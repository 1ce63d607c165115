"""The attack corpus as data: what each folder hands in, what is expected of it, and which run in the short form.

An attack prints ``GOT THROUGH`` where it reached something, by ``print("GOT", "THROUGH")``, so that a traceback which
shows the source does not say so; where it was refused it prints what its ``expect.toml`` asks for, usually ``held:``.
What an attacker might know of the host stands between @ signs, and is filled in: ``COURSE``, ``NEIGHBOUR``,
``GRADEBOOK`` and ``SEED`` are paths, ``BAIT`` is a folder with files that anybody may write, ``PORT``, ``PORT6`` and
``ABSTRACT`` are servers, ``GRADER`` and ``BYSTANDER`` are processes.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from autograder.assignment.rubric import Rubric
from autograder.assignment.samples import Sample, read_sample
from autograder.records.grading import Verdict
from autograder.sandbox.policy import Limits

CORPUS = Path(__file__).resolve().parent


class ExpectedItem(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What must be said of one item; a list of verdicts is a choice that the machine makes, not the learner."""

    verdict: Verdict | list[Verdict]
    score: float | None = None
    reason: str = ""


class Expectation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an attack must come to.

    ``default`` is the verdict of the items not named, in the notebooks that were handed in. ``says`` are texts that the
    executed notebooks must hold: proof that the attack was really tried; ``hides`` are texts that they and the page
    must not hold. ``notes`` must be told to the learner. ``limits`` replace those of the box, so that a bomb ends soon.
    ``always`` attacks run in the short form too, and ``last`` ones after all others.
    """

    default: Verdict | list[Verdict]
    items: dict[str, ExpectedItem] = {}
    says: list[str] = []
    hides: list[str] = []
    notes: list[str] = []
    limits: dict[str, float] = {}
    always: bool = False
    last: bool = False

    def box_limits(self) -> Limits:
        """Return the limits that the attack runs with."""
        return Limits(**{name: value if "wall" in name else int(value) for name, value in self.limits.items()})

    def of_item(self, name: str, sample: Sample, rubric: Rubric) -> ExpectedItem:
        """Return what is expected of an item."""
        if name in self.items:
            return self.items[name]
        notebook = next(entry for entry in rubric.notebook if any(item.id == name for item in entry.item))
        if sample.only and notebook.name not in sample.only and f"{notebook.name}.ipynb" not in sample.files:
            return ExpectedItem(Verdict.MISSING)
        kind = next(item.kind for item in notebook.item if item.id == name)
        waits = kind == "manual" and self.default not in (Verdict.MISSING, Verdict.MALFORMED)
        return ExpectedItem(Verdict.NEEDS_PERSON if waits else self.default)


class Attack(msgspec.Struct, frozen=True):
    """One folder of the corpus."""

    name: str
    sample: Sample
    expected: Expectation


def read_corpus() -> tuple[Attack, ...]:
    """Return every attack, in the order of the class: those that look for what others left behind come last."""
    folders = sorted(path.parent for path in CORPUS.glob("*/submission.toml"))
    attacks = [Attack(f.name, read_sample(f), read_expectation(f)) for f in folders]
    return tuple(sorted(attacks, key=lambda attack: (attack.expected.last, attack.name)))


def read_expectation(folder: Path) -> Expectation:
    """Return the ``expect.toml`` of a folder."""
    return msgspec.toml.decode((folder / "expect.toml").read_bytes(), type=Expectation)


def choose(attacks: tuple[Attack, ...], wanted: str, seed: int) -> tuple[Attack, ...]:
    """Return all attacks, those named, or those that always run with as many others, drawn, as make up the number."""
    if wanted == "all":
        return attacks
    if not wanted.isdigit():
        return tuple(attack for attack in attacks if attack.name in wanted.split(","))
    always = [attack for attack in attacks if attack.expected.always]
    others = [attack for attack in attacks if not attack.expected.always]
    drawn = random.Random(seed).sample(others, max(0, min(len(others), int(wanted) - len(always))))
    return tuple(attack for attack in attacks if attack in always or attack in drawn)


def fill_in(folder: Path, facts: Mapping[str, Any]) -> None:
    """Put what an attacker might have found out about the host, such as ``@GRADEBOOK@``, into a submission's files."""
    for path in folder.iterdir():
        if path.is_symlink():
            target = str(path.readlink())
            path.unlink()
            path.symlink_to(_replaced(target, facts))
        elif path.suffix == ".ipynb" and path.is_file() and path.stat().st_size < 10**6:
            content = path.read_bytes()
            if b"@" in content:
                path.write_bytes(
                    _replaced(content.decode("utf-8", "surrogateescape"), facts).encode("utf-8", "surrogateescape")
                )


def _replaced(text: str, facts: Mapping[str, Any]) -> str:
    for name, value in facts.items():
        text = text.replace(f"@{name}@", str(value))
    return text
