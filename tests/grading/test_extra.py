"""Questions of an author's own, in ``extra.py``: what they can, and every slip in a sentence with file and line."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from own_course import ASSIGNMENT, BODY, DECORATOR, HEAD, WHOLE, make_own_course

from autograder.assignment.course import Course
from autograder.assignment.declaration import load_rubric
from autograder.assignment.key import hidden_panel, own_panel
from autograder.commands.doctor import protected_files
from autograder.errors import CourseError, RubricError
from autograder.scoring.distinct_answers import examine
from reference.questions import LIBRARY, QuestionError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_own_course(tmp_path)


def test_a_question_of_ones_own_is_one_of_its_assignment_alone(folder: Path) -> None:
    before = dict(LIBRARY)
    rubric = load_rubric(folder)
    assert (rubric.items[0].title, rubric.items[0].decimals) == ("Range of the schools", 2)
    own, hidden = own_panel(rubric), hidden_panel(rubric, 3)
    assert own.answers.values["range"] == -own.answers.mistakes["range"]["upside_down"] > 0
    assert hidden.answers.values["range"] != own.answers.values["range"]
    assert examine(rubric, own).problems == ()
    assert before == LIBRARY
    assert not list(folder.glob("__pycache__"))
    (folder / "extra.py").unlink()
    with pytest.raises(RubricError, match="there is no question 'mode_range'"):
        load_rubric(folder)


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        (HEAD + "def broken(:\n", 3, "SyntaxError: "),
        (HEAD + "1 / 0\n", 3, "ZeroDivisionError: division by zero"),
        (HEAD + "import no_such_library\n", 3, "ModuleNotFoundError: No module named 'no_such_library'"),
        (HEAD + "quit()\n", 3, "SystemExit"),
        (HEAD + "# \xfc\n", None, "UnicodeDecodeError: "),
        (WHOLE.replace("mode_range", "icc"), 4, "there is a question 'icc' already; give the function another name."),
        (WHOLE + DECORATOR + BODY, 15, "there is a question 'mode_range' already"),
        (WHOLE.replace("[en]", "[en"), 4, "question 'mode_range', words: "),
        (WHOLE.replace("title =", "titel ="), 4, "question 'mode_range', words: Object contains unknown field `titel`"),
        (WHOLE.replace("*, model", "model"), 4, "question 'mode_range' takes fits, model; it should take the fits, *"),
        (WHOLE.replace("model: ModelName", "model"), 4, "question 'mode_range', key 'model': give its type"),
        (WHOLE.replace("model: ModelName", "model: 'Modelname'"), None, "NameError: name 'Modelname' is not defined"),
        (WHOLE.replace("kind=", "knd="), 4, "TypeError: question() got an unexpected keyword argument 'knd'"),
    ],
)
def test_a_slip_in_the_file_is_said_with_its_line(folder: Path, text: str, line: int | None, said: str) -> None:
    path = folder / "extra.py"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(RubricError) as refused:
        load_rubric(folder)
    assert str(refused.value).startswith(f"{path}, line {line}: " if line else str(path))
    assert said in str(refused.value)
    assert str(refused.value).endswith("Correct it there.")


def test_a_kind_that_there_is_not_is_listed_and_a_tolerance_asked_for(folder: Path) -> None:
    path = folder / "extra.py"
    path.write_text(WHOLE.replace('"statistic"', '"statistics"'))
    with pytest.raises(RubricError, match=r"item 'range', key 'kind': there is no kind 'statistics'\. There are: "):
        load_rubric(folder)
    path.write_text(WHOLE.replace("tolerance=0.001, ", ""))
    with pytest.raises(RubricError, match="item 'range', key 'tolerance': kind 'statistic' needs one between 0 and 1"):
        load_rubric(folder)


def returning(value: str, kind: str = "statistic") -> str:
    body = BODY.replace("return Answer(found, ", f"return {value}\n    return Answer(found, ")
    return (HEAD + DECORATOR + body).replace('"statistic"', f'"{kind}"')


ALSO = 'points = 2, also = {{ x = "{}" }}, hints = {{ x = "words" }}'
LEVELS = '{ ask = "group_values", id = "levels", model = "levels", effect = "Intercept", level = "school", points = 1 }'
OWN = '{ ask = "sentence", id = "own", slots.a = { own = "levels" }, points = 1 }'
FAILED = "item 'range': the question 'mode_range' failed in extra.py, line "
SAID = "item 'range': the question 'mode_range', Answer: "


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (WHOLE.replace("modes.max()", "modes.maximum()"), f"{FAILED}12: AttributeError: 'numpy.ndarray' object has no"),
        (returning("{}['a']"), f"{FAILED}13: KeyError: 'a'. Correct it there."),
        (returning("fits.mixed('level')"), "item 'range': there is no model 'level'; there is levels."),
        (returning("found"), "item 'range': the question 'mode_range' returned a float; return an Answer."),
        (returning("None"), "item 'range': the question 'mode_range' returned None; return an Answer."),
        (returning("Answer(None)"), f"{SAID}value is None; give a number, a text, a tuple of names"),
        (returning("Answer(np.nan)"), f"{SAID}value is nan; give a finite number, or say in faults"),
        (returning("Answer(-np.inf)"), f"{SAID}value is -inf; give a finite number"),
        (returning("Answer(modes)"), f"{SAID}value is a numpy ndarray; give one number, by float(...)"),
        (returning("Answer(modes.max())"), f"{SAID}value is a numpy float64; write float(...)"),
        (returning("Answer(True)"), f"{SAID}value is a bool; give a number or a text"),
        (returning("Answer(['a', 'b'])", "ranking"), f"{SAID}value is a list; write tuple(...) around it"),
        (returning("Answer((0.5, 'b'))", "ranking"), f"{SAID}value[0] is a float; a ranking is a tuple of names"),
        (returning("Answer({'a': np.nan})", "by_name"), f"{SAID}value['a'] is nan; give a finite number"),
        (returning("Answer(1.0, {'upside_down': np.nan})"), f"{SAID}mistakes['upside_down'] is nan; give a finite"),
        (returning("Answer(1.0, {'doubled': 2.0})"), f"{SAID}the mistake 'doubled' has no words; add some to [en.mis"),
        (returning("Answer(1.0, objective=Objective(('rng',), abs))"), "item 'range': there is no item 'rng'; there "),
        (returning("Answer(1.0, standard_error=np.nan)"), f"{SAID}standard_error is nan; give a positive float"),
        (
            returning("Answer(1.0)", "estimate"),
            "kind 'estimate': the question 'mode_range' gives no standard_error",
        ),
        (
            returning("Answer(('S1', 'S2'))", "ranking"),
            "kind 'ranking': the question 'mode_range' gives no scores. ",
        ),
        (
            returning("Answer('S1')"),
            "kind 'statistic': the question 'mode_range' gives an answer that is none",
        ),
        (returning("Answer(1.0, {'upside_down': 'S1'})"), "gives the mistake 'upside_down' that is none of that kind"),
        (returning("Answer(7.0)", "p_value"), "gives an answer that is none of that kind: 7.0. Correct one of them."),
    ],
)
def test_a_slip_in_a_question_is_said_by_the_item(folder: Path, text: str, said: str) -> None:
    if 'kind="ranking"' in text:
        text = text.replace("tolerance=0.001, decimals=2, ", "")
    (folder / "extra.py").write_text(text, encoding="utf-8")
    with pytest.raises(CourseError) as refused:
        own_panel(load_rubric(folder))
    assert str(refused.value).startswith("ex: ")
    assert said in str(refused.value)


def test_a_slip_that_only_other_tables_show_is_said_too(folder: Path) -> None:
    """On a table that was drawn the same sentences come: the search for one ends with them."""
    text = BODY.replace(
        "    return", "    if 'S1' not in set(fits.frame['school']):\n        raise KeyError('S1')\n    return"
    )
    (folder / "extra.py").write_text(HEAD + DECORATOR + text, encoding="utf-8")
    rubric = load_rubric(folder)
    assert own_panel(rubric).answers.values["range"] > 0
    with pytest.raises(CourseError, match=r"ex: item 'range': .* failed in extra\.py, line 14: KeyError: 'S1'"):
        hidden_panel(rubric, 1)


STEP = """
def _step(items, *, model):
    return Step(("own",), lambda value: value / 0)
