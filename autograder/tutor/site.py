"""Where a section of the course can be opened: in the site that was built or installed, served beside JupyterLab.

`mlm study` lets JupyterLab serve it and says so in the environment, where the kernels find it. Where there is no site,
or no such JupyterLab, a card names the section and links to nothing.
"""

from __future__ import annotations

import os
import re
import zlib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from pathlib import Path

#: The variable of the environment with what the addresses of the site's pages begin with.
SITE = "MLM_SITE"
#: What JupyterLab serves its own files under, and the site beside them.
_SERVED = "/static"
_INVENTORY = "objects.inv"


def serve_beside_jupyter() -> list[str]:
    """Return JupyterLab's options that let it serve the site, and tell its kernels; none where there is no site."""
    folder = _folder()
    if folder is None:
        return []
    os.environ[SITE] = _SERVED
    return [f"--ServerApp.extra_static_paths={[str(folder)]!r}"]


def address_of(section: str) -> str | None:
    """Return the address of "page › section", by their titles; None where it cannot be opened."""
    start, folder = os.environ.get(SITE), _folder()
    title, _, heading = section.partition(" › ")
    page = _pages(folder).get(title) if start and folder else None
    # As Sphinx makes the anchor of a heading.
    anchor = re.sub("[^a-z0-9]+", "-", heading.lower()).strip("-")
    return f"{start}/{page}#{anchor}" if page else None


def _folder() -> Path | None:
    package = Path(str(resources.files("autograder")))
    places = (package / "shipped" / "site", package.parent / "build" / "site")
    return next((folder for folder in places if (folder / _INVENTORY).is_file()), None)


@cache
def _pages(folder: Path) -> Mapping[str, str]:
    """Return the pages of a site by title, from the inventory that Sphinx writes: four lines, the rest compressed."""
    packed = (folder / _INVENTORY).read_bytes().split(b"\n", 4)[4]
    lines = re.findall(r"^(\S+) std:doc \S+ (\S+) (.+)$", zlib.decompress(packed).decode(), re.MULTILINE)
    return {title: address.replace("$", name) for name, address, title in lines}
