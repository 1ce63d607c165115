"""Cells that Python cannot parse, read without the lines that it cannot."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.sandbox.inside.statements import MOST_CHARACTERS, MOST_TRIES, as_python, readable

BELOW = "\nafter = 2"

#: What comes between two lines that can be parsed, the numbers of the lines left out, and what is read in their place.
CASES = {
    "a slip": ("x = = 1", [2], ""),
    "a bracket": ("x = f(1,\n      2", [2], ""),
    "a bracket too many": ("x = (1 + 2))", [2], ""),
    "a string": ("x = 'abc", [2], ""),
    "a long string": ("x = '''abc", [2], ""),
    "indented": ("  x = 1", [2], ""),
    "Python 2": ("print 'x'", [2], ""),
    "prose": ("Here I compute the share. It's small.", [2], ""),
    "quotes of a word processor": ("x = \u201cabc\u201d", [2], ""),
    "a placeholder": ("x = # your code here", [2], ""),
    "nothing in a loop": ("for i in x:", [2], ""),
    "a loop without its colon": ("for i in x\n    print(i)", [2], ""),
    "all of a loop": ("for i in x:\n    print i", [3], "for i in x:\n    pass"),
    "part of a function": ("def f():\n    x = = 1\n    return 2", [3], "def f():\n\n    return 2"),
    "an else without its colon": ("if x:\n    y = 1\nelse\n    y = 2", [4], "if x:\n    y = 1"),
    "a try without an end": ("try:\n    y = 1\nexcept KeyError\n    y = 2", [2, 4], ""),
    "a decorated function": ("@one\ndef f(:\n    pass", [2], ""),
    "a continued line": ("x = 1 + \\\n  = 2", [2, 3], ""),
    "part of a dictionary": ("x = {\n    'a': 1,\n    'b' 2,\n}", [4], "x = {\n    'a': 1,\n\n}"),
    "marks of a merge": ("<<<<<<< HEAD\nx = 1\n=======\nx = 2\n>>>>>>> b", [2, 4, 6], "\nx = 1\n\nx = 2"),
    "a fence": ("```python\nx = 1\n```", [2, 4], "\nx = 1"),
    "prompts": (">>> x = 1\n>>> for i in x:\n...     print(i)\n...", [], "x = 1\nfor i in x:\n    print(i)"),
    "numbered prompts": ("In [3]: x = 1", [], "x = 1"),
    "spaces of other kinds": ("x\u00a0=\u20031 # \u00a0", [], "x = 1 #"),
    "spaces in strings": ("\u200bx = 'a\u00a0b' \u00a0", [], "x = 'a\u00a0b'"),
    "a byte without a name": ("x = 1\0", [], "x = 1"),
    "tabs and spaces": ("for i in x:\n    y = 1\n\tz = 2", [], "for i in x:\n    y = 1\n    z = 2"),
    "magics": ("!pip install x\n%matplotlib widget\nx = = 1", [4], "!pip install x\n%matplotlib widget"),
}


@pytest.mark.parametrize("case", CASES)
def test_a_line_that_cannot_be_parsed_is_left_out_and_no_other(case: str) -> None:
    between, left_out, read = CASES[case]
    text, errors = readable(f"before = 1\n{between}{BELOW}")
    lines = [line.rstrip() for line in as_python(text).split("\n")]
    expected = f"before = 1\n{read}" + "\n" * (between.count("\n") - read.count("\n")) + BELOW
    assert lines == [line.rstrip() for line in as_python(expected).split("\n")]
    assert [number for number, _ in errors] == left_out


WHOLE = ("", "x = 1", "\n\n  x = 1\n  y = 2", "%%bash\nthis is no = = Python", "await x", "f?", "x = '\u00a0'")


@pytest.mark.parametrize("source", WHOLE)
def test_what_can_be_parsed_is_not_touched(source: str) -> None:
    assert readable(source) == (source, [])


def test_lines_are_counted_as_the_learner_sees_them() -> None:
    assert [number for number, _ in readable("\n \n\nx = 1\ny = = 2")[1]] == [5]


@pytest.mark.parametrize("line", ["x = %'''", 'x =% """and more', "x = %\\", "=%'''"])
def test_a_magic_without_a_name_costs_its_line(line: str) -> None:
    text, errors = readable(f"\ny = 1\n%precision 3\n{line}")
    assert text.split("\n")[:3] == ["", "y = 1", "%precision 3"]
    assert [number for number, _ in errors] == [4]


PIECES = ("x", "=", "(", ")", "[", "'", '"', "'''", ":", "if x", "else", "try", "@", "#", "%", "!", "\u00a0")
BREAKS = ("\n", "\n    ", "\n\t", "\\\n")


@given(st.lists(st.sampled_from((*PIECES, *BREAKS)), max_size=60))
def test_whatever_a_cell_is_the_rest_can_be_parsed(pieces: list[str]) -> None:
    source = "".join(pieces)
    text, errors = readable(source)
    compile(as_python(text), "cell", "exec", 0x2400, dont_inherit=True)
    assert len(text.split("\n")) == len(source.split("\n"))
    assert all(1 <= number <= len(source.split("\n")) for number, _ in errors)


@pytest.mark.parametrize("line", ["x = = 1\n", "(\n", "if x:\n"])
def test_a_cell_that_needs_too_many_tries_is_cut_short(line: str) -> None:
    text, errors = readable("before = 1\n" + line * 500)
    assert len(errors) <= MOST_TRIES + 1
    assert text.split("\n")[0] == "before = 1"
    compile(as_python(text), "cell", "exec")


def test_a_large_cell_is_parsed_a_few_times() -> None:
    text, errors = readable("x = = 1\n" * (MOST_CHARACTERS // 8))
    assert text.strip() == ""
    assert len(errors) <= 3
