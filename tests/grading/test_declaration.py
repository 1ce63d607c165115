"""An assignment that does not hold together is refused, naming the file, the item and the key, and what to do."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from autograder.assignment.declaration import load_rubric
from autograder.assignment.key import hidden_panel, own_panel
from autograder.errors import CourseError, RubricError

HEAD = """
title = "Ex"
data = "scores.csv"
[columns]
school = { group = true }
[models]
levels = "score ~ prior + (1 | school)"
slopes = "score ~ prior + (1 + prior | school)"
[[notebook]]
name = "one"
title = "One"
"""


def item(name: str, more: str = "") -> str:
    head = f'[[notebook.item]]\nask = "variance"\nid = "{name}"\nmodel = "levels"\nlevel = "school"\n'
    return f"{head}points = 2\n{more}\n"


def asked(question: str, more: str = "") -> str:
    return f'[[notebook.item]]\nask = "{question}"\npoints = 2\n{more}\n'


def manual(memo: str) -> str:
    return f"{asked('memo')}[notebook.item.memo]\n{memo}\n"


def write(folder: Path, text: str) -> Path:
    assignment = folder / "ex"
    assignment.mkdir()
    (assignment / "scores.csv").write_text("school,prior,score\n007,1,2\n008,2,3\n", encoding="utf-8")
    (assignment / "assignment.toml").write_text(text, encoding="utf-8")
    return assignment


def test_what_an_author_leaves_out_the_questions_fill_in(tmp_path: Path) -> None:
    residual = item("b").replace('"school"', '"residual"')
    share = asked("icc", 'model = "levels"\nlevel = "school"')
    rubric = load_rubric(write(tmp_path, HEAD + item("a") + residual + share))
    variance, _, asked_share = rubric.items
    assert (variance.kind, asked_share.kind) == ("variance", "proportion")
    assert asked_share.needs == ("a", "b")
    assert asked_share.carried == 0.5
    assert "schools" in asked_share.advice
    assert asked_share.hints["null_model"]
    assert rubric.language == "en"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (HEAD + item("a", "tolerence = 1"), "item 'a': there is no key 'tolerence'. Did you mean 'tolerance'?"),
        (HEAD + item("a", 'needs = ["z"]'), "item 'a', key 'needs': there is no item 'z'. Known: a."),
        (
            HEAD + item("a", 'needs = ["b"]') + item("b", 'needs = ["a"]'),
            "items need each other in a circle: ",
        ),
        (HEAD + item("a") + item("a"), "item 'a' is there twice"),
        (HEAD + item("a").replace("points = 2", "points = -1"), "item 'a', key 'points'"),
        (HEAD + item("a").replace("points = 2", ""), "item 'a': there is no key `points`"),
        (HEAD + item("a").replace("points = 2", 'points = "2"'), "item 'a', key 'points': Expected `float`, got `str`"),
        (
            HEAD + item("a").replace('"variance"', '"varience"'),
            "item 'a', key 'ask': there is no question 'varience'. Did you mean 'variance'?",
        ),
        (
            HEAD + item("a").replace('"levels"', '"level"'),
            "item 'a', key 'model': there is no model 'level' in the table 'models'. Did you mean 'levels'?",
        ),
        (
            HEAD + item("a").replace('model = "levels"', ""),
            "item 'a': the question 'variance' needs the key 'model'; it takes model, level, effect, centre, at.",
        ),
        (HEAD + item("a", "centre = 3"), "item 'a': key 'centre': expected `array`, got `int`"),
        (
            HEAD + item("a", 'kind = "varience"'),
            "item 'a', key 'kind': there is no kind 'varience'. There are: count, estimate, variance, correlation, ",
        ),
        (HEAD + item("a", "kind = 2"), "item 'a', key 'kind': Expected `str`, got `int`"),
        (HEAD + item("a", 'kind = "count"'), "item 'a', key 'tolerance': kind 'count' is compared exactly"),
        (HEAD + item("a", 'hints = "x"'), "item 'a', key 'hints': Expected `object`, got `str`. Correct it."),
        (HEAD + item("a", "without = 3"), "item 'a', key 'without': Expected `array`, got `int`. Correct it."),
        (HEAD + item("a", 'right = "x"'), "item 'a', key 'right': only a choice has its right answer here"),
        (HEAD + item("a", "carried = 0.5"), "item 'a', key 'carried': nothing that is asked leads to this answer"),
        (
            HEAD + item("a", "[notebook.item.hints]\nstandard_devation = 'x'"),
            "item 'a', key 'hints': it has no mistake 'standard_devation'. Did you mean 'standard_deviation'?",
        ),
        (
            HEAD + item("a", "without = ['standard_devation']"),
            "item 'a', key 'without': its question has no mistake 'standard_devation'.",
        ),
        (HEAD + item("a", "also = { mine = 'right * 2' }"), "item 'a', mistake 'mine': it has no words."),
        (
            HEAD.replace("[[notebook]]", "[mistakes]\nstandard_devation = 'x'\n[[notebook]]") + item("a"),
            "table 'mistakes': no item has a mistake 'standard_devation'. Did you mean 'standard_deviation'?",
        ),
        (HEAD + asked("lrt_p", 'of = "chi2"'), "item 'lrt_p', key 'of': there is no item 'chi2'."),
        (HEAD + manual("sentences = [5, 3]"), "item 'memo', key 'memo', 'sentences': give the fewest, at least 1"),
        (HEAD + item("a") + manual('top = "a"'), "item 'memo', key 'memo', 'top': 'a' is not a ranking"),
        (HEAD + item("a") + manual('figures = ["b"]'), "item 'memo', key 'memo': there is no item 'b'"),
        (HEAD + item("a", "[notebook.item.memo]"), "item 'a', key 'memo': only an item of kind 'manual' is read"),
        (HEAD + item("a").replace('"a"', "3"), "item 3, key 'id': give a text, in quotes."),
        (HEAD + asked("choice", 'options = ["x", "y"]'), "item 'choice', key 'right': its question computes nothing; "),
        (HEAD + item("a b"), "item 'a b': an id is made of letters, digits and underscores"),
        (HEAD.replace("scores.csv", "score.csv") + item("a"), "key 'data': "),
        ("title = 'ex'\nextra = 1", "unknown key `extra`"),
        ("title = ", "not readable as TOML"),
    ],
)
def test_a_broken_assignment_is_refused_by_name(tmp_path: Path, text: str, said: str) -> None:
    folder = write(tmp_path, text)
    with pytest.raises(RubricError) as refused:
        load_rubric(folder)
    assert str(folder / "assignment.toml") in str(refused.value)
    assert said in str(refused.value)


def test_an_assignment_that_is_missing_or_in_another_encoding_is_named(tmp_path: Path) -> None:
    with pytest.raises(RubricError, match="there is no assignment here"):
        load_rubric(tmp_path)
    (tmp_path / "assignment.toml").write_bytes('title = "Über"'.encode("latin-1"))
    with pytest.raises(RubricError, match=r"assignment\.toml: not in UTF-8"):
        load_rubric(tmp_path)


def test_an_item_may_be_worth_nothing(tmp_path: Path) -> None:
    rubric = load_rubric(write(tmp_path, HEAD + item("a").replace("points = 2", "points = 0") + item("b")))
    assert [one.points for one in rubric.items] == [0.0, 2.0]


def test_a_choice_knows_its_options_from_its_question(tmp_path: Path) -> None:
    test = 'smaller = "levels"\nlarger = "slopes"'
    items = asked("lrt", test) + asked("lrt_p", 'of = "lrt"') + asked("decision", 'of = "lrt_p"')
    rubric = load_rubric(write(tmp_path, HEAD + items))
    assert rubric.items[-1].options == ("levels", "slopes")


def test_groups_that_differ_in_zeros_before_a_number_are_refused(tmp_path: Path) -> None:
    folder = write(tmp_path, HEAD + item("a"))
    (folder / "scores.csv").write_text("school,prior,score\n007,1,2\n7,2,3\n", encoding="utf-8")
    with pytest.raises(CourseError, match="column 'school': two groups go by '7'"):
        own_panel(load_rubric(folder))


def test_a_table_in_another_encoding_is_named(tmp_path: Path) -> None:
    folder = write(tmp_path, HEAD + item("a"))
    (folder / "scores.csv").write_bytes(b"\xff\xfe")
    with pytest.raises(RubricError, match=r"key 'data': .*scores.csv is not in UTF-8. Save it"):
        load_rubric(folder)


@pytest.mark.parametrize("table", [b"", b"school,prior,score\n1,2\n", b"school,school,score\n1,2,3\n"])
def test_a_table_that_is_none_is_its_authors_to_mend(tmp_path: Path, table: bytes) -> None:
    folder = write(tmp_path, HEAD + item("a"))
    (folder / "scores.csv").write_bytes(table)
    for door in (own_panel, partial(hidden_panel, seed=1)):
        with pytest.raises(CourseError, match="the table of ex"):
            door(load_rubric(folder))
