"""Every solution of every assignment is right in a browser's Python, which node runs here."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from autograder.assignment.release_file import Release

HERE = Path(__file__).resolve().parent


@pytest.mark.parametrize("assignment", ["practice", "extension", "attainment"])
def test_every_solution_is_right(
    assignment: str, play: Path, releases: dict[str, Release], solutions: dict[str, Path]
) -> None:
    notebooks = [solutions[assignment] / name for name in releases[assignment].notebooks]
    line = ["node", str(HERE / "run_notebooks.mjs"), str(play), assignment, *map(str, notebooks)]
    ran = subprocess.run(line, capture_output=True, text=True, check=True)
    tones = {}
    for cell in map(json.loads, ran.stdout.splitlines()):
        asked = re.fullmatch(r'check\("(\w+)".*\)', cell["source"])
        if asked:
            shown = "".join(text for _, text in cell["shown"])
            tones[asked[1]] = re.findall(r'data-tone="(\w+)"', shown)
        else:
            assert "error" not in dict(cell["shown"]), cell
    items = releases[assignment].rubric(play).items
    judged = [item.id for item in items if not item.answer_kind.by_person]
    assert tones == {name: ["good"] for name in judged}
