"""The page that a learner starts from, and the summary to keep: what one learns in each task, and where one is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from autograder.assignment.rubric import Notebook, Rubric
from autograder.errors import CourseError
from autograder.language.catalogue import Sentence, translated
from autograder.records.grading import Verdict
from autograder.records.verdict_signs import SIGNS
from autograder.records.writing import write_whole
from autograder.results.templating import template
from autograder.tutor.cards import Card, plain_card
from autograder.tutor.progress import read_study
from autograder.tutor.tutor import Tutor, earned, tutor_in

SUMMARY = "summary.html"


@dataclass(frozen=True)
class Task:
    """A notebook and where its learner is: ``share`` of the points from 0 to 1, and a line for each right answer."""

    name: str
    title: str
    goals: Sequence[str]
    minutes: int | None
    score: str
    share: float
    learned: Sequence[str]
    done: bool


@dataclass(frozen=True)
class Part:
    """An assignment, the folder it is in, and the first task that is not done."""

    title: str
    folder: str
    tasks: Sequence[Task]

    @property
    def next(self) -> Task | None:
        """The task to go on with; None if all are done."""
        return next((task for task in self.tasks if not task.done), None)


def study_page(folder: Path, *, lab: str, site: str | None) -> str:
    """Return the start page, as HTML, of a folder that `mlm study` made; raise CourseError if it is none.

    ``lab`` is where JupyterLab opens notebooks, and ``site`` where the course's site is served, if it is.
    """
    studies = [(study.place, path) for path in folder.iterdir() if (study := read_study(path))]
    tutors = [tutor_in(path) for _, path in sorted(studies)]
    if not tutors:
        raise CourseError(f"{folder} has no exercises in it. Make them with mlm study.")
    return _page(tutors, "study.start", {"lab": lab, "site": site})


def summary_card(tutor: Tutor) -> Card:
    """Return the card that says what was learned, and write the page of it, to keep, beside the notebooks."""
    if not tutor.alone:
        elsewhere = Sentence("practice.not_alone")
        return plain_card("wait", "?", "summary", "not_here", elsewhere, language=tutor.language)
    path = write_whole(tutor.folder / SUMMARY, _page([tutor], "study.summary"))
    part = _part(tutor)
    lines = [line for task in part.tasks for line in (task.learned and (task.title, *task.learned))]
    goals = [goal for task in part.tasks if task.done for goal in task.goals]
    said: list[str] = [Sentence("study.able"), *goals] if goals else []
    kept = Sentence("study.kept", file=path.name)
    lines = [*said, *lines] if lines else [Sentence("study.nothing")]
    return Card("wait", "▤", Sentence("study.summary"), tuple(lines), foot=kept, language=tutor.language)


def _page(tutors: Sequence[Tutor], title: str, links: Mapping[str, str | None] | None = None) -> str:
    language = tutors[0].language

    def say(name: str, **gaps: object) -> str:
        return translated(Sentence(f"study.{name}", **gaps), language)

    parts = [_part(tutor) for tutor in tutors]
    said = translated(Sentence(title), language)
    return template("study.html").render(language=language, title=said, parts=parts, links=links, say=say)


def _part(tutor: Tutor) -> Part:
    rubric = tutor.rubrics[0]
    return Part(rubric.title, tutor.folder.name, [_task(tutor, rubric, notebook) for notebook in rubric.notebook])


def _task(tutor: Tutor, rubric: Rubric, notebook: Notebook) -> Task:
    progress = tutor.notes.read(notebook.name)
    results = tutor.results(rubric, notebook, progress)
    right = {name for name, result in results.items() if result.verdict is Verdict.CORRECT}
    learned = []
    for item in notebook.item:
        if item.id in right - progress.revealed:
            how = "mastered" if item.id in progress.mastered else "was_right"
            line = Sentence(f"study.{how}", title=item.title, name=item.id)
            learned.append(f"{SIGNS[Verdict.CORRECT]} {translated(line, tutor.language)}")
    points = sum(item.points for item in notebook.item)
    reached = earned(tutor, rubric, notebook)
    score = Sentence("progress.bar", score=f"{reached:g}", points=f"{points:g}")
    judged = {item.id for item in notebook.item if not item.answer_kind.by_person} - rubric.withheld
    done = judged <= right | progress.revealed
    shown = translated(score, tutor.language)
    return Task(notebook.name, notebook.title, notebook.goals, notebook.minutes, shown, reached / points, learned, done)
