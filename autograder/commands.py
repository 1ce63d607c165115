"""What the commands of `mlm` do: each returns its exit code, and prints what a person should know."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib import resources
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from autograder import pipeline
from autograder.catalogue import LANGUAGES, Sentence, translated
from autograder.certify import examine
from autograder.course import CHECK_FILE, Course, find_course, learners_course
from autograder.errors import BoxUnavailable, CourseError
from autograder.filing import filing, held
from autograder.key import PANEL_FILE, Keyed, hidden_panel
from autograder.personal import personal_panel
from autograder.proof import prove
from autograder.records import Grade, Verdict
from autograder.release import make_release, parse_release, read_release, write_release
from autograder.report import most_urgent
from autograder.results import hidden_seed as drawn_seed
from autograder.results import make_results
from autograder.rubric import Rubric
from autograder.samples import build_class
from autograder.sandbox.bubblewrap import Boxes
from autograder.sandbox.probe import Wall, describe_limits, examine_box
from autograder.submission import LeftOut, SubmissionFolder, find_submissions, read_learners, read_notebook
from autograder.tutor import Tutor, tutor_in
from autograder.tutor.checking import NOTHING_TO_COMPARE, row
from autograder.verdicts import SIGNS
from autograder.writing import write_whole

ALL_GRADED, NEEDS_PERSON, BROKEN = 0, 1, 3

#: The sample submissions of a checkout, one folder each.
SAMPLES = Path("tests", "submissions")

_OUT = Console(soft_wrap=True, markup=False, highlight=False)
_ERR = Console(stderr=True, soft_wrap=True, markup=False, highlight=False)


def course_at(folder: Path | None) -> Course:
    """Return the course around a folder, or around the current one."""
    return find_course(folder or Path.cwd())


def grade(
    course: Course,
    assignment: str,
    submitted: Path,
    into: Path,
    *,
    hidden_seed: int | None,
    workers: int | None,
    personal: bool = False,
    language: str | None = None,
) -> int:
    """Grade every submission of a folder and file the results in another; see `mlm grade --help`."""
    rubric = course.rubric(assignment, language)
    folders, others = find_submissions(submitted, assignment)
    released = read_release(course, rubric)
    make_results(into)
    if advice := pipeline.memory_advice(workers):
        _ERR.print(advice)
    with held(into):
        seed = drawn_seed(into, hidden_seed)
        own = _personal_panels(rubric, [folder.student for folder in folders]) if personal else {}
        with Boxes() as boxes:
            boxes.open_soon(pipeline.count_workers(workers))
            protected = _protected(course, [*(folder.path for folder in folders), into])
            with (
                _ERR.status("Preparing the panels, and trying to get out of the box …"),
                ThreadPoolExecutor(1) as beside,
            ):
                walls = beside.submit(_require_safe_box, protected, boxes)
                try:
                    grading = pipeline.Grading(rubric, released, pipeline.prepare_panels(rubric, seed), personal=own)
                    walls.result()
                except BaseException:
                    boxes.end_runs()
                    raise
            grades = _grade_class(grading, folders, into, workers, boxes)
        copies = pipeline.class_copies(grading, grades)
        left_out = [one for one in others if one.is_learner]
        page, to_read = pipeline.write_class_pages(grading, grades, into, copies, left_out)
    _print_grades(grades, others)
    for copy in copies:
        _OUT.print(f"Look at {copy.student}: {', '.join(copy.items)} are right on the panel of {copy.other} only.")
    _OUT.print(f"\nThe class     {page}\nFeedback      {into / 'feedback'}\nGradebook     {into / 'gradebook.db'}")
    _OUT.print(f"To be read    {to_read}")
    _OUT.print(f"Read by hand  cd {into} && jupyter lab, then Nbgrader > Formgrader")
    return _exit_code(grades, for_a_person=bool(copies or left_out))


def _grade_class(
    grading: pipeline.Grading, folders: tuple[SubmissionFolder, ...], into: Path, workers: int | None, boxes: Boxes
) -> list[Grade]:
    with _progress() as progress:
        done = pipeline.grade_class(grading, folders, into, workers=workers, boxes=boxes)
        return list(progress.track(done, total=len(folders), description=f"Grading {grading.rubric.assignment}"))


def _personal_panels(rubric: Rubric, students: Sequence[str]) -> dict[str, Keyed]:
    with _progress() as progress:
        return {name: personal_panel(rubric, name) for name in progress.track(students, description="Drawing panels")}


def handout(course: Course, assignment: str, learners: Path, into: Path) -> int:
    """Write an assignment for each learner of a list, with a panel of the learner's own; see `mlm handout --help`."""
    rubric = course.rubric(assignment)
    released = course.release(assignment)
    read_release(course, rubric)
    students = read_learners(learners)
    for name, keyed in _personal_panels(rubric, students).items():
        folder = into / name / assignment
        with filing(into):
            for file in (*(released / f"{notebook.name}.ipynb" for notebook in rubric.notebook), released / CHECK_FILE):
                if file.is_file():
                    write_whole(folder / file.name, file.read_text(encoding="utf-8"))
            write_whole(folder / PANEL_FILE, keyed.panel.to_csv_bytes().decode("ascii"))
    _OUT.print(f"{assignment} for {len(students)} learners, each with a panel of the learner's own, is in {into}.")
    _OUT.print(f"Grade it with  mlm grade {assignment} --submitted DIR --personal")
    return ALL_GRADED


