"""What a learner's notebook imports: at home it answers at once, and agrees with the grading."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autograder.assignment.key import PANEL_FILE, Keyed, expected
from autograder.assignment.release_file import RELEASE_FILE
from autograder.assignment.rubric import Rubric, Says
from autograder.records.grading import Cell, Ending, ItemResult, NotebookRun, SubmittedNotebook
from autograder.records.verdict_signs import SIGNS
from autograder.sandbox.wire import plain_value
from autograder.scoring.distinct_answers import checked_panel
from autograder.scoring.items import resolve_dependencies, score_notebook
from autograder.student import check, load_panel, progress, reveal
from autograder.tutor.cards import PALETTES, Card
from autograder.tutor.checking import card_for
from autograder.tutor.progress import FOLDER, Notes, Progress, read_study
from autograder.tutor.tutor import Tutor, tutor_in
from reference.panels import tutorial_panel

Capture = pytest.CaptureFixture[str]
WRONG_ICCS = (0.41, 0.42, 0.43, 0.44)


def graded(rubric: Rubric, task: str, answers: Mapping[str, object], own: Keyed) -> dict[str, ItemResult]:
    """Return what grading says of a notebook's answers on one panel."""
    cells = tuple(Cell("code", "", name, locked=True) for name in answers)
    run = NotebookRun(task, Ending.FINISHED, answers={name: plain_value(value) for name, value in answers.items()})
    results = score_notebook(rubric, SubmittedNotebook(task, cells), [(own, run)])
    return resolve_dependencies(rubric, [result for result in results if result.item in answers])


def without_notes(tutor: Tutor) -> None:
    for notebook in tutor.rubrics[0].notebook:
        tutor.notes.write(notebook.name, Progress())


def test_the_panel_is_the_tutorials(alone: Path) -> None:
    pd.testing.assert_frame_equal(load_panel(), tutorial_panel().frame)


@pytest.mark.parametrize("seed", [None, 3, 4])
def test_check_and_grading_never_disagree_on_known_answers(
    rubric: Rubric, alone: Path, panels: tuple[Keyed, ...], seed: int | None
) -> None:
    own = panels[0]
    if seed is not None:
        own = replace(checked_panel(rubric, seed), hidden=False)
        (alone / PANEL_FILE).write_bytes(own.panel.to_csv_bytes())
    tutor, compared = tutor_in(alone), 0
    for notebook in rubric.notebook:
        for item in notebook.item:
            if item.kind == "manual":
                continue
            known = {"right": expected(item, own.answers), **own.answers.mistakes.get(item.id, {})}
            for name, value in {**known, "a text": "a text", "None": None, "far": 1e9}.items():
                without_notes(tutor)
                card = card_for(tutor, item.id, value)
                wanted = graded(rubric, notebook.name, {item.id: value}, own)[item.id]
                assert card.sign == SIGNS[wanted.verdict], (item.id, name)
                assert card.lines[0] == wanted.reason
                if wanted.mistake:
                    assert wanted.hint in card.lines
                compared += 1
    assert compared > 100


TASK = "task1-icc"
near = st.floats(0.9, 1.1) | st.just(1.0) | st.floats(0.0, 30.0)


@given(shares=st.fixed_dictionaries({"var_store": near, "var_residual": near, "icc": near}), digits=st.integers(1, 12))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
def test_check_and_grading_never_disagree_on_a_whole_notebook(
    rubric: Rubric, tutor: Tutor, panels: tuple[Keyed, ...], shares: dict[str, float], digits: int
) -> None:
    # Rounded, carried forward, resting on another: what one answer is worth depends on the others.
    own = panels[0]
    answers: dict[str, object] = {}
    without_notes(tutor)
    for name, share in shares.items():
        right = own.answers.values[name]
        assert isinstance(right, float)
        answers[name] = round(right * share, digits)
        card = card_for(tutor, name, answers[name])
        wanted = graded(rubric, TASK, answers, own)[name]
        assert (card.sign, card.lines[0]) == (SIGNS[wanted.verdict], wanted.reason)