"""


def test_a_slip_in_a_step_is_said(folder: Path) -> None:
    own = ', { ask = "icc", id = "own", model = "levels", level = "school", points = 1 }]'
    (folder / "assignment.toml").write_text(ASSIGNMENT.replace(" }]", f" }}{own}"), encoding="utf-8")
    whole = HEAD + STEP + DECORATOR.replace("kind=", "step=_step, kind=") + BODY
    (folder / "extra.py").write_text(whole, encoding="utf-8")
    step = own_panel(load_rubric(folder)).answers.steps["range"]
    with pytest.raises(QuestionError, match=r"failed in extra\.py, line 5: ZeroDivisionError"):
        step.compute(1.0)
    (folder / "extra.py").write_text(whole.replace('("own",)', "1 / 0"), encoding="utf-8")
    with pytest.raises(RubricError, match=r"item 'range': .* failed in extra\.py, line 5: ZeroDivisionError"):
        load_rubric(folder)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("points = 2", 'points = 2, kind = "estimate"', "kind 'estimate': the question 'mode_range' gives no"),
        ("points = 2", 'points = 2, kind = "table"', "kind 'table': the question 'mode_range' gives an answer"),
        ("points = 2", ALSO.format("right / 0"), "item 'range': key 'also', mistake 'x': 'right / 0' comes to no"),
        ("points = 2 }", f"points = 2 }}, {LEVELS}, {OWN}", "item 'own', slot 'a': 'levels' is no number; name"),
        ("school = {", "schol = {", "the table of ex has no column 'schol', of which 'columns' speaks; it has "),
        ("score ~ prior", "score ~ prir", "column 'prir' is not in the table, which has school, prior, score; add it"),
    ],
)
def test_what_does_not_fit_the_table_is_its_authors_whichever_table_is_asked_for(
    folder: Path, old: str, new: str, said: str
) -> None:
    (folder / "assignment.toml").write_text(ASSIGNMENT.replace(old, new), encoding="utf-8")
    rubric = load_rubric(folder)
    for door in (own_panel, partial(hidden_panel, seed=1)):
        with pytest.raises(CourseError) as refused:
            door(rubric)
        assert said in str(refused.value)


@pytest.mark.parametrize("where", ["submitted", "submitted/ada", "submitted/ada/ex"])
def test_no_course_is_taken_from_among_the_submissions(folder: Path, where: str) -> None:
    """There a learner's extra.py would be run outside the box."""
    with pytest.raises(CourseError, match="lies in the folder of the submissions"):
        Course(folder / where).require_apart(folder / "submitted")


def test_before_each_grading_the_box_is_searched_for_the_courses_own_code(folder: Path) -> None:
    assert folder / "extra.py" in protected_files(Course(folder.parent))
