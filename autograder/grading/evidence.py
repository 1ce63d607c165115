"""What lies beside a verdict and never changes a score: warnings of the run, and what can be found in a memo.

A warning that a fit did not arrive explains a wrong number, and may well come with a right one, so it is told where the
answer is not right and recorded everywhere. What is found in a memo is for the person who grades it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from autograder.assignment.key import Keyed, expected
from autograder.assignment.release import ReleasedNotebook
from autograder.assignment.rubric import Memo, Rubric
from autograder.grading.memo import read_memo
from autograder.language.catalogue import Sentence, listed, together
from autograder.records.grading import Found, ItemResult, NotebookGrade, NotebookRun, SubmittedNotebook, Verdict
from autograder.records.values import Number, Value

#: What statsmodels says of a fit that did not arrive or lies on the boundary, by what the catalogue calls it.
_WARNINGS: Mapping[str, re.Pattern[str]] = {
    "stopped": re.compile(r"optimization failed, trying a different|Gradient optimization"),
    "boundary": re.compile(r"may be on the boundary|covariance (?:matrix )?is singular"),
    "no_maximum": re.compile(r"Hessian matrix at the estimated parameter values is not"),
}


def add_evidence(
    rubric: Rubric,
    graded: Sequence[NotebookGrade],
    own: Keyed,
    release: Sequence[ReleasedNotebook],
    warned: Mapping[str, tuple[str, ...]] | None = None,
) -> tuple[NotebookGrade, ...]:
    """Return a learner's notebooks with what bears on each item beside its verdict.

    ``graded`` is all that the learner handed in, with the runs on ``own``, the learner's panel; ``release`` the
    notebooks as handed out: their lines are in every text, and are nobody's words. ``warned`` has the warnings by item
    where they are not looked for in what the cells showed.
    """
    answers = {name: value for notebook in graded for name, value in notebook.run.answers.items()}
    items = {item.id: item for item in rubric.items}
    handed_out = {cell.grade_id: set(cell.source.splitlines()) for entry in release for cell in entry.cells}

    def with_evidence(notebook: NotebookGrade) -> Iterator[ItemResult]:
        for result in notebook.items:
            item = items[result.item]
            if result.verdict is Verdict.NEEDS_PERSON and item.memo is not None:
                lines = notebook.notebook.text_of(item.id).splitlines()
                text = "\n".join(line for line in lines if not line or line not in handed_out.get(item.id, ()))
                yield replace(result, found=_found_in(rubric, item.memo, text, answers, own))
            elif item.answer_kind.exact:
                yield result
            else:
                found = warnings_before(notebook.notebook, notebook.run, item.id) if warned is None else warned[item.id]
                yield _with_warnings(result, tuple(found))

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


def _found_in(rubric: Rubric, asked: Memo, text: str, answers: Mapping[str, Value], own: Keyed) -> tuple[Found, ...]:
    figures = {name: value.value for name, value in rubric.taken(answers).items() if isinstance(value, Number)}
    ranking = next((other for other in rubric.items if other.id == asked.top), None)
    top = expected(ranking, own.answers) if ranking else ()
    names = (ranking and own.answers.answers[ranking.id].scores) or ()
    return read_memo(text, asked, figures, top if isinstance(top, tuple) else (), names)
