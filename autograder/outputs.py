"""Clean the outputs of cells that came from the box, before a person opens them.

A teacher's browser shows these with the teacher's session, so only what cannot run there is kept: text, errors, and
pictures that are PNG. HTML, JavaScript, SVG and widgets are dropped; a table still has its text form.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from typing import Any

from nbconvert.filters import clean_html, markdown2html_mistune
from nbformat import NotebookNode
from nbformat.v4 import new_output

from autograder.answers import Output

_PNG = b"\x89PNG\r\n\x1a\n"


def clean_outputs(outputs: Iterable[Output]) -> list[NotebookNode]:
    """Return nbformat outputs that hold text and pictures only; what is neither is left out."""
    return [clean for output in outputs if (clean := _clean(output)) is not None]


def _clean(output: Output) -> Any:
    if output.output_type == "stream":
        name = "stderr" if output.name == "stderr" else "stdout"
        return new_output("stream", name=name, text=output.text)
    if output.output_type == "error":
        return new_output("error", ename=output.ename, evalue=output.evalue, traceback=list(output.traceback))
    kept = {mime: content for mime, content in output.data.items() if _is_harmless(mime, content)}
    return new_output(output.output_type, data=kept) if kept else None


def markdown_to_safe_html(source: str) -> str:
    """Return Markdown as HTML in which nothing runs: for a teacher who reads it in a session of their own.

    nbgrader's pages render a learner's Markdown as it is, whatever nbconvert is told about sanitising; the
    configuration that is written beside the grades puts this in the place of nbconvert's own filter.
    """
    # A formula can hold a link too, which the page makes live only after it was cleaned.
    safe: str = clean_html(markdown2html_mistune(source.replace("\\href", "href")))
    return safe


def _is_harmless(mime: str, content: str) -> bool:
    if mime == "text/plain":
        return True
    if mime != "image/png":
        return False
    try:
        return base64.b64decode(content, validate=True).startswith(_PNG)
    except (binascii.Error, ValueError):
        return False
