"""Who answers a learner while working: what is known of the folder, and how the answers in it fare.

Every answer of a notebook is judged as `autograder.scoring.items` judges a run of it, with what the learner answered
before, so that a card and a grade on the same panel cannot disagree.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

import msgspec

from autograder.assignment.course import Course, installed_course
from autograder.assignment.key import PANEL_FILE, Keyed, hidden_panel, own_panel
from autograder.assignment.release_file import Beside, release_beside
from autograder.assignment.rubric import Item, Notebook, Rubric, Says
from autograder.language.catalogue import Sentence
from autograder.records.grading import ItemResult, Verdict
from autograder.scoring.items import judge_alone, resolve_dependencies
from autograder.tutor.progress import Notes, Progress, Study, read_study

#: The answers to a panel, by folder, assignment, when a panel of the learner's own was last changed, and the number of
#: a fresh one.
_KEYS: dict[tuple[Path, str, int | None, int], Keyed] = {}


@dataclass(frozen=True)
class Tutor:
    """What is known of the folder a learner works in.

    Parameters
    ----------
    folder : Path
        Where the notebooks are.
    rubrics : tuple of Rubric
        Of the assignments it could be, the likeliest first.
    beside : Beside or None
        The release that came with the notebooks.
    study : Study or None
        What `mlm study` wrote: there where someone studies alone, and may be shown answers.
    is_sure : bool
        True where the folder says which assignment it is.
    fresh : int
        The number of the fresh panel that is worked on; 0 for the task's own.
    """

    folder: Path
    rubrics: tuple[Rubric, ...]
    beside: Beside | None
    study: Study | None
    is_sure: bool
    notes: Notes = field(repr=False)
    fresh: int = 0

    @property
    def alone(self) -> bool:
        """Whether someone studies alone here."""
        return self.study is not None

    @property
    def language(self) -> str:
        """The language of the cards."""
        return self.rubrics[0].language

    def find(self, name: str) -> tuple[Rubric, Notebook, Item] | None:
        """Return the item of a name with its notebook and rubric; None if there is none."""
        places = ((r, notebook, item) for r in self.rubrics for notebook in r.notebook for item in notebook.item)
        return next((place for place in places if place[-1].id == name), None)

    def says_of(self, rubric: Rubric) -> Says:
        """Return how much to say of an answer to an assignment."""
        return "everything" if self.alone else rubric.check_says

    def key(self, rubric: Rubric) -> Keyed:
        """Return the learner's panel with its answers, computed once in a session."""
        panel = self.folder / PANEL_FILE
        changed = panel.stat().st_mtime_ns if panel.is_file() else None
        kept = (self.folder, rubric.assignment, changed, self.fresh)
        if kept not in _KEYS:
            with self.beside.anybodys() if self.beside else nullcontext():
                _KEYS[kept] = self._drawn(rubric) if self.fresh else own_panel(rubric, self.folder)
        return _KEYS[kept]

    def _drawn(self, rubric: Rubric) -> Keyed:
        drawn_from = msgspec.convert(self.study.panels if self.study else {}, type(rubric.panels))
        panel = hidden_panel(msgspec.structs.replace(rubric, panels=drawn_from), self.fresh)
        return replace(panel, hidden=False)

    def on_fresh_panel(self, number: int) -> Tutor:
        """Return the tutor who judges answers on a fresh panel, and keeps them apart from the task's."""
        return replace(self, rubrics=self.rubrics[:1], notes=Notes(self.folder, number), fresh=number)

    def results(self, rubric: Rubric, notebook: Notebook, progress: Progress) -> Mapping[str, ItemResult]:
        """Return how the answers of a notebook fare together, as grading would say it."""
        values = progress.values
        judged = (
            judge_alone(rubric, item, values[item.id], self.key(rubric), values)
            for item in notebook.item
            if item.id in values and not item.answer_kind.by_person
        )
        return resolve_dependencies(rubric, judged)


@cache
def tutor_in(
    folder: Path,
    language: str | None = None,
    course: Course | None = None,
    *,
    worked_on: str | None = None,
    own_code: bool = False,
) -> Tutor:
    """Return the tutor of a folder.

    Parameters
    ----------
    folder : Path
        Where the notebooks are.
    language : str, optional
        Of the cards; else the one chosen with `mlm study`, or the rubric's.
    course : Course, optional
        Has the rubrics; else the release beside the notebooks has, or the installed course.
    worked_on : str, optional
        The assignment whose panel was loaded. Two of a course may have an item of one name; what was chosen with
        `mlm study` comes first, then this, then the folder's name.
    own_code : bool
        True where code of the folder is run anyway, so that questions that the release brings may be, too.

    Raises
    ------
    CourseError
        If no exercises are installed, or what came with the notebooks cannot be read.
    RubricError
        If a rubric does not hold together.
    """
    study, beside = read_study(folder), None if course else release_beside(folder)
    language = language or (study.language if study else None)
    named = study.assignment if study else worked_on or folder.name
    if beside:
        named, rubrics = beside.release.contents.assignment, [beside.rubric(language, own_code=own_code)]
    else:
        course = course or installed_course()
        likeliest_first = sorted(course.assignments, key=lambda assignment: assignment != named)
        rubrics = [course.rubric(assignment, language) for assignment in likeliest_first]
    is_sure = any(rubric.assignment == named for rubric in rubrics)
    return Tutor(folder, tuple(rubrics), beside, study, is_sure=is_sure, notes=Notes(folder))


def score_line(tutor: Tutor, rubric: Rubric, notebook: Notebook) -> str:
    """Return the running score, of a notebook and altogether; on a fresh panel, that there is none."""
    if tutor.fresh:
        return Sentence("practice.no_points", number=tutor.fresh)
    scores = {entry.name: earned(tutor, rubric, entry) for entry in rubric.notebook}
    return Sentence(
        "card.score",
        title=notebook.title,
        score=f"{scores[notebook.name]:g}",
        points=f"{sum(item.points for item in notebook.item):g}",
        total=f"{sum(scores.values()):g}",
        all=f"{sum(item.points for item in rubric.items):g}",
    )


def earned(tutor: Tutor, rubric: Rubric, notebook: Notebook) -> float:
    """Return the points of a notebook; what was shown before it was right earns none.

    Where no more is to be said than right or wrong, neither is it said by points for what is right in part.
    """
    progress = tutor.notes.read(notebook.name)
    results = tutor.results(rubric, notebook, progress)
    counted = [result for name, result in results.items() if name not in progress.revealed]
    if tutor.says_of(rubric) == "right or wrong":
        counted = [result for result in counted if result.verdict is Verdict.CORRECT]
    return sum(result.score for result in counted)