def _require_safe_box(protected: tuple[Path, ...], boxes: Boxes) -> None:
    leaking = [wall for wall in examine_box(protected, boxes) if not wall.holds]
    if leaking:
        lines = "\n".join(f"  - {wall.claim}: {wall.detail}" for wall in leaking)
        raise BoxUnavailable(f"The box is not safe here, so nothing was run. These do not hold:\n{lines}")


def _protected(course: Course, more: Sequence[Path] = ()) -> tuple[Path, ...]:
    """Return every file no learner's code may see; the box's own code is the one exception."""
    packages = [Path(str(resources.files(name))) for name in ("autograder", "reference")]
    inside = set((packages[0] / "sandbox" / "inside").rglob("*"))  # and what Python has compiled of it
    ours = [course.root / name for name in ("course", "exercises", "scripts", "solutions", "tests")]
    files = {file for root in (*packages, *ours, *more) for file in root.rglob("*")}
    return tuple(sorted(file for file in files - inside if file.is_file() and not file.is_symlink()))


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=_ERR)


def _print_grades(grades: Sequence[Grade], others: Sequence[LeftOut]) -> None:
    table = Table(box=None, pad_edge=False)
    table.add_column("Learner", no_wrap=True, max_width=40)
    table.add_column("Points", no_wrap=True, justify="right")
    table.add_column("Right", no_wrap=True, justify="right")
    table.add_column("Look at first", no_wrap=True)
    for grade in sorted(grades, key=lambda g: g.student):
        right = sum(item.verdict is Verdict.CORRECT for item in grade.items)
        urgent = most_urgent(grade)
        points = f"{grade.score:g} / {grade.points:g}"
        table.add_row(grade.student, points, f"{right} / {len(grade.items)}", f"{SIGNS[urgent]} {urgent}")
    for one in others:
        if one.is_learner:
            table.add_row(one.name, "", "", f"{SIGNS[Verdict.UNGRADED]} not graded")
    _OUT.print(table)
    for one in others:
        _OUT.print(f"Not graded: {one}.")
    for grade in grades:
        if grade.is_ungraded:
            _OUT.print(f"Not graded: {grade.student}. {grade.items[0].reason}")
    waiting = sum(grade.needs_person for grade in grades)
    if waiting:
        _OUT.print(f"{waiting} of {len(grades)} submissions have something that a person must read.")


def _exit_code(grades: Sequence[Grade], *, for_a_person: bool) -> int:
    if any(grade.is_ungraded for grade in grades):
        return BROKEN
    return NEEDS_PERSON if for_a_person or any(grade.needs_person for grade in grades) else ALL_GRADED


def release(course: Course, assignment: str, *, panels: int, workers: int | None) -> int:
    """Prove that an assignment grades as it should, and write its notebooks; see `mlm release --help`."""
    rubric = course.rubric(assignment)
    for language in LANGUAGES:
        course.rubric(assignment, language)  # a translation that does not fit is found before learners meet it
    texts = make_release(course, rubric)
    with _progress() as progress:
        proof = prove(
            course,
            rubric,
            parse_release(texts),
            panels=panels,
            workers=pipeline.count_workers(workers),
            progress=lambda steps, what: progress.track(steps, total=len(steps), description=what),
        )
    pair = proof.closest
    _OUT.print(
        f"Proved on the learners' panel and on {proof.panels} hidden ones. The closest two answers are {pair.one!r} "
        f"and {pair.other!r} of {pair.item}: {pair.margin:.1f} tolerances apart."
    )
    for path in write_release(course.release(assignment), texts):
        _OUT.print(f"Released {path}")
    return ALL_GRADED


