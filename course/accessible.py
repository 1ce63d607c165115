"""What the theme leaves out for those who read with a keyboard or a screen reader.

Formulas are MathML, made when the site is built: browsers draw it and screen readers speak it, with no script.
"""

from __future__ import annotations

from typing import Any

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx
from sphinx.util.math import get_node_equation_number

# After the theme has put its parts into the page.
_LAST = 900


def setup(app: Sphinx) -> dict[str, bool]:
    """Offer the renderer ``mathml`` for ``html_math_renderer``, and mend each page before it is written."""
    app.add_html_math_renderer("mathml", (_inline, None), (_displayed, None))
    app.connect("html-page-context", _mend, priority=_LAST)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _mend(_app: Sphinx, _page: str, _template: str, context: dict[str, Any], _tree: object) -> None:
    # A heading must say of which level it is, and a box that scrolls must be reachable without a mouse.
    tree = context.get("furo_navigation_tree", "")
    context["furo_navigation_tree"] = tree.replace('role="heading"', 'role="heading" aria-level="2"')
    if "body" in context:
        body = context["body"].replace("<pre>", '<pre tabindex="0">')
        context["body"] = body.replace('<div class="table-wrapper', '<div tabindex="0" class="table-wrapper')


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
