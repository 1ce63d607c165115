"""What a learner installs: little, on any system, and it works there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from autograder.cli import main

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

#: What Linux alone has, or Unix; and what only teachers install.
LINUX = ("fcntl", "grp", "pwd", "resource", "termios")
TEACHERS = [re.split(r"[>;=]", line)[0] for line in PROJECT["optional-dependencies"]["teach"]]

ELSEWHERE = """
import os, sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in BLOCKED:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
BLOCKED = set(sys.argv[1].split(","))
for name in BLOCKED & sys.modules.keys():
    del sys.modules[name]
sys.meta_path.insert(0, Blocked())
from autograder.cli import main
def mlm(*arguments):
    try:
        main(arguments)
    except SystemExit as ended:
        print("ended with", ended.code)
mlm("study", "my course", "--copy-only")
mlm("check", "my course/practice/task1-icc.ipynb")
os.chdir("my course/practice")
from autograder.student import another, check, load_panel, progress, reveal, summary
print(len(load_panel()), "rows")
check("icc", 0.41); reveal("icc"); progress(); summary()
print(len(another("var_store")) > 0)
"""


def test_a_learner_is_answered_without_what_teachers_or_linux_have(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "MLM_LANGUAGE"}
    environment["PYTHONPATH"] = str(ROOT)
    command = [sys.executable, "-c", ELSEWHERE, ",".join([*TEACHERS, *LINUX])]
    ended = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert "200 rows" in ended.stdout
    assert "Intraclass correlation, icc: wrong" in ended.stdout
    assert "var_store: a fresh panel" in ended.stdout
    assert ended.stdout.endswith("True\n")
    assert (tmp_path / "my course" / "practice" / "summary.html").is_file()
    assert ended.stderr == "mlm: this needs what is installed for teachers: pip install 'mlm-course[teach]'\n"


@pytest.mark.parametrize("platform", ["win32", "darwin"])
@pytest.mark.parametrize(
    "arguments", [["check", "x.ipynb"], ["grade", "practice", "--submitted", "x"], ["release", "practice"], ["doctor"]]
)
def test_what_needs_the_box_says_that_it_needs_linux(
    platform: str, arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith(f"mlm: mlm {arguments[0]} runs notebooks in the box, which needs Linux")


def test_no_process_is_replaced() -> None:
    code = [*(ROOT / "autograder").rglob("*.py"), *(ROOT / "reference").rglob("*.py")]
    box = ROOT / "autograder" / "sandbox"
    assert [path.name for path in code if "os.exec" in path.read_text("utf-8") and box not in path.parents] == []


def test_signals_that_a_system_lacks_are_left_out(tmp_path: Path) -> None:
    code = (
        "import enum, signal\n"
        "signal.Signals = enum.IntEnum('Signals', {'SIGINT': 2, 'SIGTERM': 15})\n"
        "from autograder.commands.interruptions import SIGNALS\n"
        "print([int(one) for one in SIGNALS])"
    )
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ended.stdout == "[2, 15]\n"


def test_learners_install_nothing_of_the_teachers() -> None:
    names = {re.split(r"[>;=]", line)[0] for line in PROJECT["dependencies"]}
    assert names.isdisjoint(TEACHERS)
    assert len(names) < 16
