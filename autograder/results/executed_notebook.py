"""The executed notebook in nbgrader's ``autograded/`` layout, as formgrader opens it.

What nbgrader itself would read from a check cell's output is written there: exactly one result with the score, so that
formgrader, ``nbgrader generate_feedback`` and this package never disagree.
"""

from __future__ import annotations

import re
from html import escape
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_notebook, new_output

from autograder.assignment.release import ReleasedNotebook
from autograder.language.catalogue import DEFAULT, Sentence, translated
from autograder.records.grading import Cell, CellRun, ItemResult, NotebookGrade
from autograder.records.verdict_signs import name_of
from autograder.results.safe_outputs import NO_FORMULAS, clean_outputs

#: Characters of code and of Markdown in a notebook, and outputs, of which nbconvert makes a page in less than a second
#: whatever they are. That is several times what notebooks of the course have; one that has more is shown plainer.
_MOST_CODE, _MOST_MARKDOWN, _MOST_OUTPUTS = 15_000, 20_000, 300


def executed_notebook(grade: NotebookGrade, release: ReleasedNotebook, language: str = DEFAULT) -> str:
    """Return a learner's executed notebook as text, with nbgrader's metadata and a score in every check cell."""
    runs = {run.index: run for run in grade.run.cells}
    results = {item.item: item for item in grade.items}
    plain = _characters(grade, "markdown", "raw") > _MOST_MARKDOWN
    cells = []
    room = _MOST_OUTPUTS
    for index, cell in enumerate(grade.notebook.cells):
        node = _node(index, cell, release, plain=plain)
        if cell.cell_type == "code":
            result = results.get(cell.grade_id or "")
            if result is not None:
                node.outputs = [_score_output(result, language)]
            elif index in runs:
                node.outputs = _shown(runs[index], room, language)
                room = max(0, room - len(node.outputs))
        cells.append(node)
    notebook = new_notebook(cells=cells)
    notebook.metadata.kernelspec = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
    # By itself nbconvert takes code for IPython's, in which lines can be of many other languages, some slow to colour.
    lexer = "python" if _characters(grade, "code") <= _MOST_CODE else "text"
    notebook.metadata.language_info = {"name": "python", "pygments_lexer": lexer}
    return f"{nbformat.writes(notebook, split_lines=False)}\n"


def rescored(text: str, grade: NotebookGrade, language: str = DEFAULT) -> str:
    """Return an executed notebook with the scores of another grade of the same run."""
    notebook = nbformat.reads(text, as_version=4)
    results = {item.item: item for item in grade.items}
    for cell in notebook.cells:
        result = results.get(cell.metadata.get("nbgrader", {}).get("grade_id", ""))
        if result is not None:
            cell.metadata.nbgrader.points = result.points
            if cell.cell_type == "code":
                cell.outputs = [_score_output(result, language)]
    return f"{nbformat.writes(notebook, split_lines=False)}\n"


def _characters(grade: NotebookGrade, *kinds: str) -> int:
    return sum(len(cell.source) for cell in grade.notebook.cells if cell.cell_type in kinds)


def _shown(run: CellRun, room: int, language: str) -> list[Any]:
    """Return a cell's outputs as they are shown, and a sentence in the place of those that are not."""
    shown = clean_outputs(run.outputs[:room])
    if run.left_out or len(run.outputs) > room:
        said = translated(Sentence("page.outputs_left_out"), language)
        shown.append(new_output("stream", name="stderr", text=said))
    return shown


def _as_code_block(source: str) -> str:
    """Return a raw cell as Markdown that shows it: pages of nbconvert take a raw cell for HTML of their own."""
    fence = "`" * (1 + max(map(len, re.findall("`+", source)), default=2))
    return f"{fence}\n{source}\n{fence}"


def _node(index: int, cell: Cell, release: ReleasedNotebook, *, plain: bool) -> Any:
    # nbformat's functions that make a cell would check each; the notebook is checked as a whole when it is written.
    is_code = cell.cell_type == "code"
    raw = cell.cell_type == "raw" or (plain and cell.cell_type == "markdown")
    node = NotebookNode(
        id=f"cell-{index}",
        cell_type="code" if is_code else "markdown",
        metadata=NotebookNode(),
        source=_as_code_block(cell.source) if raw else cell.source,
        **({"execution_count": None, "outputs": []} if is_code else {}),
    )
    if cell.grade_id is not None:
        # nbgrader asks for the kind of cell that was released beside the kind that is there.
        node.metadata.nbgrader = {**release.metadata[cell.grade_id], "cell_type": cell.cell_type}
    return node


def _score_output(item: ItemResult, language: str) -> Any:
    score = Sentence(
        "page.cell_score", verdict=name_of(item.verdict), score=f"{item.score:g}", points=f"{item.points:g}"
    )
    said = (translated(text, language) for text in (score, item.reason, item.hint or ""))
    # The reason may quote the learner's own words. Formgrader keeps this tag, and shows others as text.
    shown = f'<div class="{NO_FORMULAS}">' + " ".join(escape(text) for text in said if text) + "</div>"
    return new_output("execute_result", data={"text/plain": repr(float(item.score)), "text/html": shown})
