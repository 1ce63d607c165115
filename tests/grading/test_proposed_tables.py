"""What `mlm new` proposes for tables as people have them: names of any kind, factors, gaps, products."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from autograder.authoring.naming import names_of, slug
from autograder.authoring.notebooks import code_span, codes, source_notebook
from autograder.authoring.proposal import Proposal, propose
from autograder.authoring.solutions import ANSWER, fits_used
from autograder.errors import CourseError
from reference import compare_nested, fit, predict_new_groups, predict_population
from reference.errors import DesignError
from reference.questions import LIBRARY, Dataset, answer_key


def words(groups: int = 16, **names: str) -> Dataset:
    """Return twelve readings of each word, with a length of the word, a code, an arm, and a slope of the minutes."""
    rng = np.random.default_rng(21)
    word = np.repeat(np.arange(groups), 12)
    frame = pd.DataFrame({"word": [f"w{one:02d}" for one in word], "length": 4 + word % 5})
    frame["code"] = np.tile(np.arange(4), 3 * groups)
    frame["arm"] = np.where(word % 2, "B+", "B-")
    frame["minutes"] = rng.normal(5.0, 2.0, len(frame)).round(2)
    level, slope = rng.normal(0.0, 3.0, groups)[word], rng.normal(2.0, 1.5, groups)[word]
    score = 40 + level + (slope + (word % 2)) * frame["minutes"] + 2.0 * frame["code"] + frame["length"]
    frame["score"] = (score + rng.normal(size=len(frame))).round(2)
    return Dataset.from_csv(frame.rename(columns=names).to_csv(index=False).encode(), "words.csv")


def asked(proposal: Proposal) -> dict[str, str]:
    return {one.item: one.question for one in proposal.items}


def check_code(proposal: Proposal, data: Dataset) -> None:
    """Compare what the proposed solution computes with what the library knows."""
    fits, key = proposal.fits(data), answer_key(proposal.setting, proposal.items, LIBRARY, data)
    for task in proposal.tasks:
        for item, code in codes(task, fits).items():
            if LIBRARY[fits.items[item].question].kind in ("estimate", "statistic"):
                names = {"panel": data.frame, "pd": pd, "fit": fit, "compare_nested": compare_nested}
                names |= {"predict_population": predict_population, "predict_new_groups": predict_new_groups}
                exec("\n".join([*fits_used(fits, [code.right]), code.right]), names)
                assert names[ANSWER] == pytest.approx(key.values[item], rel=1e-6), item


def first_cell(proposal: Proposal, data: Dataset, language: str = "en") -> str:
    text = source_notebook("words", proposal, proposal.tasks[0], proposal.fits(data), language)
    return "".join(json.loads(text)["cells"][0]["source"])


def test_a_slope_that_stands_in_a_product_too_is_not_asked_one_by_one() -> None:
    data = words()
    proposal = propose(data, "score ~ minutes * arm + (1 + minutes | word)")
    assert not {"group_values", "ranking"} & set(asked(proposal).values())
    assert {"effects_correlation", "coefficient", "expected"} <= set(asked(proposal).values())
    assert any(
        "about the words one by one" in one and "has minutes:arm, so that the slope of minutes" in one
        for one in proposal.remarks
    )
    both = propose(data, "score ~ minutes + arm + (1 + minutes | word)")
    assert {"group_values"} <= set(asked(both).values())
    assert not any("one by one" in one for one in both.remarks)


def test_groups_whose_name_is_a_word_of_a_predictors_name_are_no_predictor() -> None:
    data = words(word="Wort", length="Wort Länge", score="Zeit (ms)")
    proposal = propose(data, "`Zeit (ms)` ~ `Wort Länge` + minutes + (1 | Wort)", "de")
    places = [one.parameters["at"] for one in proposal.items if "at" in one.parameters and one.question == "expected"]
    assert places == [{}]
    check_code(proposal, data)


def test_a_text_with_blanks_in_its_name_is_at_one_of_its_levels() -> None:
    data = words(arm="Arm der Studie")
    proposal = propose(data, "score ~ `Arm der Studie` + minutes + (1 | word)")
    place = next(one.parameters["at"] for one in proposal.items if one.question == "expected")
    assert place == {"Arm der Studie": "B+"}
    check_code(proposal, data)


@pytest.mark.parametrize("written", ["factor(code)", "C(code)", "C(code, contr.sum)", "factor(`code`)"])
def test_a_code_that_stands_as_a_factor_is_at_a_level_and_not_at_its_mean(written: str) -> None:
    data = words()
    proposal = propose(data, f"score ~ {written} + minutes + (1 | word)")
    assert next(one.parameters["at"] for one in proposal.items if one.question == "expected") == {"code": 0}
    last = source_notebook("words", proposal, proposal.tasks[-1], proposal.fits(data), "en")
    assert "code 0, every predictor" in last
    check_code(proposal, data)


def test_a_factor_is_at_a_level_that_tables_like_it_have() -> None:
    data = words()
    rare = data.frame.assign(arm=np.where(data.frame["word"] == "w00", "pilot", data.frame["arm"]))
    proposal = propose(Dataset(rare, "words.csv"), "score ~ factor(code) + arm + minutes + (1 | word)")
    place = next(one.parameters["at"] for one in proposal.items if one.question == "expected")
    assert place == {"arm": "B+", "code": 0}


def test_answers_have_names_that_differ_and_can_be_read() -> None:
    data = words(minutes="α", length="β")
    proposal = propose(data, "score ~ α + β + arm + (1 | word)")
    assert {"slope_alpha", "slope_beta", "slope_arm_t_b_minus"} <= asked(proposal).keys()
    assert len(asked(proposal)) == len(proposal.items.asked)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("dose[T.+]", "dose_t_plus"),
        ("group[T.S-10]", "group_t_s_10"),
        ("x:z", "x_z"),
        ("I(x ** 2)", "i_x_2"),
        ("Größe", "groesse"),
        ("été", "ete"),
        ("θ1", "theta_1"),
        ("?", "x"),
    ],
)
def test_a_name_is_written_in_letters_that_every_tool_takes(text: str, name: str) -> None:
    assert slug(text) == name


def test_names_that_come_again_have_a_number() -> None:
    assert names_of(["a b", "a_b", "A.B", "c"]) == {"a b": "a_b", "a_b": "a_b_2", "A.B": "a_b_3", "c": "c"}


@pytest.mark.parametrize(
    ("text", "written"), [("a | b", "`a | b`"), ("`a b` ~ c", "`` `a b` ~ c ``"), ("x``y", "``` x``y ```")]
)
def test_code_stands_between_more_backticks_than_are_in_it(text: str, written: str) -> None:
    assert code_span(text) == written


def test_a_formula_with_backticks_is_whole_in_the_notebook() -> None:
    data = words(minutes="Zeit min")
    proposal = propose(data, "score ~ `Zeit min` + (1 | word)")
    assert "| intercepts | `` score ~ `Zeit min` + (1 \\| word) `` |" in first_cell(proposal, data)


def test_in_german_a_noun_stays_as_the_table_writes_it() -> None:
    data = words(word="Versuchs_Person")
    formula = "score ~ minutes + (1 | Versuchs_Person)"
    german, english = propose(data, formula, "de"), propose(data, formula, "en")
    said = [(one.call, one.calls) for p in (german, english) for one in p.setting.columns.values()]
    assert said == [("Versuchs_Person", "Versuchs_Person"), ("versuchs person", "versuchs persons")]
    assert "zwischen Versuchs_Person" in first_cell(german, data, "de")


def test_an_empty_cell_is_named_by_its_line() -> None:
    data = words()
    lines = data.to_csv_bytes().decode().splitlines()
    lines[7] = lines[7][: lines[7].rindex(",") + 1]
    with pytest.raises(DesignError, match="column 'score', line 8 is empty; fill it in or drop the row"):
        propose(Dataset.from_csv("\n".join(lines).encode(), "words.csv"), "score ~ minutes + (1 | word)")


def crossed(people: int, items: int, each: int) -> Dataset:
    """Return marks of many people, each of some of the items."""
    rng = np.random.default_rng(3)
    person = np.repeat(np.arange(people), each)
    frame = pd.DataFrame({"person": person + 1, "item": rng.integers(1, items + 1, person.size)})
    return Dataset(frame.assign(mark=rng.normal(size=person.size).round(2)), "marks.csv")


@pytest.mark.parametrize(
    ("data", "formula", "said"),
    [
        (crossed(900, 700, 4), "mark ~ 1 + (1 | person) + (1 | item)", "900 groups of 'person' cross "),
        (crossed(30, 5, 700), "mark ~ 1 + (1 | person)", "it has 21,000 rows, and 20,000 are the most"),
    ],
)
def test_a_table_that_is_too_large_for_a_course_is_refused_at_once(data: Dataset, formula: str, said: str) -> None:
    with pytest.raises(CourseError, match="drawn by chance, into a file of their own") as caught:
        propose(data, formula)
    assert str(caught.value).startswith(f"marks.csv is too large for a course: {said}")


def test_many_groups_that_lie_in_others_are_not_too_many() -> None:
    rng = np.random.default_rng(5)
    room = np.repeat(np.arange(900), 3)
    level = rng.normal(0.0, 2.0, 450)[room // 2] + rng.normal(0.0, 2.0, 900)[room]
    frame = pd.DataFrame({"school": room // 2, "room": room, "mark": (level + rng.normal(size=room.size)).round(2)})
    proposal = propose(Dataset(frame, "marks.csv"), "mark ~ 1 + (1 | school/room)")
    assert "icc_school" in asked(proposal)