def test_hints_come_in_steps_and_running_again_is_not_a_step(rubric: Rubric, tutor: Tutor) -> None:
    item = next(item for item in rubric.items if item.id == "icc")
    told = [[note.text for note in card_for(tutor, "icc", value).notes] for value in (0.41, 0.41, 0.42, 0.43, 0.44)]
    assert told[0] == told[1] == [item.question]
    assert told[2] == [item.question, item.advice]
    assert told[3][:2] == told[2]
    assert item.read in told[3][2]
    assert told[4][:3] == told[3]
    assert "var_store and var_residual" in told[4][3]
    assert "the answer you gave before" in card_for(tutor, "icc", 0.44).as_text()
    right = tutor.key(rubric).answers.values["icc"]
    assert not card_for(tutor, "icc", right).notes
    assert len(card_for(tutor, "icc", 0.41).notes) == 1


def test_a_value_of_the_wrong_type_uses_up_no_hint(tutor: Tutor) -> None:
    assert not card_for(tutor, "icc", "high").notes
    assert len(card_for(tutor, "icc", 0.4).notes) == 1


def test_every_item_has_a_question_and_a_section(rubric: Rubric) -> None:
    assert [item.id for item in rubric.items if item.kind != "manual" and not (item.question and item.read)] == []


def test_every_section_to_read_is_in_the_course(rubric: Rubric, root: Path) -> None:
    pages = sorted((root / "course").glob("*/*.md"))
    if not pages:
        pytest.skip("this checkout has no course pages")
    titles = {tuple(re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)) for page in pages}
    known = {f"{page[0]} › {section}" for page in titles for section in page[1:]}
    assert [item.id for item in rubric.items if item.read and item.read not in known] == []


def test_no_card_gives_a_value_away(rubric: Rubric, tutor: Tutor) -> None:
    key = tutor.key(rubric).answers
    for item in rubric.items:
        right = key.values.get(item.id)
        if not isinstance(right, float) or not right:
            continue  # "0" is in every sentence that says from where to where a number lies
        for value in (1e9, "a text", None):
            card = replace(card_for(tutor, item.id, value), foot=None)
            assert f"{right:.3g}" not in card.as_text(), item.id


def test_the_score_is_that_of_grading_and_grows(rubric: Rubric, tutor: Tutor, capsys: Capture) -> None:
    key = tutor.key(rubric).answers
    for item in rubric.items:
        if item.kind != "manual":
            right = expected(item, key)
            card = card_for(tutor, item.id, dict(right) if isinstance(right, Mapping) else right)
    assert card.foot == "4 of 10 points in “The memo”, 44 of 50 altogether."
    progress()
    printed = capsys.readouterr().out
    assert "Altogether 44 of 50 points." in printed
    assert "Everything that a machine can judge is right." in printed
    assert printed.count("█" * 20) == 4


def test_an_answer_that_was_shown_earns_nothing_and_progress_says_so(
    rubric: Rubric, tutor: Tutor, capsys: Capture
) -> None:
    right = tutor.key(rubric).answers.values["icc"]
    assert isinstance(right, float)
    reveal("icc")
    assert f"{right:.6g}" in capsys.readouterr().out
    check("icc", right)
    assert "0 of 10 points" in capsys.readouterr().out
    progress()
    assert "shown to you: icc" in capsys.readouterr().out


def test_what_was_right_before_it_was_shown_keeps_its_points(rubric: Rubric, tutor: Tutor, capsys: Capture) -> None:
    check("icc", tutor.key(rubric).answers.values["icc"])
    reveal("icc")
    assert "4 of 10 points" in capsys.readouterr().out.splitlines()[-1]


def test_every_answer_can_be_shown(rubric: Rubric, alone: Path, capsys: Capture) -> None:
    for item in rubric.items:
        reveal(item.id)
        printed = capsys.readouterr().out
        assert ("a person reads it" if item.kind == "manual" else "no longer earns points") in printed


