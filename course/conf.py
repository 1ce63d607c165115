"""How Sphinx makes the site. `scripts/site` runs it."""

from __future__ import annotations

import os
import sys
from importlib.metadata import version as installed
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
# The pages' kernels find the figures and tables as this process does, wherever the build was started. Matrices here are
# small: threads would only get into each other's way.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))

project = "Multilevel models for marketing"
author = "the authors of mlm-course"
release = version = installed("mlm-course")
language = "en"

extensions = [
    "myst_nb",
    "sphinx_copybutton",
    "sphinx_inline_tabs",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "course.accessible",
]
exclude_patterns = ["README.md", "**/.ipynb_checkpoints"]

# Pages run as they are read, so that their text can show what their code has just computed. An error stops the build.
nb_execution_mode = "inline"
nb_execution_raise_on_error = True
nb_execution_timeout = 600
nb_eval_name_regex = ".+"
nb_merge_streams = True
nb_mime_priority_overrides = [("html", "text/html", 0)]
myst_enable_extensions = ["amsmath", "colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

autosummary_generate = False
autodoc_member_order = "bysource"
autodoc_typehints = "none"
numpydoc_show_class_members = False
toc_object_entries_show_parents = "hide"

html_theme = "furo"
html_title = project
html_static_path = ["_static"]
html_css_files = ["course.css"]
html_math_renderer = "mathml"
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False
html_show_copyright = False
nb_code_prompt_show = "Show the code"
nb_code_prompt_hide = "Hide the code"
# A result shows the sentence around a hit; where pages are opened as files a browser keeps that from the search.
html_show_search_summary = True
pygments_style = "a11y-high-contrast-light"
pygments_dark_style = "a11y-high-contrast-dark"
