"""What came of a class of attackers between honest neighbours, and how to read it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import nbformat
from attack_corpus import Attack
from attacked_host import Bait, Snapshot

from autograder.records.grading import Grade


@dataclass(frozen=True)
class AttackedClass:
    """A graded class: its attacks and honest learners, the results, the host before and after.

    ``alone`` is an honest learner's grade in a class without attackers, with its results in ``peaceful``.
    """

    attacks: tuple[Attack, ...]
    honest: tuple[str, ...]
    grades: dict[str, Grade]
    alone: Grade
    into: Path
    peaceful: Path
    bait: Bait
    before: Snapshot
    after: Snapshot

    def executed(self, student: str) -> dict[str, str]:
        """Return a learner's executed notebooks as text, by name."""
        folder = self.into / "autograded" / student / "practice"
        return {path.stem: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.ipynb"))}

    def feedback(self, student: str) -> str:
        """Return a learner's feedback page."""
        return (self.into / "feedback" / student / "practice" / "index.html").read_text(encoding="utf-8")

    def printed(self, student: str) -> str:
        """Return all that the cells of a learner printed and raised."""
        printed: list[str] = []
        for text in self.executed(student).values():
            for cell in nbformat.reads(text, as_version=4).cells:
                for output in cell.get("outputs", ()):
                    printed += [output.get("text", ""), output.get("evalue", ""), *output.get("traceback", ())]
                    printed += [output.get("data", {}).get("text/plain", "")]
        return "\n".join(filter(None, printed))

    def told(self, student: str) -> str:
        """Return all that a learner printed, and all that was said of it."""
        return self.printed(student) + self.feedback(student)
