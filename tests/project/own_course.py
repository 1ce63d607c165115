"""A small course of an author's own, with one item that a question of its own asks, for tests on what authors meet."""

from __future__ import annotations

from pathlib import Path

import nbformat
import numpy as np
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook

ASSIGNMENT = """
title = "Ex"
data = "scores.csv"
[columns]
school = { group = true }
[models]
levels = "score ~ prior + (1 | school)"
[[notebook]]
name = "one"
title = "One"
item = [{ ask = "mode_range", id = "range", model = "levels", points = 2 }]
"""
HEAD = "import numpy as np\nfrom reference.questions import Answer, Fits, ModelName, Objective, Step, question\n"
DECORATOR = """
@question(kind="statistic", tolerance=0.001, decimals=2, words='''
[en]
title = "Range of the {groups}"
[en.mistakes]
upside_down = "The sign is turned round."
''')
"""
BODY = """def mode_range(fits: Fits, *, model: ModelName) -> Answer:
    modes = fits.mixed(model).term.modes[:, 0]
    found = float(modes.max() - modes.min())
    return Answer(found, mistakes={"upside_down": -found})
"""
WHOLE = HEAD + DECORATOR + BODY

SET_UP = """from autograder.student import check, load_panel
from reference import fit_mixed, parse_formula
panel = load_panel("ex")"""
SOLUTION = """# Assign: range
### BEGIN SOLUTION
modes = fit_mixed(panel, parse_formula("score ~ prior + (1 | school)")).term.modes[:, 0]
range = float(modes.max() - modes.min())
### END SOLUTION"""


def make_own_course(root: Path) -> Path:
    """Make the course in a folder, and return the folder of its assignment ``ex``, whose one item is ``range``."""
    rng, rows = np.random.default_rng(1), ["school,prior,score"]
    for school in range(14):
        level = 4 * rng.standard_normal()
        rows += [f"S{school},{x:.2f},{50 + level + x + rng.standard_normal():.2f}" for x in rng.standard_normal(9)]
    folder = root / "ex"
    folder.mkdir()
    (root / "course.toml").write_text('title = "Mine"\nassignments = ["ex"]\n', encoding="utf-8")
    (folder / "scores.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    (folder / "assignment.toml").write_text(ASSIGNMENT, encoding="utf-8")
    (folder / "extra.py").write_text(WHOLE, encoding="utf-8")
    nbformat.write(solved(), folder / "one.ipynb")
    return folder


def solved(solution: str = SOLUTION, set_up: str = SET_UP) -> NotebookNode:
    """Return the notebook of the assignment with a solution."""
    cells = [cell("set_up", set_up, locked=True), cell("answer", solution, solution=True)]
    return new_notebook(cells=[*cells, cell("range", 'check("range", range)', locked=True, grade=True, points=2)])


def cell(grade_id: str, source: str, **more: object) -> NotebookNode:
    """Return a code cell as nbgrader describes it."""
    entry = {"grade_id": grade_id, "schema_version": 3, "task": False, "grade": False, "solution": False}
    made: NotebookNode = new_code_cell(source, metadata={"nbgrader": {**entry, "locked": False, **more}})
    return made
