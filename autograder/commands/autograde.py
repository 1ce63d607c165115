"""`nbgrader autograde` with our configuration: learners' notebooks are graded in the box, as `mlm grade` does.

By itself nbgrader reads each notebook and runs it as the teacher. Its exporter is the part that reads notebooks, and a
configuration can replace it. Ours leaves reading to our grading, and gives nbgrader each notebook as it ran in the box,
with a score in every check cell. Whatever fails leaves the learner without a mark.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import nbformat
from nbconvert.exporters import NotebookExporter
from nbgrader.api import Gradebook as NbgraderGradebook
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets import Bool, Integer, Unicode
from traitlets.config import Configurable

from autograder.assignment.course import Course, installed_course
from autograder.assignment.release import read_release
from autograder.assignment.rubric import Rubric
from autograder.commands.doctor import protected_files
from autograder.errors import AutograderError, CourseError, OurFault
from autograder.grading.copies import personal_panel
from autograder.grading.earlier import with_earlier
from autograder.grading.giving_back import known_learners
from autograder.grading.names import learner_name, shown_name
from autograder.grading.pipeline import Grading, grade_folder, prepare_panels
from autograder.grading.policies import read_policies
from autograder.grading.roster import Roster
from autograder.grading.submission import SubmissionFolder, time_of
from autograder.records.grading import Grade
from autograder.results.executed_notebook import executed_notebook
from autograder.results.folder import RUNS, hidden_seed
from autograder.results.gradebook import details_of
from autograder.results.marks import basis_of
from autograder.results.nbgrader_cells import file_scores, take_back_scores
from autograder.results.stored import to_be_kept
from autograder.sandbox.boxes import Boxes
from autograder.sandbox.doctor import require_safe_box
from autograder.sandbox.run_store import RunStore, Store
from autograder.scoring.left_out import shorten


class BoxedGrading(Configurable):
    """How learners are graded: what `mlm grade` is told by its options, `nbgrader autograde` is told by these."""

    course = Unicode(help="The folder with course.toml; else the installed course.")
    hidden_seed = Integer(
        None, allow_none=True, help="Of the hidden panel; else it is drawn and kept by the gradebook."
    )
    personal = Bool(False, help="Whether each learner works on a panel of the learner's own.")
    language = Unicode(None, allow_none=True, help="Of the feedback; else the rubric's.")
    for _trait in (course, hidden_seed, personal, language):
        _trait.tag(config=True)


def _grading_of(course: Course, assignment: str, seed: int, language: str | None, database: str) -> Grading:
    def spoken(language: str | None) -> Rubric:
        return course.counted(course.rubric(assignment, language))

    def learners() -> Roster:
        with NbgraderGradebook(database) as book:
            return known_learners({one.id: details_of(one) for one in book.students}, {})

    rubric = spoken(language)
    policies = read_policies(course, rubric, learners)
    released, panels = read_release(course, rubric), prepare_panels(rubric, seed)
    return Grading(rubric, released, panels, policies=policies, spoken=cache(spoken))


def _examine_box(course: Course, root: Path, folders: tuple[Path, ...]) -> None:
    """Try to get out of the box: nobody may be able to read what lies in the course and in nbgrader's directory."""
    files = (path for path in root.iterdir() if path.is_file())
    with Boxes(course.file.packages) as boxes:
        require_safe_box((*protected_files(course, folders), *files), boxes)


