"""A rubric that does not hold together is refused, naming the file, the item and the key."""

from __future__ import annotations

from pathlib import Path

import pytest

from autograder.assignment.rubric import load_rubric
from autograder.errors import RubricError

HEAD = 'assignment = "ex"\ntitle = "Ex"\nkey = "practice"\n[[notebook]]\nname = "one"\ntitle = "One"\n'


def item(name: str, more: str = "") -> str:
    return f'[[notebook.item]]\nid = "{name}"\ntitle = "T"\npoints = 2\nkind = "variance"\ntolerance = 0.01\n{more}\n'


def manual(memo: str) -> str:
    head = '[[notebook.item]]\nid = "m"\ntitle = "M"\npoints = 2\nkind = "manual"\n'
    return f"{head}[notebook.item.memo]\n{memo}\n"


def write(folder: Path, text: str) -> Path:
    path = folder / "ex" / "rubric.toml"
    path.parent.mkdir()
    path.write_text(text, encoding="utf-8")
    return path


def test_a_sound_rubric_is_read(tmp_path: Path) -> None:
    rubric = load_rubric(write(tmp_path, HEAD + item("a") + item("b", 'needs = ["a"]')))
    assert [entry.id for entry in rubric.items] == ["a", "b"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (HEAD + item("a", "tolerence = 1"), "notebook 'one', item 'a': there is an unknown key `tolerence`"),
        (HEAD + item("a", 'needs = ["z"]'), "item 'a', key 'needs': there is no item 'z'. Known: a."),
        (
            HEAD + item("a", 'needs = ["b"]') + item("b", 'needs = ["a"]'),
            "items need each other in a circle: ",
        ),
        (HEAD + item("a") + item("a"), "item 'a' is there twice"),
        (HEAD + item("a").replace("points = 2", "points = 0"), "item 'a', key 'points'"),
        (HEAD + item("a").replace("points = 2", 'points = "2"'), "item 'a', key 'points': Expected `float`, got `str`"),
        (
            HEAD + item("a").replace("variance", "varience"),
            "item 'a', key 'kind': there is no kind 'varience'. There are: count, estimate, variance, correlation, ",
        ),
        (HEAD + item("a").replace('"variance"', "2"), "item 'a', key 'kind': Expected `str`, got `int`"),
        (HEAD + item("a").replace("tolerance = 0.01", ""), "item 'a', key 'tolerance': kind 'variance' needs one"),
        (HEAD + item("a").replace("variance", "count"), "item 'a', key 'tolerance': kind 'count' is compared exactly"),
        (HEAD + item("a", 'right = "x"'), "item 'a', key 'right': only a choice has its right answer here"),
        (HEAD + manual("sentences = [5, 3]"), "item 'm', key 'memo', 'sentences': give the fewest, at least 1"),
        (HEAD + manual("sentences = [0, 3]"), "item 'm', key 'memo', 'sentences': give the fewest, at least 1"),
        (HEAD + item("a") + manual('top = "a"'), "item 'm', key 'memo', 'top': 'a' is not a ranking"),
        (HEAD + item("a") + manual('figures = ["b"]'), "item 'm', key 'memo': there is no item 'b'"),
        (HEAD + item("a", "[notebook.item.memo]"), "item 'a', key 'memo': only an item of kind 'manual' is read"),
        (HEAD + item("a b"), "item 'a b': an id is made of letters, digits and underscores"),
        (HEAD.replace('"ex"', '"other"') + item("a"), "key 'assignment' is 'other', but the folder is 'ex'"),
        ("assignment = 'ex'\nextra = 1", "unknown key `extra`"),
        ("assignment = ", "not readable as TOML"),
        ("\xff", "not readable as TOML"),
    ],
)
def test_a_broken_rubric_is_refused_by_name(tmp_path: Path, text: str, said: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(RubricError) as refused:
        load_rubric(path)
    assert str(path) in str(refused.value)
    assert said in str(refused.value)


def test_a_missing_rubric_is_named(tmp_path: Path) -> None:
    with pytest.raises(RubricError, match="there is no rubric here"):
        load_rubric(tmp_path / "rubric.toml")
