"""Forms of answers: what an answer plainly is it counts as, whatever it is wrapped in; all else is told truly."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from fractions import Fraction
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.kinds.finding import Finding, Scale
from autograder.kinds.registry import KINDS, compare, taken
from autograder.language.catalogue import LANGUAGES, Sentence, translated
from autograder.records.grading import Verdict
from autograder.records.values import describe
from autograder.sandbox.wire import plain_value

TOLERANCE = 0.01


def written(value: object) -> str:
    """Return what a case is called: the same in every process, so without addresses, and sets in order."""
    value = sorted(value) if isinstance(value, (set, frozenset)) else value
    return re.sub(r" at 0x[0-9a-f]+", "", repr(value))


def found(kind: str, value: object, expected: Any, options: tuple[str, ...] = ()) -> Finding:
    return compare(
        kind, plain_value(value), expected, Scale(TOLERANCE, standard_error=1.0, decimals=4, options=options)
    )


def verdict(kind: str, value: object, expected: Any, options: tuple[str, ...] = ()) -> Verdict:
    return found(kind, value, expected, options).verdict


def masked(number: float) -> object:
    return np.ma.array([number], mask=[False])


#: Everyday wrappings of one number.
AROUND_A_NUMBER: Mapping[str, Callable[[float], object]] = {
    "as it is": lambda x: x,
    "numpy": np.float64,
    "long double": np.longdouble,
    "decimal": lambda x: Decimal(repr(x)),
    "exact decimal": Decimal,
    "fraction": Fraction,
    "complex": complex,
    "numpy complex": np.complex128,
    "text": repr,
    "text with spaces": lambda x: f"  {x!r}\n",
    "text with an exponent": lambda x: f"{x:.17e}",
    "text with a real minus": lambda x: repr(x).replace("-", "\N{MINUS SIGN}"),
    "numpy text": lambda x: np.str_(repr(x)),
    "list": lambda x: [x],
    "tuple": lambda x: (x,),
    "set": lambda x: {x},
    "deque": lambda x: deque([x]),
    "text in a list": lambda x: [str(x)],
    "decimal in a tuple": lambda x: (Decimal(x),),
    "lists in a list": lambda x: [[[x]]],
    "array of no direction": np.array,
    "array": lambda x: np.array([x]),
    "array of texts": lambda x: np.array([repr(x)]),
    "array of two directions": lambda x: np.array([[x]]),
    "array of three directions": lambda x: np.array([[[x]]]),
    "array of objects": lambda x: np.array([Decimal(x)], dtype=object),
    "masked array": masked,
    "series": lambda x: pd.Series([x]),
    "series with a label": lambda x: pd.Series([x], index=["Group Var"]),
    "series in a list": lambda x: [pd.Series([x])],
    "series of Float64": lambda x: pd.Series([x], dtype="Float64"),
    "array of pandas": lambda x: pd.array([x], dtype="Float64"),
    "index": lambda x: pd.Index([x]),
    "table": lambda x: pd.DataFrame({"Group": [x]}, index=["Group"]),
    "table in a list": lambda x: [pd.DataFrame({"Group": [x]})],
    "table of a text": lambda x: pd.DataFrame({"Group": [str(x)]}),
    "dictionary": lambda x: {"icc": x},
    "series in a dictionary": lambda x: {14: pd.Series({"Group": x})},
    "dictionary in a list": lambda x: [{"icc": x}],
    "view of values": lambda x: {"icc": x}.values(),
    "read-only dictionary": lambda x: MappingProxyType({"icc": x}),
}
NUMERIC = [name for name, kind in KINDS.items() if kind.read is KINDS["count"].read]
around_a_number = st.sampled_from(sorted(AROUND_A_NUMBER))
numbers = st.floats(-1e6, 1e6, allow_subnormal=False)


@given(kind=st.sampled_from(NUMERIC), wrapping=around_a_number, number=numbers, right=numbers)
def test_a_wrapped_number_earns_what_the_number_earns(kind: str, wrapping: str, number: float, right: float) -> None:
    for given_number, expected in ((number, right), (right, right), (round(right, 2), right)):
        assert found(kind, AROUND_A_NUMBER[wrapping](given_number), expected) == found(kind, given_number, expected)


@given(wrapping=around_a_number, number=numbers)
def test_a_wrapped_number_is_that_number_to_all_that_follows_from_it(wrapping: str, number: float) -> None:
    assert taken("statistic", plain_value(AROUND_A_NUMBER[wrapping](number))) == plain_value(number)


@pytest.mark.parametrize("kind", NUMERIC)
@pytest.mark.parametrize(
    "value",
    [
        "0,5",
        "1,234.5",
        "1_000",
        "50 %",
        "0.5 units",
        "0x10",
        "١",
        "1e999",
        "nan",
        "",
        "half",
        b"0.5",
        [0.5, 0.5],
        [],
        {},
        {"a": 0.5, "b": 0.5},
        pd.Series([0.5, 0.5], index=["a", "a"]),
        pd.DataFrame(),
        pd.DataFrame({"a": [0.5, 0.5]}),
        np.eye(2),
        np.datetime64("2026-01-01"),
        np.timedelta64(1, "D"),
        pd.Timestamp("2026-01-01"),
        pd.Timedelta(1),
        np.array(["2026-01-01"], dtype="datetime64[ns]"),
        pd.NA,
        [pd.NA],
        pd.NaT,
        np.ma.masked,
        Decimal("sNaN"),
        Fraction(10**400),
        0.5 + 0.1j,
        True,
        np.True_,
        [True],
        None,
        abs,
        map(abs, [0.5]),
        range(10**12),
    ],
    ids=written,
)
def test_what_is_not_one_number_is_refused_and_the_sentence_holds(kind: str, value: object) -> None:
    refused = found(kind, value, 0.5)
    assert refused.verdict is Verdict.MALFORMED
    assert_told_in_plain_words(refused.sentence)


def assert_told_in_plain_words(sentence: str) -> None:
    """Every language has the words, and none of them is a grader's."""
    assert isinstance(sentence, Sentence)
    for language in LANGUAGES:
        said = translated(sentence, language)
        assert not re.search(r"\b(mapping|malformed|skipped|entries of|a int|1 rows|1 columns|Zuordnung)\b", said), said
        assert "{" not in said.replace("{name: entry[", "") or "for name, entry in answer" in said


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("0,5", "it is a text. Give the number alone: without quotes, unit or %, and with a decimal point."),
        (True, "it is True. A comparison gives True or False; give the number itself."),
        (pd.NA, "it is pd.NA, a missing value. Look for a missing value"),
        (float("nan"), "it is nan or infinite, which is no number. Look for a missing value"),
        (None, "it is None. Is there a line that gives it its value?"),
        (abs, "it is a function that was not called (builtin_function_or_method). Put parentheses behind it"),
        ((x for x in [1]), "has not gone through yet (generator). Put list(…) around it."),
        (10**400, "it is a number of type int that is too large."),
        (1j, "it is a complex number with an imaginary part."),
        (pd.Timestamp("2026-01-01"), "it is an object of type Timestamp. Take from it what the task asks for."),
        ([0.5, 0.6], "a list with 2 entries. Take the one entry that is asked for; [0], for instance, takes one."),
        (
            pd.Series({"Group": 1, "youtube": 2}),
            'Series with 2 entries. Take the one entry that is asked for; ["Group"]',
        ),
        (pd.DataFrame(np.eye(2), ["Group", "youtube"], ["Group", "youtube"]), '.loc["Group", "youtube"], for instance'),
        (np.eye(2), "a list of lists with 2 rows and 2 columns. Take the one entry that is asked for; [0][1]"),
        ([{1}, {2, 3}], "of type list, with something in it that is no number"),
        ([0] * 30_000, "it is larger than any answer to this."),
    ],
    ids=written,
)
def test_what_a_value_is_and_what_to_do_next(value: object, said: str) -> None:
    assert said in found("proportion", value, 0.5).sentence


