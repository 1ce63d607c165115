"""What a teacher's browser is shown of a learner's outputs: text and pictures, nothing that runs."""

from __future__ import annotations

import base64
import json
from typing import Any

import nbformat
import pytest
from active_parts import active_parts
from hypothesis import given
from hypothesis import strategies as st

from autograder import outputs
from autograder.records.grading import CellRun
from autograder.records.values import Output
from autograder.results.safe_outputs import clean_outputs, markdown_to_safe_html, printed_text
from autograder.sandbox.wire import CellDone, parse_event


def png(width: int, height: int) -> str:
    """Return the beginning of a picture of some size, which is all that is looked at."""
    header = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + width.to_bytes(4) + height.to_bytes(4)
    return base64.b64encode(header + b" rest").decode()


PNG = png(640, 480)


def bundle(**data: str) -> Output:
    return Output("display_data", data={key.replace("_", "/"): value for key, value in data.items()})


def test_text_errors_and_pictures_are_kept_and_valid() -> None:
    outputs = [
        Output("stream", name="stderr", text="a warning"),
        Output("error", ename="ValueError", evalue="x", traceback=("line",)),
        Output("execute_result", data={"text/plain": "2"}),
        bundle(text_plain="<Figure>", image_png=PNG),
    ]
    clean = clean_outputs(outputs)
    assert [output.output_type for output in clean] == ["stream", "error", "execute_result", "display_data"]
    nbformat.validate(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(outputs=clean)]))


@pytest.mark.parametrize(
    "output",
    [
        bundle(text_html="<script>alert(1)</script>"),
        bundle(application_javascript="alert(1)"),
        bundle(image_png="<svg onload=alert(1)>"),
        bundle(image_png=base64.b64encode(b"GIF89a").decode()),
        bundle(image_png=png(50_000, 50_000)),
        bundle(image_png=PNG + "<script>"),
        bundle(),
    ],
)
def test_everything_else_is_left_out(output: Output) -> None:
    assert clean_outputs([output]) == []


def test_html_beside_text_leaves_the_text() -> None:
    (clean,) = clean_outputs([bundle(text_plain="a table", text_html="<table onclick=alert(1)>")])
    assert dict(clean.data) == {"text/plain": "a table"}


@pytest.mark.parametrize(
    "output",
    [
        {"output_type": "update_display_data", "data": {}},
        {"output_type": "execute_result", "data": {}, "execution_count": -7},
        {"output_type": "stream", "text": 3},
        {"output_type": "display_data", "data": {"text/plain": ["a"]}},
        {},
    ],
)
def test_an_output_of_another_shape_does_not_come_out_of_the_box(output: dict[str, Any]) -> None:
    event = {"event": "cell", "notebook": "t", "cell": 0, "outputs": [output], "errors": []}
    assert parse_event(json.dumps(event).encode()) is None


def test_more_outputs_than_a_cell_may_have_do_not_come_out_of_the_box() -> None:
    event = {"event": "cell", "notebook": "t", "cell": 0, "outputs": [{"output_type": "stream"}] * 2000}
    assert parse_event(json.dumps(event).encode()) == CellDone("t", CellRun(0, (), left_out=True))


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        '<iframe srcdoc="<script>alert(1)</script>"></iframe>',
        "[read me](javascript:alert(1))",
        "[read me](JaVaScRiPt&colon;alert(1))",
        "[read me](data:text/html,x)",
        "[read me](/hub/logout)",
        "[read me](../../api/submission/anna/autograde)",
        "[read me](//example.org)",
        "![pixel](https://example.org/pixel.png)",
        "![pixel](/hub/logout)",
        "![not there](attachment:not-there.png)",
        '<img src="attachment:not-there.png">',
        '<meta http-equiv="refresh" content="0; url=javascript:alert(1)">',
        '<p style="position: fixed; inset: 0">over everything</p>',
        '<a class="navbar-fixed-top" id="memo" href="https://example.org">Next</a>',
    ],
)
def test_nothing_runs_or_is_loaded_in_the_markdown_that_a_teacher_is_shown(hostile: str) -> None:
    page = markdown_to_safe_html(f"Dear *manager*,\n\n{hostile}")
    assert "<em>manager</em>" in page
    assert active_parts(page) == set()


