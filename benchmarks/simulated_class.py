"""A simulated class: learners of different ability, who know some answers and have misconceptions on others.

What a learner computes is looked up, by the mean of the table, so that a cell takes milliseconds: what is measured is
the grading, and not the fits. A part of the class changes notebooks as people do, hands in a neighbour's, or crashes.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from autograder.assignment.course import Course
from autograder.assignment.key import Keyed, fillings
from autograder.assignment.rubric import Item, Rubric

#: What people do to a cell that changes no answer.
EVERYDAY = (
    "import seaborn as sns",
    "%config InlineBackend.figure_format = 'retina'",
    "print(panel.describe())",
    "panel.to_csv('mine.csv')",
    "panel.head(20)",
    "!ls",
    "x\u00a0= 1",
)
#: How a cell ends that should not.
CRASHES = ("raise NotImplementedError", "import os; os._exit(1)", "undefined_name", "quit()", "1 / 0")
#: The shares of the class that hand in a neighbour's notebook, crash, change something, and leave it as it was.
COPIED, CRASHED, CHANGED, UNTOUCHED = 0.05, 0.02, 0.3, 0.02


@dataclass(frozen=True)
class SimulatedClass:
    """What learners of an assignment hand in: its first notebook, with answers for each of these tables."""

    course: Course
    rubric: Rubric
    tables: tuple[Keyed, ...]

    def write(self, folder: Path, count: int, copied: float = COPIED, seed: int = 0) -> Path:
        """Write a folder for each learner, and return the one that holds them; the same for the same seed.

        A share of them has ``copied`` the notebook of a learner before.
        """
        draw = random.Random(seed)
        task = self.rubric.notebook[0]
        released = nbformat.read(self.course.release(self.rubric.assignment) / f"{task.name}.ipynb", as_version=4)
        difficulty = {item.id: draw.gauss(-1.0, 1.0) for item in task.item}
        handed_in: list[str] = []
        for number in range(count):
            name = f"learner-{number:05}"
            if handed_in and draw.random() < copied:
                text = draw.choice(handed_in[-50:])
            else:
                text = nbformat.writes(self._notebook(released, task.item, difficulty, name, draw))
            handed_in.append(text)
            place = folder / name / f"{task.name}{draw.choice(['', '', '', ' (1)', '-final'])}.ipynb"
            place.parent.mkdir(parents=True)
            place.write_text(text, encoding="utf-8")
        return folder

    def _notebook(
        self,
        released: NotebookNode,
        items: Sequence[Item],
        difficulty: Mapping[str, float],
        name: str,
        draw: random.Random,
    ) -> NotebookNode:
        notebook = deepcopy(released)
        cells = {cell.metadata.get("nbgrader", {}).get("grade_id"): cell for cell in notebook.cells}
        ability, untouched = draw.gauss(0.0, 1.0), draw.random() < UNTOUCHED
        for item in () if untouched else items:
            knows = draw.random() < 1 / (1 + math.exp(difficulty[item.id] - ability))
            mistakes = list(self.tables[0].answers.mistakes.get(item.id, {}))
            thought = None if knows or not mistakes else draw.choice(mistakes)
            lines = [f"# {name}", f"{item.id} = {self._looked_up(item, thought)}"]
            if draw.random() < CHANGED / len(items):
                lines.insert(0, draw.choice(EVERYDAY))
            if draw.random() < CRASHED / len(items):
                lines.append(draw.choice(CRASHES))
            cells[f"answer_{item.id}"].source = "\n".join(lines)
        return notebook

    def _looked_up(self, item: Item, thought: str | None) -> str:
        """Return an expression that gives an item's value, or a mistake's, on whichever of the tables there is."""
        column = self.tables[0].panel.frame.select_dtypes("number").columns[-1]
        known = {}
        for keyed in self.tables:
            answers = keyed.answers
            right = fillings(item, answers.values) if item.slots else answers.values[item.id]
            value = right if thought is None else answers.mistakes[item.id].get(thought, right)
            known[float(keyed.panel.frame[column].mean())] = value
        return f"min(({known!r}).items(), key=lambda one: abs(one[0] - panel[{str(column)!r}].mean()))[1]"
