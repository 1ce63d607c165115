"""The source notebooks of a proposed assignment: what to assign, in the questions' words, and a working solution."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from autograder.authoring.proposal import Proposal, Task, asked_of
from autograder.authoring.solutions import ANSWER, Code, code_for, fits_used, quoted
from autograder.language.catalogue import Sentence, translated
from reference.questions import LIBRARY, Fits, fill, gaps

_SET_UP = """\
import numpy as np
import pandas as pd
import statsmodels.formula.api as smf
from scipy import stats

from autograder.student import check, load_panel
from reference import compare_nested, fit, predict_new_groups, predict_population

panel = load_panel({assignment})
panel.head()"""


def answer_cell(item: str) -> str:
    """Return the ``grade_id`` of the cell in which an item is answered."""
    return f"answer_{item}"


def codes(task: Task, fits: Fits) -> dict[str, Code]:
    """Return the code for each item of a task but its sentence, by the item's name."""
    return {item["id"]: code_for(fits, item) for item in task.items if "slots" not in item}


def source_notebook(assignment: str, proposal: Proposal, task: Task, fits: Fits, language: str) -> str:
    """Return a source notebook in nbgrader's format, as text."""
    written = codes(task, fits)
    statements = fits_used(fits, [code.right for code in written.values()])
    cells = [
        new_markdown_cell(_request(proposal, task, fits, language, statements)),
        _code(f"setup_{task.name}", _SET_UP.format(assignment=quoted(assignment)), locked=True),
        _solution(f"fits_{task.name}", translated(Sentence("new.fits"), language), "\n".join(statements)),
    ]
    for item in task.items:
        name = item["id"]
        if "slots" in item:
            cells.append(new_markdown_cell(_sentence(item, fits, language)))
            share = written[item["needs"][0]].right.removeprefix(f"{ANSWER} = ")
            word = translated(item["slots"]["of"]["right"], language)
            right = f'{name} = {{"percent": 100 * ({share}), "of": "{word}"}}'
        else:
            right = written[name].right.replace(ANSWER, name)
        said = Sentence("new.assign", name=name, what=what_to_assign(item, fits, language))
        cells.append(_solution(answer_cell(name), translated(said, language), right))
        cells.append(_code(name, f'check("{name}", {name})', locked=True, points=item["points"]))
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook = new_notebook(cells=cells, metadata={"kernelspec": kernel, "language_info": {"name": "python"}})
    for number, cell in enumerate(notebook.cells):
        cell.id = f"{task.name}-{number}"
    return str(nbformat.writes(notebook)) + "\n"


def with_comment(said: str, code: str) -> str:
    """Return code behind a comment."""
    return "\n".join([*textwrap.wrap(said, 110, initial_indent="# ", subsequent_indent="# "), code])


def what_to_assign(item: Mapping[str, Any], fits: Fits, language: str) -> str:
    """Return what an item asks for, in the words of its question."""
    spoken = gaps(fits.setting, asked_of(item))
    return fill(LIBRARY[item["ask"]].words_in(language).task, spoken)


def code_span(text: str) -> str:
    """Return a text as code in Markdown, between more backticks than stand in it side by side."""
    marks = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{marks} {text} {marks}" if "`" in text else f"{marks}{text}{marks}"


def _in_row(text: str) -> str:
    """Return a text for a cell of a table, whose bars end no cell."""
    return text.replace("|", "\\|")


def _request(proposal: Proposal, task: Task, fits: Fits, language: str, statements: list[str]) -> str:
    used = {
        name: formula
        for name, formula in proposal.setting.models.items()
        if any(quoted(formula) in line for line in statements)
    }
    rows = []
    for item in task.items:
        decimals = LIBRARY[item["ask"]].decimals
        rows.append(
            f"| `{item['id']}` | {_in_row(what_to_assign(item, fits, language))} "
            f"| {'' if decimals is None else decimals} |"
        )
    said = Sentence(
        "new.request",
        title=task.title,
        placeholder=Sentence("new.placeholder"),
        row=proposal.setting.noun("residual"),
        columns=", ".join(code_span(str(name)) for name in fits.data.frame),
        models="\n".join(f"| {name} | {_in_row(code_span(formula))} |" for name, formula in used.items()),
        names="\n".join(rows),
    )
    return translated(said, language).strip()


def _sentence(item: Mapping[str, Any], fits: Fits, language: str) -> str:
    model = fits.items[item["needs"][0]].parameters
    groups = fits.setting.plural(str(model["level"]))
    said = Sentence(
        "new.sentence",
        groups=groups,
        name=item["id"],
        share=item["needs"][0],
        unexplained=Sentence("new.unexplained"),
        explained=Sentence("new.explained"),
        all=Sentence("new.variation"),
    )
    return translated(said, language).strip()


def _code(name: str, source: str, *, locked: bool, points: float | None = None, solution: bool = False) -> NotebookNode:
    """Return a code cell with nbgrader's metadata; one with points is graded."""
    entry: dict[str, Any] = {
        "schema_version": 3,
        "grade_id": name,
        "grade": points is not None,
        "solution": solution,
        "locked": locked,
        "task": False,
    }
    if points is not None:
        entry["points"] = points
    cell: NotebookNode = new_code_cell(source, metadata={"nbgrader": entry})
    return cell


def _solution(name: str, said: str, code: str) -> NotebookNode:
    marked = f"### BEGIN SOLUTION\n{code}\n### END SOLUTION"
    return _code(name, with_comment(said, marked), locked=False, solution=True)
