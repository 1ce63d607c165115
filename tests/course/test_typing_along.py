"""What the pages say a learner types: each tab, from page to page, in what the wheel brings, and in R."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

TAB = re.compile(r"^````\{tab\} (\w+)\n```(\w+)\n(.*?)\n```\n````$", re.MULTILINE | re.DOTALL)
CELL = re.compile(r"^```\{code-cell\} python\n(:tags: [^\n]*\n)?(.*?)^```$", re.MULTILINE | re.DOTALL)
HIDDEN = ("hide-input", "remove-input", "remove-cell")
ROW = re.compile(r"^\* - .*\n  - `(.*)`\n  - `(.*)`\n  - `(.*)`$", re.MULTILINE)
COLUMNS = ("lme4", "reference", "statsmodels")
FIRST = {"lme4": "R", "reference": "Python", "statsmodels": "Python"}
#: What every software computes under the same name.
NAMES = ("slope", "icc", "chi2", "steepest", "criterion", "without", "strongest")


@pytest.fixture(scope="session")
def pages(root: Path) -> list[Path]:
    """The pages of the site in the order of its contents."""
    index = (root / "course" / "index.md").read_text(encoding="utf-8")
    named = [line for block in re.findall(r"```\{toctree\}\n(.*?)```", index, re.DOTALL) for line in block.splitlines()]
    return [path for name in named if (path := root / "course" / f"{name}.md").exists()]


def typed(pages: list[Path], software: str) -> str:
    """Return what one types with a software, from the first page to the last."""
    lines = []
    for page in pages:
        text = page.read_text(encoding="utf-8")
        lines += [code for label, _, code in TAB.findall(text) if label in (software, FIRST[software])]
        if page.stem == "from-r":
            rows = ROW.findall(text)
            table = text.split("```{list-table}")[1]
            assert len(rows) == table.count("\n* - ") - 1
            lines += [row[COLUMNS.index(software)] for row in rows]
    return "\n".join(lines)


@pytest.fixture(scope="session")
def home(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the built wheel in it, as pip would unpack it."""
    home = tmp_path_factory.mktemp("learner")
    zipfile.ZipFile(wheel).extractall(home / "site")
    return home


def in_python(home: Path, code: str, names: tuple[str, ...] = NAMES) -> dict[str, object]:
    ending = f"""
import json, reference
from importlib.util import find_spec
plain = [[str(one) for one in value] if isinstance(value, list) else float(value) for value in [{", ".join(names)}]]
assert reference.__file__.startswith({str(home)!r}) and find_spec("course") is None
print(json.dumps(dict(zip({names!r}, plain))))
"""
    environment = {**os.environ, "PYTHONPATH": str(home / "site"), "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-P", "-c", code + ending]
    ended = subprocess.run(command, cwd=home, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr[-3000:]
    return dict(json.loads(ended.stdout.splitlines()[-1]))


@pytest.fixture(scope="session")
def computed(pages: list[Path], home: Path) -> dict[str, object]:
    return in_python(home, typed(pages, "reference"))


def test_statsmodels_tabs_run_from_the_wheel_and_agree(pages, home, computed):
    assert in_python(home, typed(pages, "statsmodels")) == {
        name: value if isinstance(value, list) else pytest.approx(value, rel=1e-3) for name, value in computed.items()
    }


def test_code_that_a_page_shows_as_its_own_runs_from_the_wheel(pages, home):
    shown = {}
    for page in pages:
        cells = CELL.findall(page.read_text(encoding="utf-8"))
        shown[page.stem] = "\n".join(code for tags, code in cells if not any(tag in tags for tag in HIDDEN))
    assert shown["software"]
    for code in filter(None, shown.values()):
        in_python(home, code, ())


@pytest.mark.skipif(not shutil.which("Rscript"), reason="R is not installed")
def test_lme4_tabs_run_and_agree(pages, home, computed):
    shows = "cat(jsonlite::toJSON(list({}), auto_unbox = TRUE, digits = 12))".format(
        ", ".join(f"{name} = unname({name})" for name in NAMES)
    )
    in_r = subprocess.run(
        ["Rscript", "-e", typed(pages, "lme4") + "\n" + shows], cwd=home, capture_output=True, text=True, check=False
    )
    assert in_r.returncode == 0, in_r.stderr[-3000:]
    found = json.loads(in_r.stdout.splitlines()[-1])
    assert found == {
        name: value if isinstance(value, list) else pytest.approx(value, rel=1e-3) for name, value in computed.items()
    }


def test_no_typed_line_is_wider_than_the_column(pages):
    widths = {
        line: len(line)
        for page in pages
        for _, _, code in TAB.findall(page.read_text(encoding="utf-8"))
        for line in code.splitlines()
    }
    assert widths
    assert [line for line, width in widths.items() if width > 100] == []
