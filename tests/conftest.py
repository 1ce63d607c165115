"""What every test may use: the course of this checkout, its rubrics, and the sample classes, graded once."""

from __future__ import annotations

import fcntl
import os
import pickle
import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from autograder.assignment.course import Course
from autograder.assignment.key import Keyed
from autograder.assignment.release import read_release
from autograder.assignment.rubric import Rubric
from autograder.assignment.samples import build_class
from autograder.grading.page_files import write_class_pages
from autograder.grading.pipeline import Grading, grade_class, prepare_panels
from autograder.grading.submission import find_submissions
from autograder.records.grading import Grade
from autograder.results.folder import Asked
from autograder.sandbox.boxes import Boxes

ROOT = Path(__file__).resolve().parents[1]
SAMPLES = ROOT / "tests" / "submissions"

#: Any seed will do; a fixed one makes a failure repeatable.
HIDDEN_SEED = 20


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT


@pytest.fixture(scope="session")
def course() -> Course:
    """The course of this checkout."""
    return Course(ROOT / "solutions")


@pytest.fixture(scope="session")
def gradings(course: Course) -> dict[str, Grading]:
    """What a grading run of each assignment needs: its rubric, its release, its own panel and a hidden one."""
    rubrics = map(course.rubric, course.assignments)
    return {
        rubric.assignment: Grading(rubric, read_release(course, rubric), prepare_panels(rubric, HIDDEN_SEED))
        for rubric in rubrics
    }


@pytest.fixture(scope="session")
def rubric(course: Course) -> Rubric:
    """The rubric of the practice assignment."""
    return course.rubric("practice")


@pytest.fixture(scope="session")
def panels(grading: Grading) -> tuple[Keyed, ...]:
    """The tutorial's panel and a hidden one, with their answers."""
    return grading.panels


@pytest.fixture(scope="session")
def grading(course: Course, rubric: Rubric) -> Grading:
    """What a grading run of the practice assignment needs."""
    return Grading(rubric, read_release(course, rubric), prepare_panels(rubric, HIDDEN_SEED))


