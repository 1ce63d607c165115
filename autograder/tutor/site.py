"""Where the course's pages are: the site that is installed with the package, and its address beside JupyterLab."""

from __future__ import annotations

import json
import os
from functools import cache
from importlib import resources
from pathlib import Path

#: The environment variable that holds the site's address, with a slash at the end, while it is served.
ADDRESS = "MLM_SITE"
_BEFORE, _AFTER = "Search.setIndex(", ")"


def site_folder() -> Path | None:
    """Return the folder of the built site, of the installed package or of the checkout; None where it was not built."""
    package = Path(str(resources.files("autograder")))
    places = (package / "shipped" / "site", package.parent / "build" / "site")
    return next((folder for folder in places if (folder / "index.html").is_file()), None)


def page_address(section: str) -> str | None:
    """Return the address of a section of the course, which is named as in "A level for each store › Reading it".

    Returns
    -------
    str or None
        To be opened in a browser; None where the site is not served, or has no such page. A section that the page does
        not have leads to the page's beginning.
    """
    folder, address = site_folder(), os.environ.get(ADDRESS)
    if not folder or not address:
        return None
    title, _, heading = section.partition(" › ")
    titles = _titles(folder)
    page = next((page for page, anchor in titles.get(title, ()) if anchor is None), None)
    if page is None:
        return None
    anchor = next((anchor for other, anchor in titles.get(heading, ()) if other == page and anchor), None)
    return f"{address}{page}.html{f'#{anchor}' if anchor else ''}"


@cache
def _titles(folder: Path) -> dict[str, list[tuple[str, str | None]]]:
    """Return where each heading of the site is: pages, and the anchor unless it is a page's own title."""
    text = (folder / "searchindex.js").read_text(encoding="utf-8")
    index = json.loads(text.removeprefix(_BEFORE).removesuffix(_AFTER))
    pages = index["docnames"]
    return {title: [(pages[page], anchor) for page, anchor in places] for title, places in index["alltitles"].items()}
