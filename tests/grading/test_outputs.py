"""What a teacher's browser is shown of a learner's outputs: text and pictures, nothing that runs."""

from __future__ import annotations

import base64
from typing import Any

import nbformat
import pytest

from autograder.outputs import clean_outputs

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n rest").decode()


def bundle(**data: Any) -> dict[str, Any]:
    return {"output_type": "display_data", "data": {key.replace("_", "/"): value for key, value in data.items()}}


def test_text_errors_and_pictures_are_kept_and_valid() -> None:
    outputs = [
        {"output_type": "stream", "name": "stderr", "text": "a warning"},
        {"output_type": "error", "ename": "ValueError", "evalue": "x", "traceback": ["line", 3]},
        {"output_type": "execute_result", "data": {"text/plain": "2"}, "execution_count": 1},
        bundle(text_plain="<Figure>", image_png=PNG),
    ]
    clean = clean_outputs(outputs)
    assert [output.output_type for output in clean] == ["stream", "error", "execute_result", "display_data"]
    nbformat.validate(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(outputs=clean)]))


@pytest.mark.parametrize(
    "output",
    [
        {},
        {"output_type": "stream", "name": "stdlog", "text": "x"},
        {"output_type": "stream", "name": "stdout", "text": 3},
        {"output_type": "error", "ename": "E", "evalue": "x", "traceback": "not a list"},
        bundle(text_html="<script>alert(1)</script>"),
        bundle(application_javascript="alert(1)"),
        bundle(image_png="<svg onload=alert(1)>"),
        bundle(image_png=base64.b64encode(b"GIF89a").decode()),
        bundle(text_plain=["a", "b"]),
        {"output_type": "display_data", "data": "x"},
        {"output_type": "update_display_data", "data": {"text/plain": "x"}},
    ],
)
def test_everything_else_is_left_out(output: dict[str, Any]) -> None:
    assert clean_outputs([output]) == []


def test_html_beside_text_leaves_the_text() -> None:
    (clean,) = clean_outputs([bundle(text_plain="a table", text_html="<table onclick=alert(1)>")])
    assert dict(clean.data) == {"text/plain": "a table"}