SLOPES = {14: 0.5, 3: 0.25, 7: -0.5}

#: Everyday forms of numbers by name.
BY_NAME: Mapping[str, Callable[[dict[Any, float]], object]] = {
    "dictionary": dict,
    "texts as names": lambda d: {str(name): x for name, x in d.items()},
    "floats as names": lambda d: {float(name): x for name, x in d.items()},
    "texts of floats as names": lambda d: {f" {float(name)}": x for name, x in d.items()},
    "numpy whole numbers as names": lambda d: {np.int64(name): x for name, x in d.items()},
    "texts as numbers": lambda d: {name: repr(x) for name, x in d.items()},
    "decimals": lambda d: {name: Decimal(x) for name, x in d.items()},
    "lists of one": lambda d: {name: [x] for name, x in d.items()},
    "random effects with one entry": lambda d: {name: pd.Series({"Group": x}) for name, x in d.items()},
    "dictionaries of one": lambda d: {name: {"youtube": x} for name, x in d.items()},
    "series": pd.Series,
    "series of Float64": lambda d: pd.Series(d, dtype="Float64"),
    "series with a name": lambda d: pd.Series(d, name="slope").rename_axis("store_id"),
    "table of one column": lambda d: pd.Series(d).to_frame("slope"),
    "table of one row": lambda d: pd.Series(d).to_frame().T,
    "names in a column": lambda d: pd.Series(d, name="slope").rename_axis("store_id").reset_index(),
    "pairs": lambda d: list(d.items()),
    "view of pairs": lambda d: d.items(),
    "array of pairs": lambda d: np.array(list(d.items())),
}
by_name = st.dictionaries(st.integers(1, 99), numbers.filter(lambda x: x != int(x)), min_size=2, max_size=8)


