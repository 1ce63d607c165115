"""Panels and rubrics that tell right from wrong: the check of panels, the gate, and what a careless rubric would do."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest

from autograder.assignment.course import Course
from autograder.assignment.declaration import load_rubric
from autograder.assignment.key import Keyed, expected, hidden_panel, own_panel, scale_of
from autograder.assignment.release import ReleasedNotebook, make_release, parse_release
from autograder.assignment.rubric import Rubric
from autograder.errors import KeyUnavailable, ReleaseError, RubricError
from autograder.grading.release_gate import prove
from autograder.records.grading import Ending, NotebookRun, SubmittedNotebook, Verdict
from autograder.sandbox.run_store import Store
from autograder.sandbox.wire import key_value
from autograder.scoring import distinct_answers
from autograder.scoring.distinct_answers import FROM_EACH_OTHER, FROM_RIGHT, checked_panel, distance_of, examine
from autograder.scoring.items import score_notebook
from autograder.scoring.one_answer import judge_value

#: A hundredth of how far a right answer may be moved before it has to be wrong.
JUST_BEYOND = 1.01


@pytest.fixture(scope="session")
def checked(rubric: Rubric, request: pytest.FixtureRequest) -> list[Keyed]:
    """As many checked panels as asked for: twelve, or pytest --panels 200 for all that were promised."""
    return [checked_panel(rubric, seed) for seed in range(request.config.getoption("--panels"))]


def score_everything(rubric: Rubric, keyed: Keyed, changes: Mapping[str, object]) -> dict[str, tuple[Verdict, float]]:
    """Score a learner who has every answer right but those changed, on one panel."""
    scored = {}
    for entry in rubric.notebook:
        answers = {
            item.id: key_value(changes.get(item.id, expected(item, keyed.answers)))
            for item in entry.item
            if item.kind != "manual"
        }
        run = NotebookRun(entry.name, Ending.FINISHED, answers=answers)
        for result in score_notebook(rubric, SubmittedNotebook(entry.name, ()), [(keyed, run)]):
            scored[result.item] = (result.verdict, result.score / result.points, result.mistake)
    return scored


def test_right_answers_score_everything_on_every_checked_panel(rubric: Rubric, checked: list[Keyed]) -> None:
    for keyed in checked:
        scored = score_everything(rubric, keyed, {})
        assert {verdict for verdict, _, _ in scored.values()} == {Verdict.CORRECT, Verdict.NEEDS_PERSON}


def test_every_mistake_is_recognised_on_every_checked_panel(rubric: Rubric, checked: list[Keyed]) -> None:
    seen = set()
    for keyed in checked:
        for item in rubric.items:
            mistakes = keyed.answers.mistakes.get(item.id, {})
            for name, value in mistakes.items():
                # Alone, as no other answer could then explain it.
                judged = judge_value(rubric, item, key_value(value), keyed.answers)
                same = {other for other, like in mistakes.items() if distance_of(item, value, like, keyed) < 1e-6}
                assert judged.mistake in same, (keyed.panel.source, item.id, name)
                assert judged.finding.share <= 0.5
                seen.add((item.id, name))
    assert len({name for _, name in seen}) >= 25
    assert len(seen) >= 50


def test_nothing_just_beyond_a_tolerance_is_accepted(rubric: Rubric, checked: list[Keyed]) -> None:
    for keyed in checked:
        for item in rubric.items:
            right = expected(item, keyed.answers) if item.kind != "manual" else None
            if not isinstance(right, float) or item.kind in ("p_value", "count"):
                continue
            objective = keyed.answers.answers[item.id].objective
            if objective is not None and objective.inputs == (item.id,):
                continue  # how good it is by the criterion counts, and not how far it is
            scale = scale_of(item, keyed.answers)
            unit = {"estimate": scale.standard_error, "variance": abs(right), "statistic": max(abs(right), 1.0)}
            for side in (-1.0, 1.0):
                moved = right + side * JUST_BEYOND * item.tolerance * unit.get(item.kind, 1.0)
                judged = judge_value(rubric, item, key_value(moved), keyed.answers)
                # A search that stopped just short of the highest log-likelihood, and misleads nobody, keeps a part.
                short = side < 0 and judged.finding.verdict is Verdict.PARTIAL
                assert judged.finding.share == (0.5 if short else 0.0)
                assert not short or (item.kind, judged.mistake) == ("log_likelihood", "stopped_early")


def test_checked_panels_are_the_same_for_the_same_seed(rubric: Rubric, checked: list[Keyed]) -> None:
    again = checked_panel(rubric, 1)
    assert again.panel.to_csv_bytes() == checked[1].panel.to_csv_bytes()
    assert again.hidden
    assert len({keyed.panel.to_csv_bytes() for keyed in checked}) == len(checked)


def test_a_panel_that_confuses_answers_is_not_used(rubric: Rubric) -> None:
    for seed in range(40):
        problems = examine(rubric, hidden_panel(rubric, seed)).problems
        if problems:
            break
    assert re.search(r"tolerances apart|is taken for", problems[0].said)


def test_the_learners_own_panel_keeps_its_distance(rubric: Rubric) -> None:
    examined = examine(rubric, own_panel(rubric))
    assert FROM_EACH_OTHER <= examined.closest.margin < FROM_RIGHT
    assert all(taken == given for (_, given), taken in examined.confusion.items())


def tolerances(rubric: Rubric) -> list[str]:
    return [item.id for item in rubric.items if item.tolerance is not None]


def with_tolerance(text: str, item: str, tolerance: float) -> str:
    """Return an assignment.toml in which an item has a tolerance, whether it had one or its question's."""
    before, mark, rest = text.partition(f'id = "{item}"\n')
    head, end, others = rest.partition("[[notebook.item]]")
    head = re.sub(r"^tolerance = .*\n", "", head, flags=re.MULTILINE)
    return f"{before}{mark}tolerance = {tolerance:.12f}\n{head}{end}{others}"


