"""`mlm release` and `mlm panels check`: what is proved of an assignment before learners meet it."""

from __future__ import annotations

from collections import Counter
from functools import partial
from pathlib import Path

from rich.progress import Progress
from rich.table import Table

from autograder.assignment.course import Course
from autograder.assignment.key import hidden_panel
from autograder.assignment.pruned import Pruned, write_pruned
from autograder.assignment.release import make_release, parse_release, write_release
from autograder.assignment.release_file import RELEASE_FILE, kept_file, public
from autograder.commands.console import ALL_GRADED, NEEDS_PERSON, OUT, progress_bar
from autograder.grading.release_gate import prove
from autograder.language.catalogue import LANGUAGES, Sentence, translated
from autograder.play.pages import write_play
from autograder.sandbox.boxes import count_workers
from autograder.sandbox.run_store import Store
from autograder.scoring.distinct_answers import Problem, examine, reasons


def release(course: Course, assignment: str, *, panels: int, workers: int | None) -> int:
    """Prove that an assignment grades as it should, and write its notebooks; see `mlm release --help`."""
    rubric = course.rubric(assignment, whole=True)
    for language in LANGUAGES:
        # A translation that does not fit is found before learners meet it.
        course.rubric(assignment, language, whole=True)
    made = make_release(course, rubric, whole=True)
    with progress_bar() as progress:
        proof = prove(
            course,
            rubric,
            parse_release(made),
            Store(course.root / ".mlm" / "runs" / assignment),
            panels=panels,
            workers=count_workers(workers),
            progress=lambda steps, what: progress.track(steps, total=len(steps), description=what),
            tried=partial(_tell, progress),
        )
    _print_left_out(proof.pruned)
    pair = proof.closest
    OUT.print(
        f"Proved on the learners' panel and on {panels} hidden ones. The closest two answers are {pair.one!r} "
        f"and {pair.other!r} of {pair.item}: {pair.margin:.1f} tolerances apart."
    )
    kept = write_pruned(course.source(assignment), proof.pruned)
    made = make_release(course, course.rubric(assignment))
    for language in LANGUAGES:
        public(made).rubric(Path(RELEASE_FILE), language)  # what learners get must hold together without the rest
    for path in [*([kept] if kept else []), *write_release(course, made)]:
        OUT.print(f"Released {path}")
    OUT.print(f"It is the release {made.id}, kept in {kept_file(course.source(assignment), made.id)}")
    for file, text in made.notebooks.items():
        if any(translated(Sentence("new.placeholder"), language) in text for language in LANGUAGES):
            OUT.print(f"{file} does not say yet who asks and why: mlm new left a line for that in its first cell.")
    return ALL_GRADED


def play(course: Course, assignment: str, into: Path, *, vendored: bool, parts: Path | None) -> int:
    """Write the page of what was released, and say what to do with it; see `mlm release --help`."""
    made = make_release(course, course.rubric(assignment))
    for page in write_play([made], into, vendored=vendored, source=parts):
        OUT.print(f"Its page is {page}")
    OUT.print(
        f"Put the folder {into} on any web server with https. To try it: python -m http.server --directory {into}"
    )
    return ALL_GRADED


def _print_left_out(pruned: Pruned) -> None:
    for item, named in pruned.items():
        for mistake, why in named.items():
            OUT.print(f"Left out: the mistake {mistake!r} of {item}, which {why}.")
    if pruned:
        OUT.print(
            "There is nothing to do. To keep one of them make the item's tolerance smaller, or ask for more decimals; "
            "name it in `without` so that it is not looked for."
        )


def _tell(progress: Progress, tries: int) -> None:
    """Show how many tables were drawn for a panel, where the first will not do: some searches are long."""
    for task in progress.tasks[-1:]:
        what = task.description.partition(", table")[0]
        progress.update(task.id, description=f"{what}, table {tries + 1}" if tries else what)


def check_panels(course: Course, assignment: str | None, count: int, first: int, *, confusion: bool) -> int:
    """Examine the panels of some seeds, and print which will do and why not; see `mlm panels check --help`."""
    rubric = course.rubric(assignment or course.assignments[0])
    met: list[tuple[Problem, ...]] = []
    taken_for: Counter[tuple[str, str, str]] = Counter()
    with progress_bar() as progress:
        for seed in progress.track(range(first, first + count), description="Checking panels"):
            examined = examine(rubric, hidden_panel(rubric, seed, tried=partial(_tell, progress)))
            met.append(examined.problems)
            if not examined.problems:
                taken_for.update((item, given, taken) for (item, given), taken in examined.confusion.items())
    passed = met.count(())
    OUT.print(f"{passed} of {count} seeds give a panel that can be graded on. For the others the next draw is taken.")
    for reason in reasons(met):
        OUT.print(f"  {reason}")
    if confusion:
        _print_confusion(taken_for)
    return ALL_GRADED if passed else NEEDS_PERSON


def _print_confusion(taken_for: Counter[tuple[str, str, str]]) -> None:
    table = Table(box=None, pad_edge=False)
    for name in ("Item", "Answer given", "Taken for", "Panels"):
        table.add_column(name, no_wrap=True, justify="right" if name == "Panels" else "left")
    for (item, given, taken), times in sorted(taken_for.items()):
        table.add_row(item, given, "itself" if taken == given else taken, str(times))
    OUT.print(table)
    confused = sum(times for (_, given, taken), times in taken_for.items() if taken != given)
    OUT.print("Every answer is taken for itself." if not confused else f"{confused} answers are taken for another.")