@given(form=st.sampled_from(sorted(BY_NAME)), right=by_name, shift=st.sampled_from([0.0, 1e-9, 0.5, 100.0]))
def test_numbers_by_name_earn_the_same_in_every_form(form: str, right: dict[int, float], shift: float) -> None:
    answer = {name: x + shift for name, x in right.items()}
    assert found("by_name", BY_NAME[form](answer), right) == found("by_name", answer, right)


EFFECTS = {store: pd.Series({"Group": x, "youtube": -x}) for store, x in SLOPES.items()}


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (
            EFFECTS,
            "but it is a dictionary of 3 names, each with 2 entries. Take one entry for each name",
        ),
        (EFFECTS, 'with {name: entry["youtube"] for name, entry in answer.items()}.'),
        (pd.DataFrame(EFFECTS).T, '3 rows and 2 columns. Take one column of it, for instance with ["youtube"].'),
        (pd.Series(list(SLOPES.values())), "The labels count rows, from 0 to 2, and are not the names asked for."),
        (list(SLOPES.values()), "a list with 3 entries. Say which name each number belongs to"),
        ({**SLOPES, "week": 4.5}, "This was not asked for: week. Leave it out."),
        ({14: 0.5, 3: 0.25}, "There is no value for 7."),
        ({}, "There is no value for 14, 3 and 7."),
        ({**SLOPES, 7: None}, "There must be one number for each name, but there is none for 7."),
        ({**SLOPES, "7": 0.1}, "There must be one number for each name, but there is more than one for 7."),
        (pd.Series([1.5] * 3, index=[14, 14, 3]), "more than one for 14."),
        ({101: 0.5, 102: 0.25}, "You give values for 101 and 102. Asked for are others, such as 14, 3 and 7."),
        (dict(enumerate([0.5] * 9)), "The labels count rows, from 0 to 8, and are not the names asked for."),
        (dict.fromkeys(range(100, 200), 0.5), "For 3 of the names"),
    ],
    ids=written,
)
def test_what_is_wrong_with_names_is_said(value: object, said: str) -> None:
    refused = found("by_name", value, SLOPES)
    if said.startswith("For 3"):
        assert "There are values for 100 names that were not asked for." in refused.sentence
        assert "There is no value for 14, 3 and 7." in refused.sentence
    else:
        assert said in refused.sentence
    assert refused.share == 0.0
    assert_told_in_plain_words(refused.sentence)


def test_a_name_cannot_steer_a_terminal_nor_fill_a_page() -> None:
    said = found("by_name", {**SLOPES, "\x1b[2J" + "x" * 1000: 1.0}, SLOPES).sentence
    assert "\x1b" not in said
    assert len(said) < 120
    said = found("number" if "number" in KINDS else "proportion", {'a"\\' * 30: 1.0, "b": 2.0}, 0.5).sentence
    assert "[…]" in said


TOP = (14, 3, 7)