@pytest.mark.parametrize(
    ("says", "wrong", "score"),
    [
        ("everything", "Ask yourself", "of 10 points in"),
        ("right or wrong", "Not right.", "0 of 10 points in"),
        ("recorded", "Noted as a number.", "1 of 4 answers noted in"),
    ],
)
def test_the_teacher_chooses_what_check_says(
    handed_out: Callable[[Says], Path], says: Says, wrong: str, score: str, capsys: Capture
) -> None:
    handed_out(says)
    # Wrong, then right in part: of the latter nothing is to be seen where only right or wrong is told.
    check("icc", 0.41)
    check("icc", 0.06)
    reveal("icc")
    progress()
    printed = capsys.readouterr().out
    assert wrong in printed
    assert score in printed
    assert ("Ask yourself" in printed) == ("rounded" in printed) == (says == "everything")
    assert "only where you study alone" in printed
    assert ("points" in printed.split("Your progress")[1]) == (says != "recorded")


def test_what_came_with_the_notebooks_must_be_readable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    (tmp_path / RELEASE_FILE).write_text('{"id": "479759f2694672de"}')
    monkeypatch.chdir(tmp_path)
    check("icc", 0.06)
    assert "icc: noted" in capsys.readouterr().out


class Hostile:
    """A learner's object whose every use raises."""

    def __getattribute__(self, name: str) -> object:
        raise RuntimeError("do not touch")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("icc",), "There is no icc in this session yet."),
        (("icc", "6 %"), "This must be one number, but it is a text."),
        (("icc", pd.DataFrame({"a": [1, 2]})), "it is a table with 2 rows and one column."),
        (("icc", load_panel), "This must be one number, but it is a"),
        (("icc", Hostile()), "icc"),
        (("top5", 14), "This must be a list of names, best first, but it is a number."),
        (("icq", 0.06), "Did you mean icc?"),
        (("something else entirely", 1), "Is it spelt as in the task?"),
        (("icc_readin",), "Did you mean icc_reading?"),
        ((0.06,), 'check("var_store", var_store)'),
        ((0.06, "icc"), 'check("var_store", var_store)'),
        (("memo", "Dear Marta"), "A person reads this and grades it."),
    ],
)
def test_whatever_is_given_there_is_a_card_and_no_traceback(
    alone: Path, arguments: tuple[object, ...], said: str, capsys: Capture
) -> None:
    check(*arguments)  # type: ignore[arg-type]
    assert said in capsys.readouterr().out


def test_a_name_alone_reads_the_variable(alone: Path, capsys: Capture) -> None:
    exec('var_store = "much"; check("var_store")', {"check": check})
    assert "it is a text" in capsys.readouterr().out


