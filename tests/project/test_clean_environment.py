"""The wheel, in an environment that has nothing but it and the locked libraries: it grades there, and the box holds."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from autograder.assignment.course import Course

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def mlm(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command of a new environment; its libraries come from the package index."""
    home = tmp_path_factory.mktemp("clean")
    subprocess.run([sys.executable, "-m", "venv", home], check=True)
    install = [home / "bin" / "python", "-m", "pip", "install", "--quiet", "--no-deps"]
    subprocess.run([*install, "--require-hashes", "-r", ROOT / "deploy" / "requirements.txt"], check=True)
    subprocess.run([*install, wheel], check=True)
    return home / "bin" / "mlm"


def test_the_wheel_works_in_a_clean_environment(mlm: Path, course: Course, tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "MLM_LANGUAGE")}

    def printed(*command: object) -> str:
        line = [str(word) for word in command]
        return subprocess.run(line, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False).stdout

    assert "No broken requirements found." in printed(mlm.parent / "python", "-m", "pip", "check")
    shutil.copytree(course.root, tmp_path / "solutions")
    shutil.copytree(course.root.parent / "exercises", tmp_path / "exercises")
    (tmp_path / "submitted" / "anna").mkdir(parents=True)
    shutil.copy(course.source("practice") / "task1-icc.ipynb", tmp_path / "submitted" / "anna")
    assert "Every wall of the box holds." in printed(mlm, "doctor")
    grade = (mlm, "grade", "practice", "--submitted", "submitted", "--course", "solutions")
    alone = printed(*grade, "--into", "here").splitlines()
    assert alone[1].startswith("anna ")
    there = printed(*grade, "--into", "there", "--local-cluster", "--workers", "2").splitlines()
    assert there[1] == alone[1]
    assert "Residual" in printed(mlm, "fit", "solutions/extension/panel.csv", "sales ~ youtube + (1 | store_id)")
