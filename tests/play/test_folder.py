"""What the folder of a page holds: the release, the parts by their hashes, and nothing that tells how it is graded."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import msgspec
import nbformat
import pytest

from autograder.assignment.release_file import Release
from autograder.cli import main
from autograder.errors import CourseError
from autograder.play.pages import write_play
from autograder.play.parts import LOCK_FILE, page_file

LOCK = json.loads(page_file(LOCK_FILE))


@pytest.fixture(scope="module")
def folder(releases: dict[str, Release], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as it is made where nothing is said: Python comes from its usual address. It takes no network."""
    into = tmp_path_factory.mktemp("page")
    write_play(list(releases.values()), into)
    return into


def wheel(folder: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(next((folder / "parts").glob("mlm_course-*.whl"))) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def known(folder: Path) -> dict[str, str]:
    """The hashes that the service worker compares files with, by address."""
    text = (folder / "service-worker.js").read_text(encoding="utf-8")
    return dict(json.loads(re.search(r"const FILES = (\{.*?\});", text, re.DOTALL)[1]))  # type: ignore[index]


def integrity(content: bytes) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(content).digest()).decode()


def test_it_is_small_and_pins_every_file_by_its_hash(folder: Path) -> None:
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 2_000_000
    hashes = known(folder)
    here = {path.relative_to(folder).as_posix(): integrity(path.read_bytes()) for path in files}
    assert here.pop("service-worker.js")
    assert {name: digest for name, digest in hashes.items() if "://" not in name} == here
    elsewhere = {address.rpartition("/")[2]: digest for address, digest in hashes.items() if "://" in address}
    pinned = {**LOCK["runtime"], **{entry["file_name"]: entry["sha256"] for entry in LOCK["packages"].values()}}
    assert elsewhere == {
        name: "sha256-" + base64.b64encode(bytes.fromhex(digest)).decode() for name, digest in pinned.items()
    }


def test_the_lock_lists_our_wheel_and_all_that_it_needs(folder: Path) -> None:
    packages = json.loads((folder / "parts" / LOCK_FILE).read_bytes())["packages"]
    ours = packages["mlm-course"]
    assert hashlib.sha256((folder / "parts" / ours["file_name"]).read_bytes()).hexdigest() == ours["sha256"]
    needed, waiting = set(), ["mlm-course"]
    while waiting:
        name = waiting.pop()
        needed.add(name)
        waiting += set(packages[name]["depends"]) - needed
    assert needed <= packages.keys()


def test_of_the_course_it_holds_the_release_and_nothing_more(
    folder: Path, releases: dict[str, Release], solutions: dict[str, Path]
) -> None:
    for assignment, release in releases.items():
        names = {path.name for path in (folder / assignment).iterdir()}
        assert names == {*release.notebooks, "release.json", "index.html"}
        assert (
            "panels" not in json.loads((folder / assignment / "release.json").read_bytes())["contents"]["declaration"]
        )
    texts = [path.read_text(encoding="utf-8") for path in folder.rglob("*") if path.suffix != ".whl" and path.is_file()]
    texts += [content.decode(errors="replace") for content in wheel(folder).values()]
    everything = "\n".join(texts)
    for source in solutions.values():
        for path in source.glob("*.ipynb"):
            assert [line for line in solution_lines(path) if line in everything] == []
    assert not [name for name in wheel(folder) if "shipped" in name or "seed" in name or name.endswith(".ipynb")]


