"""Who may import whom, and that the pages of the project keep their promises."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
import tomllib
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from typer.main import get_command

import autograder.student
from autograder.assignment import contents, declaration, rubric
from autograder.assignment.course import Course, CourseFile
from autograder.assignment.key import own_panel
from autograder.assignment.release import make_release, released_files
from autograder.assignment.release_file import as_text
from autograder.assignment.samples import Sample
from autograder.cli import app
from autograder.kinds.registry import KINDS
from reference.questions import LIBRARY, AnswerKey, Column, Panels

ROOT = Path(__file__).resolve().parents[2]


def imports(path: Path) -> set[str]:
    """Return the top-level and dotted names a Python file imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def ours(path: Path, package: str) -> bool:
    return any(name.split(".")[0] == package for name in imports(path))


def test_the_reference_knows_nothing_of_the_autograder() -> None:
    assert [path.name for path in (ROOT / "reference").rglob("*.py") if ours(path, "autograder")] == []


def test_the_autograder_knows_the_reference_through_its_key_alone() -> None:
    # What asks of a table is written where the questions are known, too.
    authoring = ("authoring", "new.py")
    users = {
        path.name
        for path in (ROOT / "autograder").rglob("*.py")
        if ours(path, "reference") and not {*authoring} & {path.parent.name, path.name}
    }
    # What an assignment declares, its own questions too, is read where the questions are known.
    declared = {"contents.py", "declaration.py", "extra.py", "translations.py"}
    # The class is a multilevel model, too, and has nothing to do with a key.
    assert users == {"key.py", "rubric.py", "models.py", "class_statistics.py", *declared}
    # `mlm fit` has nothing to do with grading.
    used = imports(ROOT / "autograder" / "models.py")
    command = {name for name in used if name.split(".")[0] == "reference"}
    assert {name.split(".")[1] for name in command} == {"command", "errors"}
    student = imports(ROOT / "autograder" / "student.py")
    assert not {name for name in student if name.split(".")[0] == "reference"}


def test_the_boxes_own_code_imports_nothing_of_ours() -> None:
    for inside in (ROOT / "autograder" / "sandbox" / "inside").glob("*.py"):
        assert not ours(inside, "autograder")
        assert not ours(inside, "reference")


def test_the_course_is_built_on_the_reference_and_nothing_on_the_course() -> None:
    assert [path.name for path in (ROOT / "course").rglob("*.py") if ours(path, "autograder")] == []
    code = [path for folder in ("reference", "autograder") for path in (ROOT / folder).rglob("*.py")]
    assert [path.name for path in code if ours(path, "course")] == []


def test_the_solutions_take_no_more_of_the_reference_than_the_fit_of_statsmodels() -> None:
    # Every number is then statsmodels' own; tests/grading/test_right_ways.py has ways without the engine.
    taken = {
        line.strip()
        for path in (ROOT / "solutions").rglob("*.ipynb")
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]
        for line in "".join(cell["source"]).splitlines()
        if re.match(r"\s*(?:import|from) reference\b", line)
    }
    assert taken == {"from reference import fit_statsmodels"}


def test_a_learner_is_given_six_names() -> None:
    assert autograder.student.__all__ == ["another", "check", "load_panel", "progress", "reveal", "summary"]


@pytest.mark.parametrize("assignment", Course(ROOT / "solutions").assignments)
def test_the_committed_release_is_made_from_the_solutions(course: Course, assignment: str) -> None:
    # What a notebook that ran there left behind is hidden.
    files = (path for path in course.release(assignment).iterdir() if not path.name.startswith("."))
    committed = {path.name: path.read_text(encoding="utf-8") for path in files}
    made = make_release(course, course.rubric(assignment))
    assert committed == released_files(made)
    kept = course.source(assignment) / "releases" / f"{made.id}.json"
    assert kept.read_text(encoding="utf-8") == as_text(made)


@pytest.mark.parametrize("assignment", Course(ROOT / "solutions").assignments)
def test_the_release_holds_no_solution(course: Course, assignment: str) -> None:
    for text in released_files(make_release(course, course.rubric(assignment))).values():
        assert "BEGIN SOLUTION" not in text
        assert "raise NotImplementedError" in text or "YOUR ANSWER HERE" in text


def commands() -> list[str]:
    return [*get_command(app).commands]


def test_every_command_is_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [name for name in commands() if f"`mlm {name}" not in readme] == []


def test_every_file_the_readme_links_to_is_there() -> None:
    for page in ("README.md", "SECURITY.md", "CHANGELOG.md", "CONTRIBUTING.md", "course/authors.md"):
        text = (ROOT / page).read_text(encoding="utf-8")
        links = [link for link in re.findall(r"\]\(([^)#]+)[^)]*\)", text) if "://" not in link]
        assert [link for link in links if not (ROOT / page).parent.joinpath(link).exists()] == []


