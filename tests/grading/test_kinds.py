"""Kinds of answers: what is right, what is wrong, what is not of the kind asked, and how far two answers are apart."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.kinds.finding import RIGHT as FOUND_RIGHT
from autograder.kinds.finding import Scale
from autograder.kinds.registry import KINDS, compare, distance
from autograder.records import values
from autograder.records.grading import Verdict
from autograder.records.values import Value
from autograder.sandbox.wire import key_value, plain_value

TOLERANCE = 0.01
NUMERIC = ("estimate", "variance", "proportion", "log_likelihood", "statistic")
finite = st.floats(-1e6, 1e6, allow_nan=False)


def verdict(kind: str, value: object, expected: object, *, tolerance: float = TOLERANCE, se: float = 1.0) -> Verdict:
    return compare(kind, plain_value(value), expected, Scale(tolerance, se)).verdict


def test_the_authors_guide_has_a_row_for_each_kind(root: Path) -> None:
    page = (root / "course" / "authors.md").read_text(encoding="utf-8")
    table = page.split("| kind | right if it differs")[1].split("\n\n")[0]
    rows = re.findall(r"^\| `(\w+)` \| (.*) \|$", table, re.M)
    assert rows == [(name, kind.tolerated) for name, kind in KINDS.items()]


def test_what_is_not_exact_has_a_finest_tolerance_and_what_is_exact_has_none() -> None:
    assert all((kind.finest is None) == kind.exact for kind in KINDS.values())
    assert all(kind.exact for kind in KINDS.values() if kind.worded or kind.by_person or kind.has_slots)
    assert not any(kind.distance for kind in KINDS.values() if kind.exact)


#: By kind: a right answer, and one that is five tolerances away, or wrong where nothing is tolerated.
PAIRS = {
    "count": (20, 21),
    "estimate": (5.0, 5.1),
    "variance": (2.0, 2.1),
    "correlation": (0.5, 0.55),
    "proportion": (0.5, 0.55),
    "log_likelihood": (-400.0, -400.05),
    "statistic": (12.0, 12.6),
    "p_value": (0.2, 0.2 * math.exp(0.05)),
    "by_name": ({1: 0.0, 2: 2.0}, {1: 0.05, 2: 2.0}),
    "table": ({"mean": {1: 0.0, 2: 2.0}, "sd": {1: 1.0, 2: 3.0}}, {"mean": {1: 0.05, 2: 2.0}, "sd": {1: 1.0, 2: 3.0}}),
    "ranking": ((3, 1, 2), (1, 3, 2)),
    "choice": ("A", "B"),
    "choices": (("A", "B"), ("A",)),
    "text": ("a b", "a c"),
    "slots": ({"share": 6.4, "of": "the rest"}, {"share": 6.4, "of": "all"}),
}


@pytest.mark.parametrize("kind", [name for name, kind in KINDS.items() if not kind.by_person])
def test_a_distance_is_in_tolerances_and_without_end_where_nothing_is_tolerated(kind: str) -> None:
    right, other = PAIRS[kind]
    scale = Scale(TOLERANCE, standard_error=2.0)
    assert compare(kind, key_value(right), right, scale) == FOUND_RIGHT
    assert distance(kind, right, right, scale) == 0.0
    assert compare(kind, key_value(other), right, scale).share < 1.0
    measured = KINDS[kind].distance is not None
    assert distance(kind, other, right, scale) == (pytest.approx(5.0) if measured else math.inf)


def test_a_ranking_names_its_neighbours_and_swaps_them() -> None:
    swaps = KINDS["ranking"].swaps
    assert swaps is not None
    assert list(swaps((3, 1, 2))) == [("places 1 and 2", (1, 3, 2)), ("places 2 and 3", (3, 2, 1))]
    assert list(swaps((3,))) == []
    assert [name for name, kind in KINDS.items() if kind.swaps] == ["ranking"]


def test_what_a_person_decides_is_not_compared() -> None:
    with pytest.raises(TypeError, match="A person decides"):
        compare("manual", values.Text("a memo"), "a memo", Scale(0.0))


@pytest.mark.parametrize("kind", NUMERIC)
@given(number=finite)
def test_the_right_number_is_right(kind: str, number: float) -> None:
    assert verdict(kind, number, number) is Verdict.CORRECT


@pytest.mark.parametrize(
    ("kind", "expected", "unit"),
    [
        ("estimate", 5.0, 2.0),
        ("variance", 5.0, 5.0),
        ("proportion", 0.5, 1.0),
        ("log_likelihood", -400.0, 1.0),
        ("statistic", 12.0, 12.0),
        ("statistic", 0.1, 1.0),
    ],
)
@given(share=st.floats(-3, 3).filter(lambda s: abs(abs(s) - 1) > 1e-6))
def test_a_tolerance_is_in_the_unit_of_its_kind(kind: str, expected: float, unit: float, share: float) -> None:
    # A little more, so that the number is not one that was rounded.
    number = expected + share * TOLERANCE * unit + 1.2345678e-9
    found = verdict(kind, number, expected, se=2.0)
    # Beyond it a number is not right, though one that looks rounded may be so in part.
    assert (found is Verdict.CORRECT) == (abs(share) < 1)


@given(p=st.floats(1e-12, 1.0), factor=st.floats(-1, 1))
def test_p_values_are_compared_on_the_log_scale(p: float, factor: float) -> None:
    number = min(p * math.exp(factor), 1.0)
    close = abs(math.log(number) - math.log(p)) <= 0.05
    assert (verdict("p_value", number, p, tolerance=0.05) is Verdict.CORRECT) == close


@pytest.mark.parametrize("p", [-0.1, 1.1])
def test_what_is_not_a_probability_is_no_p_value(p: float) -> None:
    assert verdict("p_value", p, 0.5) is Verdict.WRONG


def test_a_variance_at_the_boundary_is_zero_up_to_where_an_optimiser_stops() -> None:
    assert verdict("variance", 1e-11, 0.0) is Verdict.CORRECT
    assert verdict("variance", 0.01, 0.0) is Verdict.WRONG


@pytest.mark.parametrize("value", ["0,5", "5 %", "half", [1.0, 2.0], {}, None, True, math.nan, math.inf, object()])
@pytest.mark.parametrize("kind", [*NUMERIC, "p_value", "count"])
def test_what_is_not_one_number_is_malformed(kind: str, value: object) -> None:
    assert verdict(kind, value, 0.5) is Verdict.MALFORMED


def test_a_list_or_series_of_one_is_taken_for_its_number() -> None:
    assert verdict("proportion", [0.5], 0.5) is Verdict.CORRECT
    assert verdict("proportion", {"store": 0.5}, 0.5) is Verdict.CORRECT


def test_a_missing_standard_error_is_our_error_and_no_verdict() -> None:
    with pytest.raises(ValueError, match="gave none"):
        compare("estimate", values.Number(1.0), 1.0, Scale(0.05, None))


RIGHT = {11: 0.5, 12: 0.6, 13: 0.7}


@pytest.mark.parametrize(
    "value",
    [
        RIGHT,
        {"11": 0.5, "12": 0.6, "13": 0.7},
        {11.0: 0.5, 13.0: 0.7, 12.0: 0.6000001},
        values.Table(("slope",), (11.0, 12.0, 13.0), ((0.5,), (0.6,), (0.7,))),
        values.Table(("store", "slope"), (0.0, 1.0, 2.0), ((12.0, 0.6), (11.0, 0.5), (13.0, 0.7))),
    ],
)
def test_values_by_name_count_whatever_their_order_and_form(value: object) -> None:
    plain: Value = value if isinstance(value, values.Table) else plain_value(value)
    assert compare("by_name", plain, RIGHT, Scale(TOLERANCE)).verdict is Verdict.CORRECT


def test_values_by_name_say_how_many_are_right_and_no_more() -> None:
    found = compare("by_name", plain_value({11: 0.5, 12: 0.1, 13: 0.7}), RIGHT, Scale(TOLERANCE))
    assert (found.verdict, found.sentence) == (Verdict.WRONG, "2 of the 3 values are right.")
    found = compare("by_name", plain_value({11: 0.5, 99: 0.6}), RIGHT, Scale(TOLERANCE))
    assert found.sentence == "There is no value for 12 and 13. This was not asked for: 99. Leave it out."
    assert verdict("by_name", [0.5, 0.6, 0.7], RIGHT) is Verdict.MALFORMED
    assert verdict("by_name", {11: "a", 12: 1.0, 13: 1.0}, RIGHT) is Verdict.MALFORMED


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ([3, 1, 2], Verdict.CORRECT),
        (["3", "1", " 2 "], Verdict.CORRECT),
        ((3.0, 1.0, 2.0), Verdict.CORRECT),
        ([1, 2, 3], Verdict.PARTIAL),
        ([3, 1, 4], Verdict.WRONG),
        ([3, 1], Verdict.WRONG),
        ("3, 1, 2", Verdict.MALFORMED),
    ],
)
def test_a_ranking_counts_names_and_order(value: object, expected: Verdict) -> None:
    assert verdict("ranking", value, (3, 1, 2)) is expected


def test_a_choice_overlooks_case_and_spaces() -> None:
    assert verdict("choice", " Random Slope ", "random slope") is Verdict.CORRECT
    assert verdict("choice", "random intercept", "random slope") is Verdict.WRONG
    assert verdict("choice", 1, "random slope") is Verdict.MALFORMED


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (["b", "A"], "Right."),
        ({"a", "b"}, "Right."),
        (["a"], "These belong here, but they are not all."),
        (["a", "b", "c"], "Some of these do not belong here."),
        (["a", "c"], "Some of these do not belong here, and some that do are not named."),
        (
            "ab",
            "This must be a list of the given texts, but it is a text. "
            "Write a list with square brackets, with a comma between its entries.",
        ),
    ],
)
def test_choices_say_what_is_wrong_with_the_set(value: object, sentence: str) -> None:
    assert compare("choices", plain_value(value), ("a", "b"), Scale(0.0)).sentence == sentence


@pytest.mark.parametrize(
    ("kind", "right", "value", "said"),
    [
        ("proportion", 0.25, 25.0, "per cent"),
        ("proportion", 0.0638, 6.4, "per cent"),
        ("proportion", 0.25, 0.75, "rest of the whole"),
        ("proportion", 0.25, 1 / 3, "divided by the rest"),
        ("proportion", 0.25, -0.25, "between 0 and 1"),
        ("correlation", -0.5, -50.0, "per cent"),
        ("correlation", -0.5, 0.5, "the sign is not"),
        ("correlation", 0.5, 1.5, "between -1 and 1"),
        ("variance", 2.0, -2.0, "cannot be negative"),
        ("variance", 2.0, 0.0, "edge of what can be"),
        ("variance", 2.0, 0.02, "decimal point"),
        ("estimate", 40.0, 0.0, "up to rounding"),
        ("estimate", 40.0, -40.0, "the sign is not"),
        ("estimate", 40.0, 4000.0, "decimal point"),
        ("statistic", 12.3, 1.23, "decimal point"),
        ("log_likelihood", -415.1965, 415.1965, "the sign is not"),
        ("p_value", 0.00263, 0.001315, "half"),
        ("p_value", 0.00263, 0.00526, "twice"),
        ("p_value", 0.00263, 0.263, "per cent"),
        ("p_value", 0.00263, 0.003, "few digits"),
        ("p_value", 0.00263, 0.0, "never 0"),
        ("count", 2, 2.5, "whole number"),
        ("count", 2, -2, "not negative"),
    ],
)
def test_a_slip_is_named_and_earns_nothing(kind: str, right: float, value: float, said: str) -> None:
    found = compare(kind, plain_value(value), right, Scale(TOLERANCE, 1.0))
    assert (found.verdict, found.share) == (Verdict.WRONG, 0.0)
    assert said in found.sentence


@given(right=finite, number=finite)
def test_what_is_said_of_a_number_never_makes_it_right(right: float, number: float) -> None:
    for kind in NUMERIC:
        found = compare(kind, plain_value(number), right, Scale(TOLERANCE, 1.0))
        assert (found.share == 1.0) == (found.sentence in ("Right.", "Right, as far as it was rounded."))


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({11: 0.6, 12: 0.5, 13: 0.7}, "beside the wrong names"),
        ({11: -0.5, 12: -0.6, 13: -0.7}, "the sign is not"),
        ({11: 50, 12: 60, 13: 70}, "decimal point"),
        ({"low": 0.5, "high": 0.6}, "You give values for low and high. Asked for are others, such as "),
    ],
)
def test_a_slip_of_all_values_by_name_is_named(value: object, said: str) -> None:
    found = compare("by_name", plain_value(value), {11: 0.5, 12: 0.6, 13: 0.7}, Scale(TOLERANCE))
    assert found.verdict is Verdict.WRONG
    assert said in found.sentence


def test_names_of_a_ranking_that_are_none_are_told_with_some_that_are() -> None:
    scale = Scale(TOLERANCE, scores={1: 0.1, 2: 0.2, 3: 0.3})
    found = compare("ranking", plain_value([0.3, 0.2]), (3, 2), scale)
    assert found.sentence == "Names are asked for, such as 1, 2 and 3. Not one of them: 0.3 and 0.2."


@pytest.mark.parametrize("value", ["random intercepts and slope", "Zufällige Steigung", "the RS"])
def test_an_option_may_have_other_names(value: str) -> None:
    names = {"random slope": ("random intercept and slope", "zufällige Steigung", "rs")}
    scale = Scale(TOLERANCE, options=("random intercept", "random slope"), synonyms=names)
    assert compare("choice", plain_value(value), "random slope", scale).verdict is Verdict.CORRECT
    assert compare("choice", plain_value(value), "random intercept", scale).verdict is Verdict.WRONG