def solution_lines(path: Path) -> list[str]:
    """The lines that a notebook's author took out of what learners get, the shortest ones aside."""
    text = "\n".join(cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code")
    parts = re.findall(r"### BEGIN SOLUTION\n(.*?)### END SOLUTION", text, re.DOTALL)
    lines = [line.strip() for part in parts for line in part.splitlines() if len(line.strip()) > 40]
    assert lines or "memo" in path.name
    return lines


def test_no_value_that_is_right_is_in_it(folder: Path, panels: tuple[Any, ...]) -> None:
    values = [value for value in panels[0].answers.values.values() if isinstance(value, float)]
    digits = [f"{abs(value):.6f}".lstrip("0") for value in values if not float(value).is_integer()]
    assert len(digits) > 5
    for path in folder.rglob("*"):
        if path.suffix in (".html", ".json", ".js", ".ipynb"):
            text = path.read_text(encoding="utf-8")
            assert [digit for digit in digits if digit in text] == []


def test_who_does_not_study_alone_is_shown_no_answers(releases: dict[str, Release], tmp_path: Path) -> None:
    release = releases["practice"]
    exam = msgspec.structs.replace(release, policies=msgspec.structs.replace(release.policies, study=False))
    for one, alone in ((release, True), (exam, False)):
        (page,) = write_play([one], tmp_path / str(alone))
        settings = re.search(r'id="settings">(.*?)</script>', page.read_text(encoding="utf-8"))
        assert settings is not None
        assert json.loads(settings[1])["study"] is alone


def test_a_page_is_in_the_language_of_its_release(releases: dict[str, Release], tmp_path: Path) -> None:
    release = releases["practice"]
    german = msgspec.structs.replace(release, policies=msgspec.structs.replace(release.policies, language="de"))
    (page,) = write_play([german], tmp_path)
    text = page.read_text(encoding="utf-8")
    assert '<html lang="de">' in text
    assert "Hier wird nichts bewertet." in text
    assert "Nothing is graded here" not in text


def test_nothing_in_an_authors_text_runs(releases: dict[str, Release], tmp_path: Path) -> None:
    release = releases["practice"]
    notebook = json.loads(release.notebooks["task1-icc.ipynb"])
    notebook["cells"][0]["source"] = "# Hi\n<script>alert(1)</script> <img src=x onerror=alert(1)> </script>"
    texts = {**release.notebooks, "task1-icc.ipynb": json.dumps(notebook)}
    (page,) = write_play([msgspec.structs.replace(release, notebooks=texts)], tmp_path)
    assert "alert(1)" not in page.read_text(encoding="utf-8").replace("&lt;", "<").partition("<main>")[2]


def test_an_assignment_is_added_to_those_that_are_there(releases: dict[str, Release], tmp_path: Path) -> None:
    for assignment in ("practice", "extension"):
        write_play([releases[assignment]], tmp_path)
    assert {"practice/index.html", "extension/index.html"} <= known(tmp_path).keys()
    index = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert 'href="practice/index.html"' in index
    assert 'href="extension/index.html"' in index


def given_parts(folder: Path) -> Path:
    """Parts of a few bytes each, with a lock that says so."""
    folder.mkdir()
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as made:
        made.writestr("nothing.txt", "")
    content = archive.getvalue()
    digest = hashlib.sha256(content).hexdigest()
    packages = {name: {**entry, "sha256": digest} for name, entry in LOCK["packages"].items()}
    for name in [*LOCK["runtime"], *(entry["file_name"] for entry in packages.values())]:
        (folder / name).write_bytes(content)
    lock = {"info": LOCK["info"], "packages": packages, "runtime": dict.fromkeys(LOCK["runtime"], digest)}
    (folder / LOCK_FILE).write_text(json.dumps(lock), encoding="utf-8")
    return folder


def spoil(path: Path) -> None:
    path.write_bytes(b"something else")


@pytest.mark.parametrize(
    ("harm", "said"),
    [(spoil, "is not the file that the lock names"), (Path.unlink, "is missing")],
    ids=["changed", "gone"],
)
@pytest.mark.parametrize("part", ["pyodide.asm.wasm", LOCK["packages"]["numpy"]["file_name"]])
def test_a_part_that_is_not_what_the_lock_says_is_refused(
    part: str, harm: Any, said: str, releases: dict[str, Release], tmp_path: Path
) -> None:
    source = given_parts(tmp_path / "given")
    harm(source / part)
    with pytest.raises(CourseError, match=f"{re.escape(part)} {said}"):
        write_play([releases["practice"]], tmp_path / "page", source=source)
    assert not (tmp_path / "page").exists()


def test_the_command_says_what_it_needs(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["release", "practice", "--course", "solutions", "--vendored"])
    assert ended.value.code == 2
    assert "--play" in capsys.readouterr().err


#: A session outside a browser: what its cells show, as a list of kinds and texts.
SESSION = """
import json, sys
from autograder.play.session import Session
shown, out = [], sys.stdout
session = Session(lambda kind, text: shown.append((kind, text)))
for notebook, cell in json.loads(sys.argv[1]):
    session.run(notebook, cell)
out.write(json.dumps(shown))
"""


def session(*cells: str, notebooks: tuple[str, ...] = ()) -> list[list[str]]:
    given = json.dumps(list(zip(notebooks or ["one"] * len(cells), cells, strict=True)))
    line = [sys.executable, "-c", SESSION, given]
    return list(json.loads(subprocess.run(line, capture_output=True, text=True, check=True).stdout))


def test_a_cell_shows_what_a_notebook_would() -> None:
    assert session("print('a')\n1 + 1") == [["stdout", "a"], ["stdout", "\n"], ["text", "2"]]
    assert session("1 + 1;", "x = 3", "x if x else None", "None") == [["text", "3"]]
    ((kind, html),) = session("import pandas as pd\npd.DataFrame({'a': [1]})")
    assert kind == "html"
    assert "<table" in html


def test_notebooks_do_not_share_names() -> None:
    ((kind, text),) = session("x = 1", "x", notebooks=("one", "two"))
    assert kind == "error"
    assert "NameError" in text


def test_an_error_begins_with_the_cell() -> None:
    ((kind, text),) = session("def f():\n    return 1 / 0\nf()")
    assert kind == "error"
    assert "return 1 / 0" in text
    assert "ZeroDivisionError" in text
    assert "session.py" not in text


@pytest.mark.parametrize("line", ["%matplotlib inline", "!pip install pymer4", "  %time x"])
def test_a_line_for_jupyter_costs_itself(line: str) -> None:
    assert session(f"if True:\n    pass\n{line.strip()}\n7") == [["magic", ""], ["text", "7"]]


def test_a_syntax_error_is_shown_as_such() -> None:
    ((kind, text),) = session("x = = 1")
    assert kind == "error"
    assert "SyntaxError" in text


def test_what_never_ends_printing_is_cut() -> None:
    shown = session("for i in range(100_000):\n    print(i, 'x' * 100)", "print('next')")
    assert ["cut", ""] in shown
    assert sum(len(text) for _, text in shown) < 110_000
    assert shown[-2:] == [["stdout", "next"], ["stdout", "\n"]]


def test_figures_are_shown_when_the_cell_ends() -> None:
    shown = session("import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()\nplt.figure();")
    assert [kind for kind, _ in shown if kind == "png"] == ["png", "png"]
