"""The page that nbgrader's formgrader makes of an executed notebook, without the server around it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import nbformat
from nbconvert.exporters import HTMLExporter
from nbgrader.server_extensions.formgrader import handlers
from traitlets.config.loader import PyFileConfigLoader

#: What formgrader tells its template of a submission.
_RESOURCES = dict.fromkeys(
    ("base_url", "submission_id", "notebook_id", "assignment_id", "student", "notebook_path"), ""
)
_NUMBERS = {"index": 0, "total": 1}
_NOTHING = dict.fromkeys(("last_name", "first_name"))


def formgrader_of(into: Path) -> Callable[[str], str]:
    """Return what makes a page of a notebook's text, with the configuration that was written beside the grades."""
    configuration = PyFileConfigLoader("nbgrader_config.py", path=str(into)).load_config()
    configuration.HTMLExporter.template_name = "formgrade"
    configuration.HTMLExporter.extra_template_basedirs = [handlers.template_path]
    exporter = HTMLExporter(config=configuration)

    def page(text: str) -> str:
        resources = {**_RESOURCES, **_NUMBERS, **_NOTHING}
        made, _ = exporter.from_notebook_node(nbformat.reads(text, as_version=4), resources=resources)
        return str(made)

    return page