Once = Callable[[str, Callable[[Path], None]], Path]


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Once:
    """Return a folder that one of the processes that run the tests fills, while the others that need it wait."""
    home = tmp_path_factory.getbasetemp()
    home = home.parent if "PYTEST_XDIST_WORKER" in os.environ else home

    def once(name: str, make: Callable[[Path], None]) -> Path:
        with (home / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (home / name / "whole").exists():
                (home / name).mkdir()
                make(home / name)
                (home / name / "whole").touch()
        return home / name

    return once


@dataclass(frozen=True)
class GradedClass:
    """The sample classes of all assignments: where the results are, and the grades by learner."""

    into: Path
    grades: dict[str, Grade]


@pytest.fixture(scope="session")
def graded_class(course: Course, gradings: dict[str, Grading], made_once: Once) -> GradedClass:
    """Every sample submission, graded in the box on both panels of its assignment, in one gradebook; to be read."""

    def make(home: Path) -> None:
        grades: dict[str, Grade] = {}
        for assignment, grading in gradings.items():
            build_class(SAMPLES, course, grading.rubric, home / "submitted" / assignment)
            folders, _ = find_submissions(home / "submitted" / assignment, assignment)
            with Boxes() as boxes:
                graded = list(grade_class(grading, folders, home / "grading", boxes, Asked()))
            write_class_pages(grading.rubric, graded, home / "grading")
            grades |= {grade.student: grade for grade in graded}
        (home / "grades").write_bytes(pickle.dumps(grades))

    home = made_once("class", make)
    return GradedClass(home / "grading", pickle.loads((home / "grades").read_bytes()))


@pytest.fixture(scope="session")
def hidden_seed() -> int:
    """The seed of the hidden panel on which the sample classes are graded."""
    return HIDDEN_SEED


@pytest.fixture(scope="session")
def wheel(root: Path, made_once: Once) -> Path:
    """A wheel of this checkout, built in a copy of it."""

    def make(home: Path) -> None:
        skipped = shutil.ignore_patterns(".*", "build", "*.egg-info", "__pycache__", "tests")
        shutil.copytree(root, home / "source", ignore=skipped)
        code = f"from setuptools import build_meta; build_meta.build_wheel({str(home)!r})"
        subprocess.run([sys.executable, "-c", code], cwd=home / "source", check=True, capture_output=True)

    return next(made_once("wheel", make).glob("*.whl"))


Chromium = Callable[[], AbstractContextManager[Any]]


@pytest.fixture(scope="session")
def chromium() -> Chromium:
    """Return what starts a Chromium without a window, and ends it again; where there is none, skip, and say so."""
    names = ("chromium", "chromium-browser", "google-chrome")
    program = next(filter(None, map(shutil.which, names)), None)
    if program is None:
        pytest.skip("no Chromium: scripts/set-up installs it on Debian (apt-get install chromium)")

    from playwright.sync_api import sync_playwright  # not among the libraries of scripts/test-lowest

    @contextmanager
    def started() -> Iterator[Any]:
        with sync_playwright() as driver, driver.chromium.launch(executable_path=program, args=["--no-sandbox"]) as one:
            yield one

    return started


@pytest.fixture(scope="module")
def browser(chromium: Chromium) -> Iterator[Any]:
    """A Chromium for the tests of a file."""
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="session")
def pool() -> Iterator[ThreadPoolExecutor]:
    """Threads for tests that open many boxes."""
    with ThreadPoolExecutor(2) as executor:
        yield executor


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the tests that draw from something large run on all of it."""
    parser.addoption("--kernel-samples", type=int, default=1, help="samples to run in a real kernel too; 100 for all")
    parser.addoption("--panels", type=int, default=12, help="checked panels to test the rubric on; 200 for all")
    parser.addoption("--attacks", default="30", help="attacks to grade: how many, or names with commas, or all")
    parser.addoption("--everyday", default="40", help="honest cases to grade: how many, or names with commas, or all")
    parser.addoption("--mutants", type=int, default=6, help="how many of 500 mutated notebooks to run in the box")
    parser.addoption("--submissions", type=int, default=2, help="how many leave things behind in the box; 200 for all")
    parser.addoption("--kills", type=int, default=0, help="how often a grading is killed; else 3, or 50 with --whole")
    parser.addoption("--autograded", type=int, default=1, help="samples that nbgrader's command grades; 100 for all")
    parser.addoption("--statsmodels", type=int, default=20, help="panels to fit by statsmodels; 2000 for all")
    parser.addoption("--courses", type=int, default=1, help="example courses to prove; 3 for all")
    parser.addoption("--draw", type=int, default=0, help="seed by which attacks, mutants and samples are drawn")
    parser.addoption("--whole", action="store_true", help="run what takes minutes and has its parts tested elsewhere")
    parser.addoption("--rewrite-cards", action="store_true", help="write what cards say anew, to be read in the diff")
    parser.addoption("--every-page", action="store_true", help="audit every page of the site, not one of each kind")


# Of what is drawn, `scripts/test --fast` tries little, and the same each time.
settings.register_profile("fast", max_examples=10, derandomize=True)

#: What `scripts/test --fast` leaves out: what uses these fixtures, and tests by the beginnings of their names.
SLOW_FIXTURES = {"attacked_class", "browser", "graded_class", "ran", "site", "undisturbed", "wheel"}
SLOW = (
    "attacks/",
    "box/test_box.py",
    "box/test_neighbours.py",
    "box/test_packages.py::test_a_package_of_the_course",
    "box/test_packages.py::test_a_release_and_the_grading",
    "box/test_reading.py::test_a_large_cell",
    "box/test_run_store.py::test_ends_that_may_be",
    "box/test_run_store.py::test_the_same_is_run_once",
    "box/test_statements.py::test_a_hundred_thousand_lines",
    "box/test_statements.py::test_what_is_told_of_errors_is_short",
    "box/test_walls.py",
    "cluster/test_cluster.py::test_a_run",
    "cluster/test_cluster.py::test_a_worker",
    "cluster/test_cluster.py::test_marks",
    "cluster/test_cluster.py::test_workers",
    "cluster/test_command.py::test_a_scheduler",
    "cluster/test_command.py::test_workers",
    "course/test_experiments.py",
    "course/test_figures.py::test_a_description_follows_the_data",
    "course/test_figures.py::test_a_figure_uses_the_palette",
    "courses/test_courses.py",
    "desk/test_exchange.py",
    "desk/test_gradebook.py::test_three_late_ones",
    "desk/test_regrading.py::test_an_undo_says",
    "desk/test_regrading.py::test_who_cannot_be_regraded",
    "desk/test_term.py",
    "desk/test_ungraded.py",
    "desk/test_whole_term.py",
    "everyday/",
    "faults/test_faults.py",
    "faults/test_interruptions.py",
    "fuzzing/",
    "grading/test_checked_panels.py::test_a_release_that_gives",
    "grading/test_checked_panels.py::test_a_solution_that_is_wrong",
    "grading/test_checked_panels.py::test_a_tolerance_a_hundred_times_off",
    "grading/test_checked_panels.py::test_right_answers_score_everything",
    "grading/test_earlier_releases.py",
    "grading/test_every_assignment.py::test_a_notebook_of_two",
    "grading/test_every_assignment.py::test_a_tolerance_of_the_extension_a_hundred_times_off",
    "grading/test_every_assignment.py::test_every_known_mistake",
    "grading/test_every_assignment.py::test_right_and_wrong",
    "grading/test_every_assignment.py::test_the_extensions_solution_is_right_on_another_panel",
    "grading/test_files.py::test_a_bomb_in_a_zip",
    "grading/test_kept_proof.py::test_a_draw_that_will_not",
    "grading/test_kept_proof.py::test_after_a_changed_sentence",
    "grading/test_proof_faults.py",
    "grading/test_proposed.py::test_the_code_gives",
    "grading/test_proposed_tables.py::test_a_code",
    "grading/test_proposed_tables.py::test_a_factor_is_at",
    "grading/test_proposed_tables.py::test_a_slope_that",
    "grading/test_pruning.py::test_a_release_says",
    "grading/test_released_extra.py::test_for_study",
    "grading/test_right_ways.py",
    "grading/test_solution.py",
    "play/test_in_a_browser.py",
    "play/test_solutions.py",
    "project/test_clean_environment.py",
    "project/test_learners_install.py",
    "project/test_readme.py::test_learn",
    "project/test_readme.py::test_make",
    "project/test_readme.py::test_teach",
    "samples/test_command.py::test_a_page_that_cannot_be_made",
    "samples/test_command.py::test_a_whole_class",
    "samples/test_command.py::test_check_tells_a_learner",
    "samples/test_command.py::test_every_learner_to_look_at",
    "samples/test_command.py::test_grades_of_another_release",
    "samples/test_command.py::test_grading_ends_with_one_where_a_memo_waits",
    "samples/test_command.py::test_nbgrader_makes_the_same_release",
    "samples/test_command.py::test_our_failure",
    "samples/test_command.py::test_release_writes",
    "samples/test_command.py::test_what_could_not_be_read",
    "samples/test_formgrader.py",
    "samples/test_kernel_samples.py",
    "samples/test_nbgrader.py",
    "statistics/test_any_formula.py::test_it_answers",
    "statistics/test_bootstrap.py::test_fixed_effect_of_a_balanced_layout",
    "statistics/test_bootstrap.py::test_statistic_is_that_of_the_comparison",
    "statistics/test_certified.py::test_effects_that_can_stand_for_each_other",
    "statistics/test_certified.py::test_every_fit_is_certified",
    "statistics/test_certified.py::test_no_brute_force",
    "statistics/test_certified.py::test_statsmodels_arrives",
    "statistics/test_certified.py::test_the_lowest_optimum",
    "statistics/test_comparison.py::test_variance_standard_errors",
    "statistics/test_goldens.py::test_r_makes_the_same",
    "statistics/test_intervals.py::test_deviance_at_the_limits_of_fixed_effects_is_at_the_cutoff[crossed-slope",
    "statistics/test_intervals.py::test_deviance_at_the_limits_of_variances",
    "statistics/test_intervals.py::test_units_do_not_matter_with_several_factors",
    "statistics/test_kenward_roger.py::test_too_many_effects",
    "statistics/test_refits.py::test_every_fit_is_that",
    "statistics/test_staged.py::test_many_levels[large",
    "statistics/test_tables.py::test_hundreds_of_dummies",
    "statistics/test_uncertainty.py::test_probability_to_be_at_the_top_of_very_many",
    "study/test_browser.py",
    "study/test_hostile_releases.py::test_a_course_that_is_named",
    "study/test_kernel.py",
    "study/test_practice.py::test_every_answer",
    "study/test_student.py::test_check_and_grading_never_disagree_on_known_answers",
)
#: Tests that are run with `--fast` all the same, so that it leaves no part out.
FAST = (
    "attacks/test_attacks.py::test_the_folders_of_the_corpus_are_whole",
    "box/test_box.py::test_a_server_on_the_hosts_loopback",
    "box/test_box.py::test_ending_python_costs_the_rest_of_this_notebook",
    "box/test_box.py::test_forged_events",
    "box/test_box.py::test_nothing_outlives_a_notebook",
    "box/test_box.py::test_output_without_end",
    "box/test_box.py::test_outputs_are_those_of_a_notebook",
    "box/test_box.py::test_the_engine_can_be_imported",
    "box/test_box.py::test_the_panel_of_the_run",
    "box/test_neighbours.py::test_no_more_time_is_lost_than_passed",
    "box/test_neighbours.py::test_who_sleeps_loses_nothing",
    "box/test_neighbours.py::test_who_waits_while_nobody_else_runs",
    "box/test_run_store.py::test_the_same_is_run_once",
    "box/test_walls.py::test_every_notebook_draws_random_numbers_of_its_own",
    "box/test_walls.py::test_nothing_that_is_set_on_an_open_file",
    "box/test_walls.py::test_what_a_notebook_shows_is_what_jupyter_shows",
    "courses/test_courses.py::test_eight",
    "courses/test_courses.py::test_the_tables",
    "desk/test_ungraded.py::test_a_zip_of_pages",
    "fuzzing/test_fuzzing.py::test_every_mutated_line_is_understood_or_left_out",
    "grading/test_proof_faults.py::test_a_wrong_solution",
    "grading/test_proposed.py::test_the_code_gives_what_the_library_knows[Oxboys",
    "faults/test_interruptions.py::test_a_signal_is_heeded_where_a_library",
    "faults/test_interruptions.py::test_an_ignored_signal_stays_so",
    "statistics/test_certified.py::test_every_fit_is_certified[0]",
    "study/test_studying.py::test_the_command_says_what_the_cards_say[recorded",
)


#: Tests of many parts at once, minutes each: they run with `--whole`, and each part is tested by itself as well.
WHOLE = (
    "cluster/test_command.py::test_a_scheduler",
    "cluster/test_whole.py",
    "desk/test_term.py",
    "desk/test_whole_term.py",
    "faults/test_faults.py::test_everything_is_run_anew",
    "faults/test_faults.py::test_two_at_once_into_one_database",
    "play/test_in_a_browser.py",
    "project/test_clean_environment.py",
    "project/test_readme.py::test_learn",
    "project/test_readme.py::test_make",
    "project/test_readme.py::test_teach",
)
WHOLE_FIXTURES = {"tour"}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark the tests that take long; leave out the longest and the forms not drawn, unless the whole is asked for."""
    forms: dict[str, list[pytest.Item]] = {}
    for item in items:
        name = item.nodeid.removeprefix("tests/")
        uses = set(getattr(item, "fixturenames", ()))
        if (SLOW_FIXTURES & uses or name.startswith(SLOW)) and not name.startswith(FAST):
            item.add_marker(pytest.mark.slow)
        if (WHOLE_FIXTURES & uses or name.startswith(WHOLE)) and not config.getoption("--whole"):
            item.add_marker(pytest.mark.skip(reason="--whole runs it"))
        elif item.get_closest_marker("drawn") and not config.getoption("--whole"):
            forms.setdefault(item.nodeid.partition("[")[0], []).append(item)
    for group in forms.values():
        mark = group[0].get_closest_marker("drawn")
        drawn = random.Random(config.getoption("--draw")).sample(range(len(group)), min(mark.args[0], len(group)))
        for place, item in enumerate(group):
            if place not in drawn:
                item.add_marker(pytest.mark.skip(reason="others were drawn; --whole runs it"))
