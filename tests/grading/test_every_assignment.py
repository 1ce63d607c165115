"""What must hold for every assignment there is: words for each mistake, checked panels, answers that do not mix."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from autograder import student
from autograder.assignment import course as course_module
from autograder.assignment.course import Course
from autograder.assignment.key import Keyed, expected, own_panel
from autograder.assignment.rubric import Item, Rubric
from autograder.cli import main
from autograder.grading.pipeline import Grading, grade_submission
from autograder.grading.submission import SubmissionFolder, read_submission
from autograder.records.grading import Verdict
from autograder.sandbox.boxes import Boxes
from autograder.sandbox.wire import key_value, plain_value
from autograder.scoring.distinct_answers import FROM_EACH_OTHER, checked_panel, distance_of, examine
from autograder.scoring.items import judge_alone
from autograder.scoring.one_answer import STOPPED_EARLY, judge_value
from autograder.tutor import tutor as tutor_module

ROOT = Path(__file__).resolve().parents[2]
NAMES = Course(ROOT / "solutions").assignments


@pytest.fixture(params=NAMES)
def each(request: pytest.FixtureRequest, gradings: dict[str, Grading]) -> Grading:
    """The grading of each assignment in turn."""
    return gradings[request.param]


def machine_graded(rubric: Rubric) -> Iterator[Item]:
    return (item for item in rubric.items if item.kind != "manual")


def changed(rubric: Rubric, name: str, **to: object) -> Rubric:
    """Return a rubric with one item changed."""
    notebooks = tuple(
        msgspec.structs.replace(
            notebook,
            item=tuple(msgspec.structs.replace(i, **to) if i.id == name else i for i in notebook.item),
        )
        for notebook in rubric.notebook
    )
    return msgspec.structs.replace(rubric, notebook=notebooks)


def test_assignments_share_no_name(course: Course) -> None:
    rubrics = [course.rubric(name) for name in NAMES]
    assert [rubric.assignment for rubric in rubrics] == ["practice", "extension"]
    items = [item.id for rubric in rubrics for item in rubric.items]
    notebooks = [notebook.name for rubric in rubrics for notebook in rubric.notebook]
    assert len(items) == len(set(items))
    assert len(notebooks) == len(set(notebooks))


def test_every_known_mistake_has_words_and_every_word_a_mistake(each: Grading) -> None:
    rubric = each.rubric
    known = {(i, name) for keyed in each.panels for i, named in keyed.answers.mistakes.items() for name in named}
    items = {item.id: item for item in rubric.items}
    assert len({name for _, name in known}) >= 12
    assert [(i, name) for i, name in sorted(known) if not items[i].hints.get(name)] == []
    for item in rubric.items:
        assert item.no_fit is True or set(item.no_fit or ()) <= {*item.hints, STOPPED_EARLY}, item.id


def test_every_item_that_can_be_wrong_has_advice(each: Grading) -> None:
    assert [item.id for item in machine_graded(each.rubric) if not item.advice] == []


def test_right_and_wrong_are_told_apart_on_every_panel(each: Grading) -> None:
    rubric = each.rubric
    for keyed in (*each.panels, checked_panel(rubric, 31)):
        for item in machine_graded(rubric):
            right = judge_value(rubric, item, key_value(expected(item, keyed.answers)), keyed.answers)
            assert right.finding.verdict is Verdict.CORRECT, (keyed.panel.source, item.id)
            mistakes = keyed.answers.mistakes.get(item.id, {})
            for name, value in mistakes.items():
                judged = judge_value(rubric, item, key_value(value), keyed.answers)
                same = {other for other, like in mistakes.items() if distance_of(item, value, like, keyed) < 1e-6}
                words = {item.hints.get(other) for other in same}
                assert item.hints.get(judged.mistake or "") in words, (keyed.panel.source, item.id, name)
                assert judged.finding.share <= 0.5


def test_the_learners_panel_keeps_its_distance(each: Grading) -> None:
    assert examine(each.rubric, each.panels[0]).closest.margin >= FROM_EACH_OTHER


@pytest.mark.parametrize("factor", [100.0, 0.01])
def test_a_tolerance_of_the_extension_a_hundred_times_off_is_noticed(
    gradings: dict[str, Grading], factor: float
) -> None:
    """Those of practice are put to the whole gate in test_checked_panels."""
    grading = gradings["extension"]
    compared = [item for item in grading.rubric.items if item.tolerance is not None]
    assert len(compared) >= 15
    for item in compared:
        # From 1 on it is refused when the rubric is read.
        tolerance = min((item.tolerance or 0.0) * factor, 0.999)
        examined = examine(changed(grading.rubric, item.id, tolerance=tolerance), grading.panels[0])
        assert any(item.id == problem.item for problem in examined.problems), item.id


def test_the_extensions_solution_is_right_on_another_panel(course: Course, gradings: dict[str, Grading]) -> None:
    grading = gradings["extension"]
    rubric = grading.rubric
    solution = read_submission(SubmissionFolder("solution", course.source("extension")), grading.release)
    with Boxes() as boxes:
        graded = grade_submission(Grading(rubric, grading.release, (checked_panel(rubric, 31),)), solution, boxes.run)
    assert {item.item: item.reason for item in graded.items if item.verdict is not Verdict.CORRECT} == {}


def said_at_home(name: str, value: object, capsys: pytest.CaptureFixture[str]) -> str:
    student.check(name, value)
    return capsys.readouterr().out


@pytest.mark.parametrize("name", NAMES)
def test_at_home_each_assignment_has_its_panel_and_its_answers(
    name: str,
    gradings: dict[str, Grading],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = tmp_path / name
    folder.mkdir()
    monkeypatch.chdir(folder)
    own = gradings[name].panels[0]
    assert student.load_panel(name).equals(own.panel.frame)
    for item in list(machine_graded(gradings[name].rubric))[::5]:
        right = expected(item, own.answers)
        assert said_at_home(item.id, right, capsys).startswith("✓")


@pytest.fixture
def twins(course: Course, tmp_path: Path) -> Course:
    """A course in which a copy of the extension has an item and a notebook of the same name as practice has."""
    for folder in ("solutions", "exercises"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    (tmp_path / "exercises" / "extension" / "task1-cities.ipynb").rename(
        tmp_path / "exercises" / "extension" / "task1-icc.ipynb"
    )
    rubric = tmp_path / "solutions" / "extension" / "assignment.toml"
    text = rubric.read_text(encoding="utf-8")
    text = text.replace('"task1-cities"', '"task1-icc"').replace('"store_means"', '"var_store"')
    rubric.write_text(text, encoding="utf-8")
    return Course(tmp_path / "solutions")


def test_an_item_of_two_assignments_is_that_of_the_panel_loaded_last(
    twins: Course, panels: tuple[Keyed, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(course_module, "installed_course", lambda: twins)
    monkeypatch.setattr(tutor_module, "installed_course", lambda: twins)
    monkeypatch.chdir(twins.root)
    monkeypatch.setattr(student, "_loaded", [])
    right = panels[0].answers.values["var_store"]
    student.load_panel("extension")
    # There the name is that of means, by name.
    assert not said_at_home("var_store", right, capsys).startswith("✓")
    student.load_panel("practice")
    assert said_at_home("var_store", right, capsys).startswith("✓")


def test_a_notebook_of_two_assignments_is_that_of_its_folder(
    twins: Course, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    apart = tmp_path / "elsewhere"
    apart.mkdir()
    shutil.copy(twins.release("practice") / "task1-icc.ipynb", apart)
    with pytest.raises(SystemExit) as ended:
        main(["check", str(apart / "task1-icc.ipynb"), "--course", str(twins.root)])
    assert ended.value.code == 2
    assert "practice and extension have a notebook task1-icc.ipynb each" in capsys.readouterr().err
    with pytest.raises(SystemExit) as ended:
        main(["check", str(twins.release("practice") / "task1-icc.ipynb")])
    assert ended.value.code == 1
    assert "icc_reading" in capsys.readouterr().out


def test_an_answer_is_judged_by_its_own_rubric_alone(gradings: dict[str, Grading]) -> None:
    rubric = gradings["extension"].rubric
    item = next(item for item in rubric.items if item.id == "share_city")
    keyed = own_panel(rubric)
    result = judge_alone(rubric, item, plain_value(keyed.answers.mistakes["share_city"]["both_levels"]), keyed)
    assert result.mistake == "both_levels"
    assert result.hint == item.hints.get("both_levels")


EXTREME = (0.0, -0.0, 5e-324, 1e-9, -1.0, 100.0, 1e100, -1e154, 1e200, 1.797e308, -1.797e308)


@pytest.mark.filterwarnings("ignore:overflow encountered")
def test_numbers_at_the_ends_of_what_floats_hold_are_judged(each: Grading) -> None:
    """Whatever a learner states is an answer, also beside other answers as far away."""
    rubric, keyed = each.rubric, each.panels[0]
    rng = random.Random(1)
    numbers = [item.id for item in machine_graded(rubric) if isinstance(keyed.answers.values.get(item.id), float)]
    for _ in range(40):
        own = {name: plain_value(rng.choice(EXTREME)) for name in numbers}
        for item in machine_graded(rubric):
            low, high = rng.choice(EXTREME), rng.choice(EXTREME)
            for value in (own.get(item.id, plain_value(low)), plain_value({"low": low, "high": high})):
                assert 0.0 <= judge_value(rubric, item, value, keyed.answers, own).finding.share <= 1.0
