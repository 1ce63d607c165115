"""How far a grading is, as its file in the results folder and another terminal tell it."""

from __future__ import annotations

import fcntl
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from autograder.cli import main
from autograder.commands.console import ALL_GRADED, NEEDS_PERSON, few
from autograder.results.filing import LOCK, held, holder
from autograder.results.progress import FINISHED, PROGRESS, Progress, Recorder, process_name, read_progress


def status(into: Path) -> int:
    """Run `mlm status` in this process and return its exit code."""
    with pytest.raises(SystemExit) as ended:
        main(["status", "--into", str(into)])
    assert isinstance(ended.value.code, int)
    return ended.value.code


def written(**more: object) -> Progress:
    """Return the progress of a run that began to grade ten minutes ago."""
    now = datetime.now(UTC)
    begun = {"began": now - timedelta(minutes=11), "grading": now - timedelta(minutes=10), "written": now}
    known = {"assignment": "practice", "command": "mlm grade practice", "process": process_name(), "total": 60}
    return msgspec.convert({**known, **begun, **more}, Progress)


@pytest.mark.parametrize(
    ("more", "left"),
    [
        ({"done": 0}, "60 left"),
        ({"done": 40}, "20 left, about 5 minutes"),
        ({"done": 40, "unchanged": 20}, "20 left, about 10 minutes"),
        ({"done": 59}, "1 left, about 10 seconds"),
        ({"done": 5, "total": 505}, "500 left, about 16.7 hours"),
        ({"done": 60}, "0 left"),
    ],
)
def test_it_says_how_many_are_left_and_about_how_long(more: dict[str, object], left: str) -> None:
    assert written(**more).left == left


def test_another_terminal_is_told_of_a_run_and_of_its_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with held(tmp_path), Recorder(tmp_path, "practice", "mlm grade practice", 3) as recorder:
        recorder.watch(["Ada", "Ben"])
        assert status(tmp_path) == ALL_GRADED
    said = capsys.readouterr().out
    assert "practice: 0 of 3 are done." in said
    assert f"({process_name()}): 3 left. Being graded: Ada, Ben." in said
    assert status(tmp_path) == ALL_GRADED
    assert "It ended at" in capsys.readouterr().out

    with pytest.raises(ValueError, match="no room"), held(tmp_path), Recorder(tmp_path, "practice", "mlm again", 3):
        raise ValueError("there is\nno room")
    assert status(tmp_path) == NEEDS_PERSON
    said = capsys.readouterr().out
    assert "there is no room" in said
    assert "To go on: mlm again" in said


def test_a_run_that_was_killed_and_those_not_graded_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    killed = written(done=2, ungraded=1, why=("Ada: The box failed.",))
    (tmp_path / PROGRESS).write_bytes(msgspec.json.encode(killed))
    with held(tmp_path):
        (tmp_path / LOCK).write_text("another command", encoding="utf-8")
        assert status(tmp_path) == NEEDS_PERSON, "whoever holds the folder now is not that run"
    said = capsys.readouterr().out
    assert "It was killed, or the machine stopped" in said
    assert "  Ada: The box failed." in said
    (tmp_path / PROGRESS).write_bytes(msgspec.json.encode(msgspec.structs.replace(killed, ended=FINISHED)))
    assert status(tmp_path) == NEEDS_PERSON, "somebody was not graded"


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[]"])
def test_a_damaged_file_is_a_sentence(tmp_path: Path, content: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / PROGRESS).write_bytes(content)
    assert read_progress(tmp_path) is None
    assert status(tmp_path) == 2
    assert "Name the folder of mlm grade with --into." in capsys.readouterr().err
    with held(tmp_path):
        assert status(tmp_path) == ALL_GRADED
    assert f"{process_name()} works in it" in capsys.readouterr().out


def test_looking_keeps_no_run_out(tmp_path: Path) -> None:
    with held(tmp_path):
        assert holder(tmp_path) == process_name()
    assert holder(tmp_path) is None

    def hold() -> None:
        with held(tmp_path):
            pass

    with (tmp_path / LOCK).open() as looked_at, ThreadPoolExecutor(1) as beside:
        fcntl.flock(looked_at, fcntl.LOCK_SH)
        run = beside.submit(hold)
        fcntl.flock(looked_at, fcntl.LOCK_UN)
        run.result()


def test_names_are_shortened() -> None:
    assert few(["Ada", "Ben"]) == "Ada, Ben"
    assert few(["Ada", "Ben", "C" * 30, "Dora", "Emil"]) == f"Ada, Ben, {'C' * 19}… and 2 more"