def test_headings_and_tables_are_kept_links_are_written_out_and_html_is_shown_as_written() -> None:
    page = markdown_to_safe_html("# Memo\n\n[*source*](https://example.org) <b>x</b>\n\n|a|b|\n|-|-|\n|1|2|\n")
    kept = (
        "<h1>Memo</h1>",
        "<th>a</th>",
        "<td>2</td>",
        "&lt;b&gt;x&lt;/b&gt;",
        "<em>source</em> (https://example.org)",
    )
    assert [text for text in kept if text not in page] == []
    assert markdown_to_safe_html("<https://example.org>").count("example.org") == 1


@pytest.mark.parametrize(
    "formula", ["\\href{javascript:alert(1)}{x}", "\\\\href{javascript:alert(1)}{x}", "&#92;href{x}{y}"]
)
def test_formulas_in_markdown_are_shown_as_their_source(formula: str) -> None:
    """MathJax would make a link of some, in a way that no cleaning before it can see."""
    page = markdown_to_safe_html(f"Then $\\alpha$ and ${formula}$, or\n\n$${formula}$$")
    assert page.startswith('<div class="tex2jax_ignore mathjax_ignore">')
    assert page.count("<div") == page.count("</div>") == 1
    assert page.endswith("</div>")


@pytest.mark.parametrize("source", ["|a|b|\n|-|-|\n$a" * 60_000, "x" * 20_001, "|" * 301])
def test_markdown_that_takes_long_is_shown_as_it_was_written(source: str) -> None:
    assert markdown_to_safe_html(f"<b>{source}").startswith('<pre class="tex2jax_ignore mathjax_ignore">&lt;b&gt;')


def test_a_flood_of_lines_is_one_text_in_the_notebook() -> None:
    flood = Output("error", ename="E", evalue="", traceback=("",) * 100_000)
    (cleaned,) = clean_outputs([flood])
    assert len(cleaned.traceback) == 1


@pytest.mark.parametrize(
    ("written", "left"),
    [
        ("a\tb\nc", "a\tb\nc"),
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b[38m", ""),
        ("\x9b48mC1", "C1"),
        ("\x1b]8;;javascript:alert(1)\x07click\x1b]8;;\x1b\\", "click"),
        ("\x1b]0;a title that never ends\nnext", "0;a title that never ends\nnext"),
        ("\x1bP+q\x9cx\x1b(0\x1bc", "x"),
        ("\x1b\x1b[\x1b[\x00", ""),
        ("10 %\r100 %\r\nnext\r", "100 %\nnext"),
        ("b\bbo\bol\bld", "bold"),
        ("a\n\b\bb", "a\nb"),
        ("\x1b[3\x008m", "8m"),
        ("Ärger, 今日, 🙂", "Ärger, 今日, 🙂"),
    ],
)
def test_text_is_what_a_terminal_would_be_left_with(written: str, left: str) -> None:
    assert printed_text(written) == left


@given(st.text(st.sampled_from("\x1b[]0;m\x9b\x9d\x9c\x07\b\r\n\t\\aé\x00\x7f")))
def test_no_text_keeps_a_control_character(text: str) -> None:
    left = printed_text(text)
    assert [character for character in left if not character.isprintable() and character not in "\n\t"] == []
    assert printed_text(left) == left


def test_streams_errors_results_and_displays_are_all_without_codes() -> None:
    outputs = [
        Output("stream", name="stdout", text="\x1b[38mx"),
        Output("error", ename="\x1b[38mE", evalue="\x9b38mv", traceback=("\x1b[48m", "line")),
        Output("execute_result", data={"text/plain": "\x1b[38;5m2"}),
        bundle(text_plain="\x1b[1mA" * 1_000),
    ]
    written = json.dumps(clean_outputs(outputs))
    assert not any(code in written for code in ("\\u001b", "\\u009b", "[38m"))
    assert "A" * 1_000 in written


def test_configurations_of_nbgrader_that_were_written_earlier_find_what_makes_markdown_safe() -> None:
    """They name it as it was called before there were rooms."""
    assert outputs.markdown_to_safe_html is markdown_to_safe_html
