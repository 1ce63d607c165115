"""What can be counted in a memo: its length, the learner's own numbers and the names in it, whatever the text is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.assignment.course import Course
from autograder.assignment.key import own_panel
from autograder.assignment.rubric import Memo
from autograder.grading.memo import MAX_CHARACTERS, read_memo
from autograder.records.grading import Found

#: What a learner computes on the tutorial's panel.
KEY = own_panel(Course(Path(__file__).resolve().parents[2] / "solutions").rubric("practice")).answers
FIGURES = ("gain_average", "gain_best_store", "lrt_p", "icc")
ANSWERS = {name: KEY.values[name] for name in FIGURES}
TOP, STORES = KEY.values["top5"], tuple(KEY.answers["top5"].scores)
ASKED = Memo(FIGURES, "top5", (3, 5))


def read(text: str) -> dict[str, Found]:
    length, *figures, names = read_memo(text, ASKED, ANSWERS, TOP, STORES)
    return {"length": length, **dict(zip(FIGURES, figures, strict=True)), "names": names}


def quoted(text: str, value: float) -> bool:
    """Return whether a value is found in a text that was asked for nothing else."""
    _, figure = read_memo(text, Memo(("it",)), {"it": value}, (), ())
    return figure.there


def count(text: str) -> int:
    (length,) = read_memo(text, Memo(), {}, (), ())
    return int(length.sentence.split()[1])


def test_the_solutions_memo_is_as_long_as_asked_and_quotes_its_numbers(root: Path) -> None:
    notebook = json.loads((root / "solutions" / "practice" / "task5-memo.ipynb").read_text(encoding="utf-8"))
    (memo,) = (cell for cell in notebook["cells"] if cell["metadata"].get("nbgrader", {}).get("grade_id") == "memo")
    text = "".join(memo["source"]).split("### BEGIN SOLUTION")[1].split("### END SOLUTION")[0]
    found = read(text)
    assert found["length"].there
    assert found["length"].sentence.startswith("About 4 sentences and ")
    assert found["gain_average"] == Found(True, "gain_average (0.4478) is there: 0.45.")
    assert found["gain_best_store"] == Found(True, "gain_best_store (0.5817) is there: 0.58.")
    assert found["lrt_p"] == Found(True, "lrt_p (0.002629) is there: 0.003.")
    assert found["icc"] == Found(False, "icc (0.06378) is not there, neither in full nor rounded.")
    assert found["names"].sentence.startswith("Of the best, 14, 1, 16, 8 and 6, it names 14, 1, 16, 8 and 6.")


# --------------------------------------------------------------------------------------------------------------- length


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("", 0),
        ("<!-- stores 14. 0.45 units of sales. -->", 0),
        ("One gains 0.45. Another gains .58, p<.05. That is all.", 3),
        ("We use e.g. store 14, i.e. the best one, vs. approx. 450 others, no. 3 and so on.", 1),
        ("Wir nehmen z. B. Filiale 14, d. h. die beste, bzw. ca. 450 Stück.", 1),
        ("Is that sure? It is not! “So I say.” We wait.", 4),
        ("# Put it into store 14 now.\n\nIt brings most of all.", 1),
        ("Dear Marta,\n\nput it into store 14.\n\nBest regards,\nAnna", 1),
        ("- Put the money into store 14\n- It brings 0.45 units of sales\n- *We are not sure of that*", 3),
        ("1. We fund store 14.\n2. It brings most.", 2),
        ("> We fund store 14. It **brings** most,\n> as [they](http://a.b) say.", 2),
        ("    An indented text. It is one all the same.", 2),
    ],
)
def test_sentences_are_counted_in_what_markdown_says(text: str, sentences: int) -> None:
    assert count(text) == sentences


def test_the_length_is_held_against_what_was_asked() -> None:
    assert not read("We fund it. It pays.")["length"].there
    assert read("We fund it. It pays. Wait.\nAnd see.")["length"] == Found(
        True, "About 3 sentences and 8 words; 3 to 5 sentences are asked for."
    )
    assert not read("It pays. " * 6)["length"].there
    assert read_memo("It pays. " * 6, Memo(), {}, (), ())[0] == Found(True, "About 6 sentences and 12 words.")


def test_what_lies_beyond_the_bound_is_not_read() -> None:
    found = read("Good stores. " * 2_000 + "Store 14 brings 0.45 units.")
    assert "Only the first 20,000 characters were read." in found["length"].sentence
    assert not found["length"].there
    assert not found["gain_average"].there
    assert not found["names"].there


# -------------------------------------------------------------------------------------------------------------- numbers


@pytest.mark.parametrize(
    "text", ["0.06378", "0.064", ".064", "0,064", "6.4 %", "6,4 %", "6.38%", "6 percent", "6.4e-2"]
)
def test_a_number_is_found_as_it_may_be_written(text: str) -> None:
    assert quoted(f"The share of the stores is {text}, and no more.", ANSWERS["icc"])
    assert quoted(text, ANSWERS["icc"])


@pytest.mark.parametrize(
    "text", ["0.06", "0.065", "0.0640", "64 %", "0.64", "6.4", "1", "0", "0.1", "6.4 units", "icc"]
)
def test_a_number_that_is_not_the_answer_rounded_is_not_found(text: str) -> None:
    # 0.06 is the answer with one digit; all the others are not it.
    assert quoted(f"It is {text}, or so.", ANSWERS["icc"]) == (text == "0.06")


@pytest.mark.parametrize("text", ["12345.6", "12,345.6", "12.345,6", "12'345.6", "12’345,6", "12\u202f345.6", "12,346"])
def test_thousands_may_be_set_apart(text: str) -> None:
    assert quoted(f"It is {text} in all.", 12345.6)


def test_a_mark_before_three_digits_is_read_both_ways() -> None:
    assert quoted("1,250", 1250.0)
    assert quoted("1,250", 1.25)
    assert quoted("1.250", 1250.0)
    assert not quoted("0.450", 450.0)
    assert quoted("1,234,567", 1234567.0)


def test_the_sign_is_left_to_the_words() -> None:
    assert quoted("It falls by 0.45.", -0.448)
    assert quoted("between 0.41-0.49", 0.49)


@given(value=st.floats(1e-4, 1e6), digits=st.integers(2, 6), comma=st.booleans())
def test_any_number_is_found_as_rounded_and_not_when_far_off(value: float, digits: int, comma: bool) -> None:
    def written(number: float) -> str:
        text = f"{number:.{digits}g}" if number < 10.0**digits else f"{number:.0f}"
        return text.replace(".", ",") if comma else text

    assert quoted(f"It is {written(value)} there.", value)
    assert not quoted(f"It is {value * 1.4:.12f} there.", value)


def test_an_answer_that_was_never_given_is_said_to_lack() -> None:
    (_, figure) = read_memo("It is 0.45.", Memo(("gain",)), {}, (), ())
    assert figure == Found(False, "The learner has no answer gain that could be quoted.")


# ---------------------------------------------------------------------------------------------------------------- names


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Put it into stores 14, 1 and #16.", "it names 14, 1 and 16."),
        ("Put it into stores 14,1,16,8.", "it names 14, 1, 16 and 8."),
        ("Put it into stores 3 and 14.", "it names 14. It also has 3: other names, or plain numbers."),
        ("Put it into the best ones, 14 % or 1.6 of them.", "it names none."),
        ("1. Put it somewhere.", "it names none."),
    ],
)
def test_names_that_are_numbers_are_found(text: str, said: str) -> None:
    found = read(text)["names"]
    assert found.sentence == f"Of the best, 14, 1, 16, 8 and 6, {said}"
    assert found.there == ("names none" not in said)


def test_names_that_are_words_are_found_whole() -> None:
    (_, found) = read_memo("NORTH and Southend, and not C++.", Memo(), {}, ("north", "south", "c++"), ("west",))
    assert found.sentence == "Of the best, north, south and c++, it names north and c++."


def test_a_name_is_not_taken_for_a_number() -> None:
    for text, there in (("It is store 14.", False), ("It is 14.2.", True), ("It is 14 %.", False)):
        _, figure, _ = read_memo(text, Memo(("it",)), {"it": 14.2}, (14,), ())
        assert figure.there == there


# ------------------------------------------------------------------------------------------------------------- anything

_BITS: tuple[str, ...] = ("store ", "14, ", "#1 ", "0.45 ", "0,45", "45 % ", "1'1", "1e9 ", ".", ". ", "! ", "e.g. ")
_BITS += ("z. B. ", "€", "<!--", "-->", "<b>", "**", "*a _b ", "_", "- ", "\n", "> - ")
_BITS += ("\n\n", "# ", "| ", "|-|\n", "---\n", "> ", "``` ", "[", "[a](", "![", "[a]: b\n", "\\", "&", '"', "“", ")")
_BITS += ("ﷺ", "\u202e", "\ud800", "\x00", "²", "٣", "a", "1", " ", "1. ", "  - a\n", "1,", "a.")


@given(st.text(max_size=300) | st.lists(st.sampled_from(_BITS), max_size=60).map("".join))
def test_any_text_is_read(text: str) -> None:
    for found in read(text).values():
        assert found.sentence.isprintable()
        assert len(found.sentence) < 1_000


# A pattern that goes back over what it has read would not come to an end here.
@pytest.mark.parametrize("bit", _BITS)
def test_a_hostile_text_is_read(bit: str) -> None:
    text = (bit * MAX_CHARACTERS)[: 2 * MAX_CHARACTERS]
    assert len(read(text)) == len(FIGURES) + 2