def test_a_fault_of_ours_is_said_on_a_card(alone: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    def broken(self: Tutor, rubric: Rubric) -> Keyed:
        raise RuntimeError("a bug")

    monkeypatch.setattr(Tutor, "key", broken)
    check("icc", 0.06)
    printed = capsys.readouterr().out
    assert "not your doing: RuntimeError: a bug" in printed
    assert "Traceback" not in printed


def test_an_unknown_language_is_said_and_the_answer_is_not_lost_on_it(
    alone: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setenv("MLM_LANGUAGE", "fr")
    check("icc", 0.06)
    assert "There are: de, en." in capsys.readouterr().out
    monkeypatch.setenv("MLM_LANGUAGE", "de")
    check("icc", 0.41)
    assert "Frag dich: Wovon ist eine ICC ein Anteil" in capsys.readouterr().out


def test_notes_outlive_the_session_and_a_damaged_file_counts_as_none(alone: Path, tutor: Tutor) -> None:
    card_for(tutor, "icc", 0.41)
    kept = Notes(alone).read(TASK)
    assert kept.values == {"icc": plain_value(0.41)}
    assert kept.answers["icc"].tries == 1
    (path,) = (alone / FOLDER).glob("task*.json")
    json.loads(path.read_text(encoding="utf-8"))
    path.write_text('{"answers": {"icc"')
    assert Notes(alone).read(TASK) == Progress()


def as_pipe(path: Path) -> None:
    os.mkfifo(path)


def as_link(path: Path) -> None:
    path.symlink_to("/dev/zero")


def as_folder(path: Path) -> None:
    path.mkdir()


def as_hole(path: Path) -> None:
    path.touch()
    os.truncate(path, 10**12)


def holding(content: bytes) -> Callable[[Path], None]:
    return lambda path: path.write_bytes(content) and None


@pytest.mark.parametrize(
    "put",
    [
        *(as_pipe, as_link, as_folder, as_hole),
        holding(b'{"answers": ' + b'{"x":' * 200_000 + b"1" + b"}" * 200_001),
        holding(b"[" * 200_000),
        holding(b'{"unknown": ' + b"[" * 200_000 + b"]" * 200_000 + b"}"),
        holding(b'{"answers": {"icc": {"value": {"kind": "number", "value": 1' + b"0" * 100_000 + b"}}}}"),
        holding(b'{"answers": {"icc": {"value": {"kind": "number", "value": 1}, "tries": 1' + b"0" * 5_000 + b"}}}"),
        holding(b'{"answers": [], "revealed": 3}'),
        holding(b'{"answers": {"icc": {"value": 0.4}}}'),
        holding(b"\xff\xfe{}"),
        holding(b""),
        holding(b"null"),
    ],
)
def test_whatever_lies_in_the_place_of_the_notes_counts_as_none(
    alone: Path, capsys: Capture, put: Callable[[Path], None]
) -> None:
    put(alone / FOLDER / f"{TASK}.json")
    assert Notes(alone).read(TASK) == Progress()
    check("icc", 0.41)
    progress()
    assert "icc" in capsys.readouterr().out
    (alone / FOLDER / "study.json").unlink()
    put(alone / FOLDER / "study.json")
    assert read_study(alone) is None


def test_where_nothing_can_be_written_notes_last_for_the_session(tmp_path: Path) -> None:
    (tmp_path / FOLDER).write_text("in the way")
    notes = Notes(tmp_path)
    notes.write(TASK, Progress(revealed=frozenset({"icc"})))
    assert notes.read(TASK).revealed == {"icc"}
    assert Notes(tmp_path).read(TASK) == Progress()


def luminance(colour: str) -> float:
    """Relative luminance, WCAG 2.2."""
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("theme", PALETTES)
def test_every_colour_can_be_read_on_its_ground(theme: str) -> None:
    palette = PALETTES[theme]
    pairs = [(name, "ground") for name in ("text", "quiet", "good", "part", "wait", "bad")] + [("text", "soft")]
    for text, ground in pairs:
        light, dark = sorted((luminance(palette[text]), luminance(palette[ground])), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5, (text, ground)
    assert PALETTES["light"].keys() == PALETTES["dark"].keys()


def test_a_card_is_html_and_text_of_the_same_words(tutor: Tutor) -> None:
    card = card_for(tutor, "icc", 0.41)
    bundle = card._repr_mimebundle_()
    assert bundle.keys() == {"text/html", "text/plain"}
    for text in (card.heading, *card.lines, *(note.text for note in card.notes)):
        assert text in bundle["text/plain"]
        assert text in bundle["text/html"]
    assert repr(card) == bundle["text/plain"]
    assert "<script" not in bundle["text/html"]
    assert "http" not in bundle["text/html"]


def test_a_learners_words_do_not_become_html() -> None:
    card = Card("bad", "?", "<b>icc</b>", ("<script>",))
    assert "<script>" not in card.as_html()
    assert "<b>" not in card.as_html()


def test_words_whose_ground_has_no_answer_yet_say_so(alone: Path, capsys: Capture) -> None:
    check("preferred", "random slope")
    printed = capsys.readouterr().out
    assert "rests on what has no answer yet, and counts together with it: lrt_p" in printed
    check("lrt_p", 0.002632)
    capsys.readouterr()
    check("preferred", "random slope")
    assert "has no answer yet" not in capsys.readouterr().out
