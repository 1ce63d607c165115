"""Clean the outputs of cells that came from the box, before a person opens them.

A teacher's browser shows these with the teacher's session, so only what cannot run there is kept: text, errors, and
pictures that are PNG. HTML, JavaScript, SVG and widgets are dropped; a table still has its text form.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_output

_PNG = b"\x89PNG\r\n\x1a\n"


def clean_outputs(outputs: Iterable[Mapping[str, Any]]) -> list[NotebookNode]:
    """Return nbformat outputs that hold text and pictures only; what is neither is left out."""
    return [clean for output in outputs if (clean := _clean(output)) is not None]


def _clean(output: Mapping[str, Any]) -> Any:
    match output:
        case {"output_type": "stream", "name": "stdout" | "stderr" as name, "text": str(text)}:
            return new_output("stream", name=name, text=text)
        case {"output_type": "error", "ename": str(name), "evalue": str(value), "traceback": list(lines)}:
            traceback = [line for line in lines if isinstance(line, str)]
            return new_output("error", ename=name, evalue=value, traceback=traceback)
        case {"output_type": "execute_result" | "display_data" as kind, "data": dict(data)}:
            kept = {mime: content for mime, content in data.items() if _is_harmless(mime, content)}
            if not kept:
                return None
            if kind == "display_data":
                return new_output(kind, data=kept)
            count = output.get("execution_count")
            return new_output(kind, data=kept, execution_count=count if isinstance(count, int) else None)
        case _:
            return None


def _is_harmless(mime: object, content: object) -> bool:
    if not isinstance(content, str):
        return False
    if mime == "text/plain":
        return True
    if mime != "image/png":
        return False
    try:
        return base64.b64decode(content, validate=True).startswith(_PNG)
    except (binascii.Error, ValueError):
        return False