def refused(course: Course, path: Path, release: tuple[ReleasedNotebook, ...]) -> str:
    try:
        prove(course, load_rubric(path.parent), release, Store(path.parents[1] / "runs"), panels=1)
    except (RubricError, ReleaseError) as error:
        return str(error)
    return "it was released"


@pytest.mark.parametrize("factor", [100.0, 0.01])
def test_a_tolerance_a_hundred_times_off_is_refused(
    course: Course, rubric: Rubric, tmp_path: Path, factor: float
) -> None:
    shutil.copytree(course.source("practice"), tmp_path / "practice")
    path = tmp_path / "practice" / "assignment.toml"
    text = path.read_text(encoding="utf-8")
    release = parse_release(make_release(course, rubric))
    known = {item.id: item.tolerance for item in rubric.items}
    for name in tolerances(rubric):
        path.write_text(with_tolerance(text, name, (known[name] or 0.0) * factor), encoding="utf-8")
        refusal = refused(course, path, release)
        assert name in refusal, (name, refusal)


def test_an_item_whose_answers_can_never_be_told_apart_is_the_rubrics_fault(rubric: Rubric, monkeypatch) -> None:
    monkeypatch.setattr(distinct_answers, "MOST_TRIES", 3)
    coarse = tuple(
        msgspec.structs.replace(
            notebook,
            item=tuple(
                msgspec.structs.replace(item, tolerance=0.9) if item.id == "lrt_chi2" else item
                for item in notebook.item
            ),
        )
        for notebook in rubric.notebook
    )
    with pytest.raises(KeyUnavailable, match=r"Of 3 panels of the seed 5 none .* lrt_chi2"):
        checked_panel(msgspec.structs.replace(rubric, notebook=coarse), 5)


def test_a_solution_that_is_wrong_is_not_released(course: Course, rubric: Rubric, tmp_path: Path) -> None:
    folder = tmp_path / "solutions" / "practice"
    folder.mkdir(parents=True)
    for path in filter(Path.is_file, course.source("practice").iterdir()):
        text = path.read_text(encoding="utf-8")
        (folder / path.name).write_text(text.replace("float(extra * slope)", "float(slope)"), encoding="utf-8")
    shutil.copy(course.root / "course.toml", folder.parent)
    release = parse_release(make_release(course, rubric))
    with pytest.raises(
        ReleaseError, match=r"task5-memo.ipynb, cell 'gain_average': the solution gave .* like 'one_unit'"
    ):
        prove(Course(tmp_path / "solutions"), rubric, release, Store(tmp_path / "runs"), panels=1)


def test_a_release_that_gives_an_answer_away_is_not_released(course: Course, rubric: Rubric, tmp_path: Path) -> None:
    release = parse_release(make_release(course, rubric))
    given_away = tuple(
        replace(
            notebook,
            cells=tuple(
                replace(cell, source="media_means = panel[['youtube', 'facebook', 'newspaper']].mean()")
                if cell.grade_id == "centre_media"
                else cell
                for cell in notebook.cells
            ),
        )
        for notebook in release
    )
    with pytest.raises(ReleaseError, match=r"cell 'media_means': as it is handed out it answers .* and earns 2 points"):
        prove(course, rubric, given_away, Store(tmp_path / "runs"), panels=1)


def test_noise_of_good_software_is_tolerated(rubric: Rubric, checked: list[Keyed]) -> None:
    rng = np.random.default_rng(1)
    for keyed in checked[:5]:
        for item in rubric.items:
            right = expected(item, keyed.answers) if item.kind != "manual" else None
            if isinstance(right, float) and item.kind in ("variance", "statistic", "estimate"):
                near = right * (1.0 + 2e-6 * rng.standard_normal())
                assert judge_value(rubric, item, key_value(near), keyed.answers).finding.verdict is Verdict.CORRECT
