"""Clean the outputs of cells that came from the box, before a person opens them.

A teacher's browser shows these with the teacher's session, so only what cannot run there is kept: text, errors, and
pictures that are PNG. HTML, JavaScript, SVG and widgets are dropped; a table still has its text form. Text has no
escape sequences of terminals.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable
from html import escape
from typing import Any

import nh3
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbformat import NotebookNode
from nbformat.v4 import new_output

from autograder.records.values import Output

#: How a PNG begins: its signature, then the header chunk, in which width and height come first.
_PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
#: A browser needs four bytes a pixel, however small the file is; a large figure has a tenth of this.
_MOST_PIXELS = 40_000_000

#: What steers a terminal, all of it but line ends, tabs, carriage returns and backspaces: sequences with parameters,
#: strings with an end, other sequences, single characters. No part is tried twice, so this takes linear time.
_STEERING = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*+[ -/]*+[@-~]?"
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\n\x07\x1b\x80-\x9f]*+(?:\x07|\x1b\\|\x9c)"
    r"|\x1b[ -/]*+[0-~]?"
    r"|[\x00-\x07\x0b\x0c\x0e-\x1f\x7f-\x9f]"
)

#: MathJax leaves what bears these classes alone: a formula can hold a link that runs, or load a picture.
NO_FORMULAS = "tex2jax_ignore mathjax_ignore"

#: Markdown with more characters, or more bars, is shown as it was written: its tables take a time that grows with the
#: third power of their length.
_LONGEST, _MOST_BARS = 20_000, 300

#: What Markdown becomes. Nothing here is loaded, placed elsewhere on the page, or found by the page's own scripts.
_TAGS = {
    *("a", "b", "blockquote", "br", "code", "del", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "li", "ol"),
    *("p", "pre", "span", "strong", "table", "tbody", "td", "th", "thead", "tr", "ul"),
}


def clean_outputs(outputs: Iterable[Output]) -> list[NotebookNode]:
    """Return nbformat outputs that hold text and pictures only; what is neither is left out."""
    return [clean for output in outputs if (clean := _clean(output)) is not None]


def _clean(output: Output) -> Any:
    if output.output_type == "stream":
        name = "stderr" if output.name == "stderr" else "stdout"
        return new_output("stream", name=name, text=printed_text(output.text))
    if output.output_type == "error":
        name, value = printed_text(output.ename), printed_text(output.evalue)
        return new_output("error", ename=name, evalue=value, traceback=[printed_text("\n".join(output.traceback))])
    kept = {mime: content for mime, content in output.data.items() if _is_harmless(mime, content)}
    if "text/plain" in kept:
        kept["text/plain"] = printed_text(kept["text/plain"])
    return new_output(output.output_type, data=kept) if kept else None


def printed_text(text: str) -> str:
    """Return what a terminal would be left with, in one colour: no escape sequence, no other control character.

    nbconvert turns escape sequences into colours in a time that grows with the square of their number, and gives up at
    some. A line that was written over holds what was written last, and a backspace takes back what is before it.
    """
    plain = _STEERING.sub("", text)
    if "\r" not in plain and "\b" not in plain:
        return plain
    return "\n".join(map(_written_last, plain.split("\n")))


def _written_last(line: str) -> str:
    line = line.rstrip("\r").rpartition("\r")[2]
    if "\b" not in line:
        return line
    kept: list[str] = []
    for character in line:
        if character == "\b":
            del kept[-1:]
        else:
            kept.append(character)
    return "".join(kept)


class _Renderer(IPythonRenderer):
    """nbconvert's renderer, but for what leads out of the page."""

    def image(self, text: str, url: str, title: str | None = None) -> str:
        """Return the words for those who cannot see a picture; nbconvert gives up where one is not attached."""
        return escape(text)

    def link(self, text: str, url: str, title: str | None = None) -> str:
        """Return the words of a link with its address beside them."""
        return text if text == escape(url) else f"{text} ({escape(url)})"


def markdown_to_safe_html(source: str) -> str:
    """Return Markdown as HTML in which nothing runs: for a teacher who reads it in a session of their own.

    nbgrader's pages render a learner's Markdown as it is, whatever nbconvert is told about sanitising; the
    configuration that is written beside the grades puts this in the place of nbconvert's own filter. HTML in Markdown
    is shown as the learner wrote it, formulas as their source, links as their address: a click could do what the
    teacher may do, since pages of nbgrader repeat parts of their address unescaped. Pictures are left out, since
    loading one tells its owner who reads.
    """
    if len(source) > _LONGEST or source.count("|") > _MOST_BARS:
        return f'<pre class="{NO_FORMULAS}">{escape(source)}</pre>'
    renderer = _Renderer(escape=True, exclude_anchor_links=True)
    html = nh3.clean(MarkdownWithMath(renderer=renderer).render(source), tags=_TAGS, attributes={})
    return f'<div class="{NO_FORMULAS}">{html}</div>'


def _is_harmless(mime: str, content: str) -> bool:
    if mime == "text/plain":
        return True
    if mime != "image/png":
        return False
    try:
        picture = base64.b64decode(content, validate=True)
    except (binascii.Error, ValueError):
        return False
    width, height = picture[16:20], picture[20:24]
    return picture.startswith(_PNG) and int.from_bytes(width) * int.from_bytes(height) <= _MOST_PIXELS
