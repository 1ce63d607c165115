"""Formulas as MathML, made when the site is built: browsers draw it and screen readers speak it, with no script."""

from __future__ import annotations

from typing import Any

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx
from sphinx.util.math import get_node_equation_number


def setup(app: Sphinx) -> dict[str, bool]:
    """Offer Sphinx the renderer ``mathml`` for ``html_math_renderer``."""
    app.add_html_math_renderer("mathml", (_inline, None), (_displayed, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _inline(translator: Any, node: nodes.math) -> None:
    translator.body.append(tex2mathml(node.astext()))
    raise nodes.SkipNode


def _displayed(translator: Any, node: nodes.math_block) -> None:
    number = f"({get_node_equation_number(translator, node)})" if node.get("number") else ""
    anchor = f' id="{node["ids"][0]}"' if node.get("ids") else ""
    # A wide formula scrolls by itself, also by keyboard, so that the page on a phone does not.
    translator.body.append(f'<div class="formula" tabindex="0" role="group" aria-label="Formula {number}"{anchor}>')
    translator.body.append(tex2mathml(node.astext(), as_block=True))
    translator.body.append(f'<span class="number">{number}</span></div>' if number else "</div>")
    raise nodes.SkipNode
