"""What JupyterLab serves besides notebooks where `mlm study` started it: the start page, and the course's site.

It is a Jupyter server extension; ``jupyter/`` beside this file switches it on, and nbgrader's buttons off.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

from jupyter_server.base.handlers import AuthenticatedFileHandler, JupyterHandler
from jupyter_server.utils import url_path_join
from tornado import web

from autograder.tutor.site import ADDRESS, site_folder
from autograder.tutor.study_page import study_page

#: Where these pages are, behind JupyterLab's own address.
START, SITE = "study", "course"


class _Start(JupyterHandler):
    @web.authenticated
    async def get(self) -> None:
        """Show where the learner is, who may have answered something since."""
        folder = Path(self.settings["server_root_dir"]).expanduser()
        lab = url_path_join(self.base_url, "lab", "tree")
        site = url_path_join(self.base_url, SITE) if site_folder() else None
        # Answers are compared with a fit, which takes seconds the first time.
        page = await asyncio.to_thread(study_page, folder, lab=lab, site=site)
        await self.finish(page)


class _Site(AuthenticatedFileHandler):
    @property
    def content_security_policy(self) -> str:
        """Let the site's pages keep what the reader chose: they are ours, and not a learner's files."""
        return super(AuthenticatedFileHandler, self).content_security_policy


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": __name__}]


def _load_jupyter_server_extension(server: Any) -> None:
    base = server.web_app.settings["base_url"]
    handlers: list[tuple[Any, ...]] = [(url_path_join(base, START), _Start)]
    if folder := site_folder():
        files = {"path": str(folder), "default_filename": "index.html"}
        handlers.append((url_path_join(base, SITE, "(.*)"), _Site, files))

        def tell_kernels() -> None:
            # Which port it is, is known once the server runs; kernels inherit what is said here.
            os.environ[ADDRESS] = f"{url_path_join(server.connection_url, SITE)}/"

        server.io_loop.add_callback(tell_kernels)
    server.web_app.add_handlers(".*$", handlers)
