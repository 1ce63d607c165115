"""The page of a release, in a folder that any web server may offer; of the course it holds the release and no more."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nh3
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

from autograder.assignment.release_file import RELEASE_FILE, Release, as_text, public, read_release_file
from autograder.language.catalogue import DEFAULT, Sentence, translated, words
from autograder.play.parts import CDN, LOCK_FILE, Parts, gather, integrity, page_file
from autograder.records.writing import write_whole
from autograder.results.templating import template

#: What every page of a folder shares; the service worker is written last, with the hashes of the rest before it.
_SHARED = ("page.js", "notebook.js", "editor.js", "store.js", "python.js", "play.css")
_PARTS = "parts"
_PAGE = "index.html"


@dataclass(frozen=True)
class PageCell:
    """A cell as the page shows it: Markdown as HTML, or code or a memo that is typed into a box of some rows."""

    id: str
    kind: str
    content: str
    locked: bool

    @property
    def rows(self) -> int:
        """How many lines it has."""
        return self.content.count("\n") + 1


def write_play(
    releases: Sequence[Release],
    into: Path,
    *,
    vendored: bool = False,
    source: Path | None = None,
    back: str | None = None,
) -> list[Path]:
    """Write the pages of releases into a folder, beside those that are there already, and return them.

    Parameters
    ----------
    releases : sequence of Release
        What learners may have of them is written, and nothing else.
    into : Path
        The folder to offer. Files of an earlier build are replaced.
    vendored : bool
        Whether Python itself goes into the folder, instead of being taken from its usual CDN by each browser.
    source : Path or None
        A folder with these parts, such as ``parts`` of an earlier build, for builds without a network.
    back : str or None
        Where the page's link to the course leads.

    Raises
    ------
    CourseError
        If a part is missing or is not what the lock says; nothing is written then.
    """
    parts = gather(into / _PARTS, vendored=vendored, source=source)
    files = {f"{_PARTS}/{name}": content for name, content in parts.files.items()}
    files[f"{_PARTS}/{LOCK_FILE}"] = json.dumps(parts.lock, indent=1).encode()
    files |= {name: page_file(name) for name in _SHARED}
    given = [public(release) for release in releases]
    for release in given:
        texts = {**release.notebooks, RELEASE_FILE: as_text(release), _PAGE: _page(release, parts, back)}
        files |= {f"{release.contents.assignment}/{name}": text.encode() for name, text in texts.items()}
    for name, content in files.items():
        path = into / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    index = template("play_index.html").render(
        pages=list(_pages(into)), language=_language(given[0]), said=_said(given[0])
    )
    write_whole(into / _PAGE, index)
    _write_service_worker(into, files, parts)
    return [into / release.contents.assignment / _PAGE for release in given]


def _write_service_worker(into: Path, files: Mapping[str, bytes], parts: Parts) -> None:
    """Write the service worker, with the hash of each file that it may give a page; those of other releases, too."""
    hashes = {name: integrity(content) for name, content in files.items()}
    for page, _ in _pages(into):
        for path in (into / page).parent.iterdir():
            hashes[path.relative_to(into).as_posix()] = integrity(path.read_bytes())
    hashes[_PAGE] = integrity((into / _PAGE).read_bytes())
    hashes |= {address: integrity(digest) for address, digest in parts.elsewhere.items()}
    known = json.dumps(hashes, indent=1, sort_keys=True)
    build = hashlib.sha256(known.encode()).hexdigest()[:16]
    head = f'const BUILD = "{build}";\nconst FILES = {known};\n'
    write_whole(into / "service-worker.js", head + page_file("service-worker.js").decode())


def _pages(into: Path) -> Iterator[tuple[str, Release]]:
    """Yield each page in a folder, by its address there, and its release."""
    for path in sorted(into.glob(f"*/{RELEASE_FILE}")):
        release = read_release_file(path)
        if release and (path.parent / _PAGE).is_file():
            yield f"{path.parent.name}/{_PAGE}", release


def _language(release: Release) -> str:
    return str(release.contents.declaration.get("language") or release.policies.language)


def _said(release: Release) -> dict[str, str]:
    """Return the page's own sentences, in the release's language where it has them."""
    known = {**words(DEFAULT), **words(_language(release))}
    return {key.removeprefix("play."): text for key, text in known.items() if key.startswith("play.")}


def _page(release: Release, parts: Parts, back: str | None) -> str:
    declaration, said = release.contents.declaration, _said(release)
    # Who studies alone may be shown answers; what a teacher will grade is answered as the teacher says.
    settings = {
        "assignment": release.contents.assignment,
        "notebooks": [entry["name"] for entry in declaration["notebook"]],
        "study": bool(declaration.get("study", release.policies.study)),
        "runtime": parts.runtime,
        "words": said,
    }
    notebooks = [
        (entry["name"], entry["title"], list(_cells(json.loads(release.notebooks[f"{entry['name']}.ipynb"]))))
        for entry in declaration["notebook"]
    ]
    return template("play.html").render(
        title=declaration["title"],
        language=_language(release),
        said=said,
        settings=json.dumps(settings).replace("<", "\\u003c"),
        notebooks=notebooks,
        back=back,
        cdn=CDN,
        progress=translated(Sentence("progress.title"), _language(release)),
    )


def _cells(notebook: dict[str, Any]) -> Iterator[PageCell]:
    for number, cell in enumerate(notebook["cells"]):
        entry = cell["metadata"].get("nbgrader", {})
        text = "".join(cell["source"])
        name = cell.get("id", f"cell-{number}")
        if cell["cell_type"] == "code":
            yield PageCell(name, "code", text, bool(entry.get("locked")))
        elif entry.get("solution"):
            yield PageCell(name, "memo", text, False)
        else:
            yield PageCell(name, "text", _as_html(text), True)


def _as_html(markdown: str) -> str:
    """Return an author's Markdown as HTML in which nothing runs, its headings a level below the page's own."""
    html = MarkdownWithMath(renderer=IPythonRenderer(escape=False, exclude_anchor_links=True)).render(markdown)
    html = re.sub(r"(</?h)([1-5])\b", lambda tag: f"{tag[1]}{int(tag[2]) + 1}", html)
    return (
        nh3.clean(html)
        .replace("<table>", '<div class="wide" tabindex="0"><table>')
        .replace("</table>", "</table></div>")
    )