#: Everyday forms of names in order.
RANKINGS: Mapping[str, Callable[[list[int]], object]] = {
    "list": list,
    "tuple": tuple,
    "texts": lambda names: [f" {name} " for name in names],
    "texts of floats": lambda names: [f"{name}.0" for name in names],
    "floats": lambda names: list(map(float, names)),
    "array": np.array,
    "array of one row": lambda names: np.array([names]),
    "array of one column": lambda names: np.array([names]).T,
    "index": pd.Index,
    "series": pd.Series,
    "series counted from one": lambda names: pd.Series(names, index=range(1, len(names) + 1)),
    "column of a sorted table": lambda names: pd.Series(names, index=[90 + 7 * (n % 5) + n for n in names]),
    "table of one column": lambda names: pd.DataFrame({"store_id": names}),
    "categories": lambda names: pd.Series(names).astype("category"),
    "keys": lambda names: dict.fromkeys(names).keys(),
    "slopes by name": lambda names: {name: 0.9 - 0.1 * place for place, name in enumerate(names)},
    "as nlargest gives it": lambda names: pd.Series(np.linspace(0.9, 0.1, len(names)), index=names),
    "table as nlargest gives it": lambda names: pd.DataFrame(
        {"store_id": names, "slope": np.linspace(0.9, 0.1, len(names))}, index=[50 + n for n in names]
    ),
    "table of effects by name": lambda names: pd.DataFrame(
        {"Group": [0.5] * len(names), "youtube": np.linspace(0.9, 0.1, len(names))}, index=names
    ),
    "pairs": lambda names: [(name, 0.9 - 0.1 * place) for place, name in enumerate(names)],
    "ranks by name": lambda names: {name: place for place, name in enumerate(names, 1)},
    "names by rank": lambda names: dict(enumerate(names, 1)),
}
# Names that do not count from one, as those of a panel's best stores hardly do: such are refused in some forms.
names_in_order = st.lists(st.integers(1, 20), min_size=3, max_size=5, unique=True).filter(lambda ns: max(ns) > len(ns))


@given(form=st.sampled_from(sorted(RANKINGS)), names=names_in_order, right=names_in_order)
def test_a_ranking_earns_the_same_in_every_form(form: str, names: list[int], right: list[int]) -> None:
    for answer in (names, right, right[::-1]):
        assert found("ranking", RANKINGS[form](answer), tuple(right)) == found("ranking", answer, tuple(right))


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("14, 3, 7", "it is a text. Write a list with square brackets"),
        (14, "it is a number. Write a list with square brackets"),
        ({14: 2, 3: 1, 7: 3}, "Series with 3 entries. Give the names alone, in a list."),
        (pd.DataFrame({"store_id": TOP, "city_id": [3, 1, 9]}), "with 3 rows and 2 columns. Give the names alone"),
        (pd.Series([0.3, 0.2, 0.1]), "Series with 3 entries. Give the names alone, in a list."),
    ],
    ids=written,
)
def test_what_could_be_several_rankings_is_refused(value: object, said: str) -> None:
    refused = found("ranking", value, TOP)
    assert refused.verdict is Verdict.MALFORMED
    assert said in refused.sentence
    assert_told_in_plain_words(refused.sentence)


MODELS = ("random intercept", "random slope")
AROUND_A_WORD: Iterable[Callable[[str], object]] = (
    str,
    np.str_,
    str.upper,
    str.title,
    lambda word: f" {word}\n",
    lambda word: word.replace(" ", "_"),
    lambda word: word.replace(" ", "-"),
    lambda word: word.replace(" ", ""),
    lambda word: f"{word}s",
    lambda word: f"The {word}",
    lambda word: f"a_{word}",
    lambda word: [word],
    lambda word: pd.Series([word]),
    lambda word: np.array([[word]]),
    lambda word: {"preferred": word},
    lambda word: pd.DataFrame({"preferred": [word]}),
)


@pytest.mark.parametrize("options", [MODELS, ()])
@pytest.mark.parametrize("wrap", AROUND_A_WORD)
def test_a_choice_is_known_however_it_is_spelt(wrap: Callable[[str], object], options: tuple[str, ...]) -> None:
    assert verdict("choice", wrap("random slope"), "random slope", options) is Verdict.CORRECT
    assert verdict("choice", wrap("random intercept"), "random slope", options) is Verdict.WRONG


def test_what_is_no_option_is_told_as_such_and_not_as_another_choice() -> None:
    for value in ("slope", "the random slope model", "no random slope", "random", "-", ""):
        refused = found("choice", value, "random slope", MODELS)
        assert refused.verdict is Verdict.MALFORMED
        assert refused.sentence == 'This is none of the texts to choose from: "random intercept", "random slope".'
    assert "or the task spells this one otherwise" in found("choice", "slope", "random slope").sentence
    assert "one of these texts" in found("choice", 1, "random slope", MODELS).sentence
    refused = found("choices", ["A", "Z"], ("A", "B"), ("A", "B", "C"))
    assert refused.sentence == 'Some of these are none of the texts to choose from: "A", "B", "C".'