def test_the_readmes_commands_are_scripts_that_can_be_run() -> None:
    pages = "".join((ROOT / page).read_text(encoding="utf-8") for page in ("README.md", "CONTRIBUTING.md"))
    scripts = set(re.findall(r"scripts/[a-z-]+", pages))
    assert {"scripts/demo", "scripts/test", "scripts/test-lowest"} <= scripts
    assert all(os.access(ROOT / script, os.X_OK) for script in scripts)


def test_pre_commit_runs_the_linters_of_the_test_script() -> None:
    script = (ROOT / "scripts" / "test").read_text(encoding="utf-8")
    linters = {
        line.removesuffix(" .") for line in script.splitlines() if line.startswith((".venv/bin/ruff", ".venv/bin/mypy"))
    }
    hooks = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    assert linters == set(re.findall(r"entry: (.+)", hooks)) != set()


def test_the_authors_page_explains_every_key_and_every_kind() -> None:
    page = (ROOT / "course" / "authors.md").read_text(encoding="utf-8")
    structs = (contents.Declaration, contents.DeclaredNotebook, rubric.Item, rubric.Slot, rubric.Memo)
    structs += (CourseFile, Column, Panels, Sample)
    keys = {name for struct in structs for name in struct.__struct_fields__}
    known = set(re.findall(r"`(\w+)`", page)) | set(re.findall(r"^\[*(?:notebook\.)*(\w+)", page, re.M))
    keys |= {name for question in LIBRARY.values() for name in question.parameters}
    assert (keys | KINDS.keys() | LIBRARY.keys()) - known == set()
    assert {field.name for field in fields(AnswerKey)} <= set(re.findall(r"\w+", page))


def test_what_the_authors_page_shows_works(tmp_path: Path) -> None:
    page = (ROOT / "course" / "authors.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"```toml\n(.*?)```", page, re.S)
    (code,) = re.findall(r"```python\n(.*?)```", page, re.S)
    (own,) = re.findall(r"`(\{ ask = .*?\})`", page)
    models = shown.replace("[models]\n", '[models]\nintercepts = "score ~ prior + (1 | school)"\n')
    one_more = f'[[notebook]]\nname = "task3-range"\ntitle = "How far apart?"\nitem = [{own}]\n'
    (tmp_path / "assignment.toml").write_text(models + one_more, encoding="utf-8")
    (tmp_path / "extra.py").write_text(code, encoding="utf-8")
    rng, rows = np.random.default_rng(1), ["school,class_id,prior,ses,score"]
    for school in range(20):
        level, slope = 4 * rng.standard_normal(), 1 + 0.4 * rng.standard_normal()
        for room in range(3):
            own = 2 * rng.standard_normal()
            for _ in range(8):
                prior, ses = rng.standard_normal(2)
                score = 50 + level + own + slope * prior + ses + 3 * rng.standard_normal()
                rows.append(f"{school:03d},{school}-{room},{prior:.2f},{ses:.2f},{score:.2f}")
    (tmp_path / "pupils.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    asked = declaration.load_rubric(tmp_path)
    values = own_panel(asked).answers.values
    assert {item.id for item in asked.items} - {"levels_reading"} == values.keys()
    # Schools are called "007" and not 7.
    assert all(isinstance(school, str) and len(school) == 3 for school in values["top_schools"])


#: What takes long to import, and only some commands have a use for.
NOTEBOOKS = ("IPython", "jinja2", "jupyter_core", "nbconvert", "nbformat", "nbgrader", "msgspec", "sqlalchemy")
STATISTICS = ("dask", "matplotlib", "pyarrow.dataset", "rich.progress", "scipy.optimize", "scipy.stats", "statsmodels")
ENGINE = ("formulaic", "numpy", "pandas", "reference", "scipy")
WORK = """
import sys
from autograder.cli import main
try:
    main(sys.argv[1:])
finally:
    print(*sys.modules, file=sys.stderr)
"""


@pytest.mark.parametrize(
    ("arguments", "needless"),
    [
        (["--help"], (*NOTEBOOKS, *STATISTICS, *ENGINE)),
        (["grade", "--help"], (*NOTEBOOKS, *STATISTICS, *ENGINE)),
        (["fit", "solutions/extension/panel.csv", "sales ~ youtube + (1 | store_id)"], (*NOTEBOOKS, *STATISTICS)),
    ],
    ids=lambda value: " ".join(value[:1]),
)
def test_a_command_imports_what_it_needs(arguments: list[str], needless: tuple[str, ...]) -> None:
    command = [sys.executable, "-c", WORK, *arguments]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = set(ended.stderr.split())
    assert {"autograder.cli", "typer"} <= loaded
    assert loaded.isdisjoint(needless)


def test_the_wheel_holds_every_package_and_data_file() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    listed = set(project["tool"]["setuptools"]["packages"])
    found = {".".join(path.parent.relative_to(ROOT).parts) for path in ROOT.glob("[ar]*/**/__init__.py")}
    assert {name for name in listed if not name.startswith("autograder.shipped.")} == found
    assert {path.name for path in (ROOT / "reference").rglob("*.csv")} == {"advertising.csv"}
