"""What lies beside a verdict and never changes a score: warnings of the run, and what can be found in a memo.

A warning that a fit did not arrive explains a wrong number, and may well come with a right one, so it is told where the
answer is not right and recorded everywhere. What is found in a memo is for the person who grades it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from autograder.answers import Number, Value
from autograder.catalogue import Sentence, listed, together
from autograder.key import Keyed, expected
from autograder.memo import read_memo
from autograder.records import Evidence, ItemResult, NotebookGrade, NotebookRun, SubmittedNotebook, Verdict
from autograder.rubric import EXACT, Item, Rubric

#: What statsmodels says of a fit that did not arrive or lies on the boundary, by what the catalogue calls it.
_WARNINGS: Mapping[str, re.Pattern[str]] = {
    "stopped": re.compile(r"optimization failed, trying a different|Gradient optimization"),
    "boundary": re.compile(r"may be on the boundary|covariance (?:matrix )?is singular"),
    "no_maximum": re.compile(r"Hessian matrix at the estimated parameter values is not"),
}


def add_evidence(rubric: Rubric, graded: Sequence[NotebookGrade], own: Keyed) -> tuple[NotebookGrade, ...]:
    """Return a learner's notebooks with what bears on each item beside its verdict.

    Parameters
    ----------
    rubric : Rubric
        Of the assignment.
    graded : sequence of NotebookGrade
        All that the learner handed in, with the runs on the learner's own panel.
    own : Keyed
        That panel with its answers.
    """
    answers = {name: value for notebook in graded for name, value in notebook.run.answers.items()}
    items = {item.id: item for item in rubric.items}

    def with_evidence(notebook: NotebookGrade) -> Iterator[ItemResult]:
        for result in notebook.items:
            item = items[result.item]
            if result.verdict is Verdict.NEEDS_PERSON and item.memo is not None:
                text = memo_text(notebook.notebook, item)
                yield replace(result, evidence=_of_memo(rubric, item, text, answers, own))
            elif item.kind in EXACT:
                yield result
            else:
                yield _with_warnings(result, tuple(warnings_before(notebook.notebook, notebook.run, item.id)))

    return tuple(replace(notebook, items=tuple(with_evidence(notebook))) for notebook in graded)


def warnings_before(notebook: SubmittedNotebook, run: NotebookRun, item: str) -> Iterator[str]:
    """Yield a sentence for each cell before an item's check in which statsmodels warned of a fit."""
    for cell_run in run.cells:
        cell = notebook.cells[cell_run.index]
        if cell.grade_id == item:
            return
        text = "".join(output.text for output in cell_run.outputs if output.output_type == "stream")
        said = [Sentence(f"warnings.{what}") for what, pattern in _WARNINGS.items() if pattern.search(text)]
        if said:
            where = (
                Sentence("warnings.cell", cell=cell.grade_id)
                if cell.grade_id
                else Sentence("warnings.cell_number", number=cell_run.index + 1)
            )
            yield Sentence("warnings.warned", where=where, what=listed(said))


def _with_warnings(result: ItemResult, warnings: tuple[str, ...]) -> ItemResult:
    if not warnings or result.verdict is not Verdict.WRONG:
        return replace(result, warnings=warnings)
    return replace(result, warnings=warnings, hint=together([*filter(None, [result.hint]), *warnings]))


def memo_text(notebook: SubmittedNotebook, item: Item) -> str:
    """Return the text of an item that a person reads, as it was handed in."""
    return "\n\n".join(cell.source for cell in notebook.cells if cell.grade_id == item.id)


def _of_memo(rubric: Rubric, item: Item, text: str, answers: Mapping[str, Value], own: Keyed) -> Evidence:
    assert item.memo is not None
    figures = {name: value.value for name, value in _numbers(answers, item.memo.figures)}
    ranking = next((other for other in rubric.items if other.id == item.memo.top), None)
    top = expected(ranking, own.answers) if ranking else ()
    found = read_memo(text, figures, top if isinstance(top, tuple) else ())
    findings = tuple((finding.fine, finding.sentence) for finding in found.findings)
    return Evidence(findings, round(found.suggested * item.points, 1))


def _numbers(answers: Mapping[str, Value], names: Iterable[str]) -> Iterator[tuple[str, Number]]:
    for name in names:
        value = answers.get(name)
        if isinstance(value, Number):
            yield name, value
