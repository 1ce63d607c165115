"""The site holds together by itself: its links lead somewhere, and it needs nothing from elsewhere."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from bs4 import BeautifulSoup
from typer.main import get_command

import reference.panels
import reference.questions
import reference.tutorial
from autograder import student
from autograder.assignment.course import Course
from autograder.cli import app
from autograder.tutor import site as cards_site

OUTSIDE = ("http://", "https://", "//")


def test_every_link_and_anchor_leads_somewhere(site: Path) -> None:
    soups = {path: soup(path) for path in site.rglob("*.html")}
    anchors = {path: {node["id"] for node in page.select("[id]")} for path, page in soups.items()}
    broken = []
    for path, page in soups.items():
        for node in page.select("a[href], link[href], img[src], script[src]"):
            address = node.get("href") or node["src"]
            if address.startswith((*OUTSIDE, "data:", "mailto:")):
                continue
            parts = urlsplit(address)
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            found = target.is_file() and (
                not parts.fragment or target not in anchors or unquote(parts.fragment) in anchors[target]
            )
            # The theme's link to the top of a page is no anchor but what browsers do with a bare #.
            if not found and address != "#":
                broken.append(f"{path.relative_to(site)}: {address}")
    assert broken == []


def test_nothing_is_fetched_from_elsewhere(site: Path) -> None:
    fetched = "script[src], img[src], iframe[src], link[rel=stylesheet], link[rel=preload], link[rel=icon], source[src]"
    for path in site.rglob("*.html"):
        addresses = [node.get("src") or node.get("href") for node in soup(path).select(fetched)]
        assert [address for address in addresses if address.startswith(OUTSIDE)] == []
    for path in site.rglob("*.css"):
        assert "url(http" not in path.read_text(encoding="utf-8").replace('"', "").replace("'", "")


def test_the_reference_is_documented_whole(pages: dict[str, Any]) -> None:
    documented = {node["id"] for node in pages["api/reference"].soup.select("dt[id]")}
    rooms = (reference, reference.panels, reference.tutorial, reference.questions)
    names = [f"{room.__name__}.{name}" for room in rooms for name in room.__all__]
    assert [name for name in names if name not in documented] == []


def test_what_learners_import_is_documented(pages: dict[str, Any]) -> None:
    documented = {node["id"] for node in pages["api/autograder"].soup.select("dt[id]")}
    assert {f"autograder.student.{name}" for name in student.__all__} <= documented


def test_every_command_is_documented(pages: dict[str, Any]) -> None:
    text = pages["api/commands"].soup.get_text()
    assert [name for name in get_command(app).commands if f"mlm {name} " not in text] == []


def test_the_site_is_made_by_a_script_that_can_be_run(root: Path) -> None:
    assert os.access(root / "scripts" / "site", os.X_OK)


def soup(path: Path) -> Any:
    """Return a page, parsed."""
    return BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


def test_every_section_that_a_card_names_can_be_opened(
    site: Path, course: Course, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cards_site, "site_folder", lambda: site)
    monkeypatch.setenv(cards_site.ADDRESS, "/course/")
    named = {item.read for assignment in course.assignments for item in course.rubric(assignment).items if item.read}
    assert named
    for section in named:
        page, _, anchor = str(cards_site.page_address(section)).removeprefix("/course/").partition("#")
        assert anchor, section
        assert soup(site / page).select(f'[id="{anchor}"]'), section