@pytest.mark.parametrize(
    "value", [True, np.True_, "True", " true ", "TRUE", 1, np.int64(1), "yes", [True], np.array(1)]
)
@pytest.mark.parametrize("options", [("True", "False"), ("yes", "no")])
def test_a_truth_is_known_in_every_form(value: object, options: tuple[str, ...]) -> None:
    assert verdict("choice", value, options[0], options) is Verdict.CORRECT
    assert verdict("choice", value, options[1], options) is Verdict.WRONG
    assert verdict("choice", value, options[0]) is Verdict.CORRECT
    assert verdict("choice", 2, options[0], options) is Verdict.MALFORMED


@pytest.mark.parametrize(
    "value",
    [
        ["A", "C"],
        ("c", "a "),
        {"A", "C"},
        np.array(["A", "C"]),
        pd.Series(["A", "C"]),
        pd.Series(["A", "C"], index=[5, 9]),
        pd.Index(["C", "A"]),
        pd.DataFrame({"letter": ["A", "C"]}),
        {"A": 1, "C": 2}.keys(),
        {"A": True, "B": False, "C": True},
        pd.Series({"A": True, "B": False, "C": True}),
    ],
    ids=written,
)
def test_choices_are_known_in_every_form(value: object) -> None:
    for options in (("A", "B", "C"), ()):
        assert verdict("choices", value, ("A", "C"), options) is Verdict.CORRECT
        assert verdict("choices", value, ("A", "B"), options) is Verdict.WRONG


READING = {"percent": 6.4, "of": "what is left"}


@pytest.mark.parametrize(
    "value",
    [
        {"percent": "6.4", "of": "What_is_left"},
        {"percent": [6.4], "of": np.str_("what-is-left")},
        {"percent": Decimal("6.4"), "of": ["what is left"]},
        pd.Series({"percent": 6.4, "of": "what is left"}),
        pd.DataFrame([{"percent": 6.4, "of": "what is left"}]),
        [{"percent": 6.4, "of": "what is left"}],
        [("percent", 6.4), ("of", "what is left")],
    ],
    ids=written,
)
def test_gaps_are_filled_in_every_form(value: object) -> None:
    assert verdict("slots", value, READING) is Verdict.CORRECT
    assert verdict("slots", value, {"percent": 12.8, "of": "all"}) is Verdict.WRONG


def test_a_number_with_a_unit_in_a_gap_is_told_as_such() -> None:
    for filled in ("6.4 %", "6,4", "about six"):
        said = found("slots", {**READING, "percent": filled}, READING).sentence
        assert said.startswith("Not right yet: percent. Into percent belongs a number alone")


TABLE = {"mean": {1: 0.5, 2: 2.5}, "sd": {1: 1.5, 2: 3.5}}


@pytest.mark.parametrize(
    "value",
    [
        pd.DataFrame(TABLE),
        TABLE,
        pd.DataFrame(TABLE).T,
        pd.DataFrame(TABLE).astype(str),
        pd.DataFrame(TABLE).rename_axis("store").reset_index(),
        pd.DataFrame(TABLE).to_dict("index"),
        [{"store": 1, "mean": 0.5, "sd": 1.5}, {"store": 2, "mean": 2.5, "sd": 3.5}],
    ],
    ids=written,
)
def test_a_table_is_known_in_every_form(value: object) -> None:
    assert verdict("table", value, TABLE) is Verdict.CORRECT
    assert verdict("table", value, {**TABLE, "sd": {1: 1.5, 2: 99.0}}) is Verdict.WRONG


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(max_size=5), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)))  # fmt: skip  # noqa: E501
def test_whatever_is_given_there_is_a_verdict_and_words_for_it(value: object) -> None:
    rights = {"by_name": SLOPES, "table": TABLE, "ranking": TOP, "choice": "a", "choices": ("a", "b"), "slots": READING}
    for kind, what in KINDS.items():
        if not what.by_person:
            said = found(kind, value, rights.get(kind, "a" if kind == "text" else 0.5)).sentence
            assert all(translated(said, language) for language in LANGUAGES)
        assert describe(taken(kind, plain_value(value)))
