"""Where a section of the course is to be read, once JupyterLab serves the site."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from autograder.tutor import site

INDEX = {
    "docnames": ["primer/why", "tutorial/random-intercept"],
    "alltitles": {
        "Why": [[0, None]],
        "A level for each store": [[1, None]],
        "Reading it": [[0, "reading-it"], [1, "reading-it"]],
        "R²": [[1, "r2"]],
    },
}


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "searchindex.js").write_text(f"Search.setIndex({json.dumps(INDEX)})", encoding="utf-8")
    monkeypatch.setattr(site, "site_folder", lambda: tmp_path)
    monkeypatch.setenv(site.ADDRESS, "http://localhost:8888/course/")


@pytest.mark.usefixtures("served")
@pytest.mark.parametrize(
    ("section", "address"),
    [
        ("A level for each store › Reading it", "tutorial/random-intercept.html#reading-it"),
        ("Why › Reading it", "primer/why.html#reading-it"),
        ("A level for each store › R²", "tutorial/random-intercept.html#r2"),
        ("A level for each store › Gone", "tutorial/random-intercept.html"),
        ("A level for each store", "tutorial/random-intercept.html"),
    ],
)
def test_a_section_has_an_address(section: str, address: str) -> None:
    assert site.page_address(section) == f"http://localhost:8888/course/{address}"


@pytest.mark.usefixtures("served")
def test_what_is_not_there_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    assert site.page_address("No such page › Reading it") is None
    assert site.page_address("Reading it") is None
    monkeypatch.delenv(site.ADDRESS)
    assert site.page_address("Why") is None
