"""Mistakes that cannot be told from other answers are left out by a release, which says so, and then in grading."""

from __future__ import annotations

from pathlib import Path

import pytest
from own_course import WHOLE, make_own_course

from autograder.assignment.course import Course
from autograder.assignment.declaration import load_rubric
from autograder.assignment.key import Keyed, hidden_panel, own_panel
from autograder.assignment.pruned import Pruned, read_pruned
from autograder.cli import main
from autograder.errors import KeyUnavailable, ReleaseError, RubricError
from autograder.grading import pruning
from autograder.grading.pruning import prune
from autograder.scoring.distinct_answers import Drawn, checked_panel, examine

#: Mistakes of the question in `own_course`, the first of which can be told from everything else.
NEARLY = {"nearly": "1.0035 * found"}
TWINS = {"one": "2.0 * found", "other": "2.001 * found"}


def with_mistakes(folder: Path, mistakes: dict[str, str], *, right: str = "-found") -> None:
    words = "".join(f'{name} = "This is {name}."\n' for name in mistakes)
    returned = "".join(f', "{name}": {value}' for name, value in mistakes.items())
    text = WHOLE.replace('turned round."\n', f'turned round."\n{words}').replace("-found}", f"{right}{returned}}}")
    (folder / "extra.py").write_text(text, encoding="utf-8")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_own_course(tmp_path)


def pruned(folder: Path) -> tuple[Pruned, dict[int, Drawn]]:
    rubric = load_rubric(folder, whole=True)
    own = own_panel(rubric)
    return prune(rubric, own, examine(rubric, own), 1, lambda seeds, _: seeds, lambda _: None)


def test_where_enough_tables_will_do_nothing_is_left_out_and_they_are_used(folder: Path) -> None:
    found, ready = pruned(folder)
    assert found == {}
    assert list(ready) == list(range(1, 1 + pruning.ENOUGH))
    assert ready[1].keyed.panel.to_csv_bytes() == checked_panel(load_rubric(folder), 1).panel.to_csv_bytes()


def test_what_is_too_near_to_the_right_answer_goes_and_its_count_is_said(folder: Path) -> None:
    with_mistakes(folder, NEARLY)
    assert pruned(folder) == ({"range": {"nearly": "lies 3.5 tolerances from 'right' on 24 of 24 that were drawn"}}, {})


def test_of_two_that_are_alike_one_goes(folder: Path) -> None:
    with_mistakes(folder, TWINS)
    found, _ = pruned(folder)
    (reason,) = found["range"].values()
    assert found["range"].keys() <= TWINS.keys()
    assert reason in [
        f"lies 0.{tenths} tolerances from {name!r} on the learners' table and 24 of 24 that were drawn"
        for tenths in (5, 0)
        for name in TWINS
    ]


def test_an_item_of_which_no_mistake_is_left_has_too_large_a_tolerance(folder: Path) -> None:
    with_mistakes(folder, NEARLY, right="1.004 * found")
    assert (
        pruned(folder)[0]["range"].keys()
        == own_panel(Course(folder.parent).rubric("ex")).answers.mistakes["range"].keys()
    )
    path = folder / "assignment.toml"
    path.write_text(path.read_text().replace("points = 2", "points = 2, tolerance = 0.0011"), encoding="utf-8")
    with pytest.raises(ReleaseError, match=r"item 'range': none of its known mistakes .* 'nearly' lies .*smaller"):
        pruned(folder)


def test_what_stands_in_the_way_on_few_tables_stays(folder: Path) -> None:
    """The next draw is taken instead."""
    with_mistakes(folder, {"often_nearly": "found * (1.0035 if len(modes) % 2 else 2.0)"})
    found, _ = pruned(folder)
    assert found == {}


def test_without_a_release_the_grading_says_what_stands_in_the_way_and_ends_early(folder: Path) -> None:
    with_mistakes(folder, NEARLY)
    with pytest.raises(KeyUnavailable) as ended:
        checked_panel(load_rubric(folder), 1)
    assert str(ended.value) == (
        "Of 20 panels of the seed 1 none tells the answers of 'ex' apart. Most often: range: 'nearly' lies 3.5 "
        "tolerances from 'right' on 20 of 20 panels: make the tolerance smaller, ask for more decimals, or leave one "
        "out by `without`."
    )


def run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as ended:
        main([str(one) for one in arguments])
    return int(ended.value.code or 0)


def test_a_release_says_and_keeps_what_it_left_out(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with_mistakes(folder, NEARLY)
    release = ("release", "ex", "--panels", 2, "--course", folder.parent)
    assert run(*release) == 0
    said = capsys.readouterr().out
    assert "Left out: the mistake 'nearly' of range, which lies 3.5 tolerances from 'right' on 24 of 24" in said
    kept = (folder / "pruned.toml").read_text(encoding="utf-8")
    assert kept.startswith("# Written anew by each `mlm release`")
    rubric = load_rubric(folder)
    assert rubric.items[0].without == ("nearly",)
    assert rubric.items[0].hints.keys() == {"upside_down"}
    assert own_panel(rubric).answers.mistakes["range"].keys() == {"upside_down"}
    assert examine(rubric, checked_panel(rubric, 3)).problems == ()

    def again(*_: object, **__: object) -> Keyed:
        raise AssertionError("what is left out is found once")

    monkeypatch.setattr(pruning, "hidden_panel", again)
    path = folder / "extra.py"
    assert run(*release) == 0
    assert (folder / "pruned.toml").read_text(encoding="utf-8") == kept
    monkeypatch.setattr(pruning, "hidden_panel", hidden_panel)
    path.write_text(WHOLE, encoding="utf-8")
    with pytest.raises(RubricError, match=r"pruned\.toml: there is no mistake 'nearly' of .* mlm release"):
        load_rubric(folder)
    assert run(*release) == 0
    assert not (folder / "pruned.toml").exists()
    assert load_rubric(folder).items[0].without == ()


@pytest.mark.parametrize("text", ["[range", "range = 3", "[range]\nnearly = 3"])
def test_a_damaged_file_is_refused_and_the_release_writes_it_anew(folder: Path, text: str) -> None:
    (folder / "pruned.toml").write_text(text, encoding="utf-8")
    with pytest.raises(RubricError, match=r"pruned\.toml: .*mlm release"):
        load_rubric(folder)
    assert load_rubric(folder, whole=True).items[0].without == ()


def test_nothing_is_left_out_of_our_assignments(course: Course) -> None:
    for name in course.assignments:
        assert read_pruned(course.source(name)) == {}
