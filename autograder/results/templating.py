"""The one set-up of templates: what is filled in is escaped, and a gap that nothing fills is an error."""

from __future__ import annotations

from functools import cache

import jinja2

from autograder.records.verdict_signs import SIGNS, tone_of


def template(name: str) -> jinja2.Template:
    """Return a template of `autograder/results/templates/` by the name of its file."""
    return _environment().get_template(name)


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("autograder.results"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.loopcontrols"],
    )
    environment.filters["tone"] = tone_of
    environment.filters["sign"] = SIGNS.__getitem__
    return environment
