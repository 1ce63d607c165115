"""The course's pages as their authors wrote them, and the site built from them, once."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

ROOT = Path(__file__).resolve().parents[2]
COURSE = ROOT / "course"

# What runs: a code cell, or an expression whose value is printed in the text. What only looks like it: other fences.
_CELL = re.compile(r"^```\{code-cell\}[^\n]*\n(?P<cell>.*?)^```$|\{eval\}`(?P<value>[^`]+)`", re.MULTILINE | re.DOTALL)
_SILENT = (
    r"\A---\n.*?^---$",  # front matter
    r"^(?P<fence>`{3,}).*?^(?P=fence)$",  # code, and tabs with code in them
    r"^\$\$.*?^\$\$$",  # formulas
    r"\{[a-z-]+\}`[^`]*`",  # roles
    r"`[^`]*`",
    r"\$[^$\n]+\$",
    r"\]\([^)]*\)",  # where links lead
    r"^\([a-z0-9-]+\)=$",  # anchors
)


@dataclass(frozen=True)
class Page:
    """A page: its name in the site, its source, and where its HTML is."""

    name: str
    source: str
    html: Path

    @cached_property
    def soup(self) -> BeautifulSoup:
        """The page as built."""
        return BeautifulSoup(self.html.read_text(encoding="utf-8"), "html.parser")

    @property
    def prose(self) -> str:
        """The text that a person typed: no code, no formulas, no live numbers."""
        text = self.source
        for pattern in _SILENT:
            text = re.sub(pattern, " ", text, flags=re.MULTILINE | re.DOTALL)
        return text

    def run(self) -> list[tuple[str, str]]:
        """Return each live number's expression and its value, the page's code run here and now."""
        values: list[tuple[str, str]] = []
        space: dict[str, object] = {"__name__": self.name}
        for part in _CELL.finditer(self.source):
            if part["cell"] is None:
                expression = part["value"].replace("\n", " ")
                values.append((expression, str(eval(expression, space))))
            else:
                code = "\n".join(line for line in part["cell"].splitlines() if not line.startswith(":tags:"))
                exec(compile(code, f"{self.name}.md", "exec"), space)
        return values


@pytest.fixture(scope="session")
def site(made_once: Callable[[str, Callable[[Path], None]], Path]) -> Path:
    """The site, built as `scripts/site` does: a warning is an error."""
    pytest.importorskip("myst_nb", reason="no site tools: pip install '.[site]' installs them")

    def make(built: Path) -> None:
        line = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-j", "2", "-d", str(built / "state")]
        done = subprocess.run([*line, str(COURSE), str(built / "html")], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        line = [sys.executable, "-m", "autograder.play", str(built / "html" / "play")]
        line += [str(ROOT / "exercises" / name) for name in ("practice", "extension")]
        subprocess.run([*line, "--back", "../../tutorial/exercises.html"], check=True, cwd=ROOT)

    return made_once("site", make) / "html"


@pytest.fixture(scope="session")
def pages(site: Path) -> dict[str, Page]:
    """All pages by name, such as ``tutorial/data``."""
    found = {}
    for path in sorted(COURSE.rglob("*.md")):
        name = path.relative_to(COURSE).with_suffix("").as_posix()
        if name != "README":
            found[name] = Page(name, path.read_text(encoding="utf-8"), site / f"{name}.html")
    return found