class BoxedExporter(NotebookExporter):
    """Exports each submitted notebook as it ran in the box; all notebooks of a learner are graded together, once."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        """Begin with nobody graded."""
        super().__init__(*arguments, **options)  # type: ignore[no-untyped-call]
        self._graded: tuple[object, Grading, Grade] | None = None
        # nbgrader makes an exporter for each run, and formgrader's process outlives many.
        self._grading_of, self._examine_box = cache(_grading_of), cache(_examine_box)

    def from_filename(  # type: ignore[override]  # it returns text, as the exporter it is made from does
        self, filename: str, resources: dict[str, Any] | None = None, **options: Any
    ) -> tuple[str, dict[str, Any]]:
        """Return the graded notebook of that name, after nbgrader's own steps; the file itself is not read here.

        Raises
        ------
        AutograderError
            If the learner cannot be graded; then scores that the gradebook has of that work are taken back.
        """
        assert resources is not None, "nbgrader says whose notebook it is"
        place = resources["nbgrader"]
        with _no_mark_if_it_fails(place):
            grading, grade = self.graded(place["assignment"], place["student"], place["db_url"])
            released = next((one for one in grading.release if one.name == place["notebook"]), None)
            if released is None:
                raise CourseError(f"The assignment {place['assignment']!r} has no notebook {place['notebook']!r}.")
            (ran,) = (one for one in grade.notebooks if one.notebook.name == released.name)
            notebook = nbformat.reads(executed_notebook(ran, released, grading.rubric.language), as_version=4)
        return super().from_notebook_node(notebook, resources=resources, **options)  # type: ignore[no-untyped-call, no-any-return]

    def graded(self, assignment: str, student: str, database: str) -> tuple[Grading, Grade]:
        """Return a learner's grade, kept while the folder that was handed in stays as it is.

        Raises
        ------
        AutograderError
            If there is no safe box, or the learner cannot be graded.
        """
        assert self.parent is not None, "nbgrader makes its exporter"
        directory: CourseDirectory = self.parent.coursedir
        root = Path(directory.root).resolve()
        submitted = Path(directory.format_path(directory.submitted_directory, student, assignment))
        known = (assignment, student, _state(submitted))
        if self._graded is None or self._graded[0] != known:
            self._graded = None
            asked = BoxedGrading(config=self.config)
            course = Course(Path(asked.course)) if asked.course else installed_course()
            course.require_apart(root / directory.submitted_directory)
            seed = hidden_seed(root, asked.hidden_seed)
            grading = self._grading_of(course, assignment, seed, asked.language, database)
            if asked.personal:
                grading = replace(grading, personal={student: personal_panel(grading.rubric, student)})
            grading = with_earlier(course, grading, seed)
            steps = (directory.submitted_directory, directory.autograded_directory, directory.feedback_directory)
            self._examine_box(course, root, tuple(root / step for step in steps))
            with NbgraderGradebook(database) as book:
                shown = learner_name(details_of(book.find_student(student))) or shown_name(student)
                filed = book.find_submission(assignment, student).timestamp
            # Beside the files it may not stand: a roster told it to mlm grade, which filed it.
            time = time_of(submitted) or (filed.isoformat() if filed else "")
            folder = SubmissionFolder(student, submitted, shown, submitted.parent, time)
            grade = _grade(grading, folder, Store(root / RUNS))
            self._graded = known, grading.of(grade), grade
        return self._graded[1:]


def _grade(grading: Grading, folder: SubmissionFolder, runs: Store) -> Grade:
    with Boxes(grading.rubric.packages) as boxes:
        grade = grade_folder(grading, folder, RunStore(runs, boxes.run, boxes.packages).run)
    if grade.is_ungraded:
        raise OurFault(grade.items[0].reason)
    if grade.is_empty:
        raise CourseError(
            f"{folder.path}: nothing in here is a notebook of {grade.assignment!r}, so nothing is graded."
        )
    return grade


def _state(folder: Path) -> frozenset[tuple[str, int, int]]:
    """Return what a folder is known by: of each file the path, the size, and when anything of it was last changed."""
    paths = (Path(around, name) for around, _, names in os.walk(folder) for name in names)
    return frozenset((str(path), found.st_size, found.st_ctime_ns) for path in paths for found in [path.lstat()])


@contextmanager
def _no_mark_if_it_fails(place: dict[str, str]) -> Iterator[None]:
    """Take back what the gradebook has of a learner who cannot be graded: scores of other work, or nbgrader's own.

    Why is noted there, so that our commands give no mark of earlier work in the place of this.
    """
    try:
        yield
    except BaseException as error:
        why = str(error) if isinstance(error, AutograderError) else f"{type(error).__name__}: {error}"
        why = why if isinstance(error, Exception) else "The run ended before."
        take_back_scores(place["db_url"], place["assignment"], place["student"], shorten(why, 1_000))
        raise


class FileScores(NbGraderPreprocessor):  # type: ignore[misc]
    """Files all scores of a learner as `mlm grade` does, those of notebooks that nbgrader knows by no name as well.

    It asks our exporter for the grade: where a configuration has taken that away, nothing is filed.
    """

    def preprocess(self, nb: Any, resources: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        """Return the notebook as it is."""
        place = resources["nbgrader"]
        with _no_mark_if_it_fails(place):
            if not isinstance(self.parent, BoxedExporter):
                raise OurFault("nbgrader_config.py lacks c.Autograde.exporter_class, so nothing was graded in the box.")
            grading, grade = self.parent.graded(place["assignment"], place["student"], place["db_url"])
            basis = basis_of(grading.rubric, grading.panels_of(grade.student), "nbgrader autograde")
            file_scores(place["db_url"], to_be_kept(grading.rubric, grade), basis)
        return nb, resources