def certify_panels(course: Course, assignment: str, count: int, first: int, *, confusion: bool) -> int:
    """Examine the panels of some seeds, and print which will do and why not; see `mlm panels certify --help`."""
    rubric = course.rubric(assignment)
    reasons: Counter[str] = Counter()
    taken_for: Counter[tuple[str, str, str]] = Counter()
    with _progress() as progress:
        for seed in progress.track(range(first, first + count), description="Certifying panels"):
            examined = examine(rubric, hidden_panel(rubric, seed))
            reasons.update({re.sub(r"[0-9.]+ tolerances", "too few tolerances", said) for said in examined.problems})
            if not examined.problems:
                taken_for.update((item, given, taken) for (item, given), taken in examined.confusion.items())
                reasons[""] += 1
    passed = reasons.pop("", 0)
    _OUT.print(f"{passed} of {count} seeds give a panel that can be graded on. For the others the next draw is taken.")
    for said, times in reasons.most_common():
        _OUT.print(f"{times:>5}  {said}")
    if confusion:
        _print_confusion(taken_for)
    return ALL_GRADED if passed else NEEDS_PERSON


def _print_confusion(taken_for: Counter[tuple[str, str, str]]) -> None:
    table = Table(box=None, pad_edge=False)
    for name in ("Item", "Answer given", "Taken for", "Panels"):
        table.add_column(name, no_wrap=True, justify="right" if name == "Panels" else "left")
    for (item, given, taken), times in sorted(taken_for.items()):
        table.add_row(item, given, "itself" if taken == given else taken, str(times))
    _OUT.print(table)
    confused = sum(times for (_, given, taken), times in taken_for.items() if taken != given)
    _OUT.print("Every answer is taken for itself." if not confused else f"{confused} answers are taken for another.")


def check(course: Course | None, notebook: Path, language: str | None = None) -> int:
    """Run one notebook in the box and print how its answers fare; see `mlm check --help`."""
    folder = notebook.absolute().parent
    course = course or learners_course(folder)
    tutor = tutor_in(folder, language, course)
    rubric = _rubric_of(tutor, notebook)
    if not notebook.is_file():
        raise CourseError(f"There is no notebook {notebook}.")
    grading = pipeline.Grading(rubric, read_release(course, rubric), (tutor.key(rubric),))
    released = next(entry for entry in grading.release if entry.name == notebook.stem)
    with _ERR.status(f"Running {notebook.name} …"):
        graded = pipeline.grade_notebook(grading, read_notebook(notebook, released))
    table = Table(box=None, pad_edge=False, show_header=False)
    for item in graded.items:
        sign, what, said = (translated(text, rubric.language) for text in row(tutor, rubric, item))
        table.add_row(f"{sign} {item.item}", what, said)
    _OUT.print(table)
    for note in graded.notebook.notes:
        _OUT.print(translated(Sentence("card.note", note=note), rubric.language))
    if tutor.says_of(rubric) == "recorded":
        return 0 if all(item.verdict not in NOTHING_TO_COMPARE for item in graded.items) else 1
    return 0 if all(item.verdict is Verdict.CORRECT for item in graded.items) else 1


def _rubric_of(tutor: Tutor, notebook: Path) -> Rubric:
    found = [rubric for rubric in tutor.rubrics if any(entry.name == notebook.stem for entry in rubric.notebook)]
    if not found:
        raise CourseError(
            f"No assignment has a notebook {notebook.name}. Check it under the name it was handed out with."
        )
    if len(found) > 1 and not tutor.is_sure:
        raise CourseError(
            f"{' and '.join(rubric.assignment for rubric in found)} have a notebook {notebook.name} each. "
            "Put it into a folder of its assignment's name and check it there."
        )
    return found[0]


def doctor(course: Course) -> int:
    """Examine the box and print which of its walls hold; see `mlm doctor --help`."""
    with _ERR.status("Trying to get out of the box …"):
        walls = examine_box(_protected(course))
    _print_walls(walls)
    _OUT.print(describe_limits())
    return ALL_GRADED if all(wall.holds for wall in walls) else BROKEN


def _print_walls(walls: Sequence[Wall]) -> None:
    for wall in walls:
        _OUT.print(f"✓ {wall.claim}" if wall.holds else f"✗ {wall.claim}: {wall.detail}")
    broken = sum(not wall.holds for wall in walls)
    _OUT.print(f"{broken} of these do not hold: nothing is graded here." if broken else "Every wall of the box holds.")


def demo(course: Course, into: Path, *, workers: int | None) -> int:
    """Build and grade the class of sample submissions; see `mlm demo --help`."""
    rubric = course.rubric("practice")
    submitted = into / "submitted"
    make_results(into / "grading")
    with held(into / "grading"), filing(into):
        if submitted.exists():
            shutil.rmtree(submitted)
        names = build_class(course.root / SAMPLES, course, rubric, submitted)
    _OUT.print(f"A class of {len(names)} sample submissions is in {submitted}.")
    code = grade(course, rubric.assignment, submitted, into / "grading", hidden_seed=None, workers=workers)
    # Memos wait for a person, as they should: the demonstration has done all it can.
    return ALL_GRADED if code == NEEDS_PERSON else code
