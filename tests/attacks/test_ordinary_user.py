"""The corpus once more, as an ordinary user, where the tests are run by root: that box is built in another way.

Where an ordinary user runs the tests, all of them are run so already. An ordinary user must be able to read Python, the
environment and the checkout; folders above them that are closed to others, such as root's home, are covered in a mount
namespace of this test alone, with what is needed put back into it.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

#: A user number that no account has.
USER = 61180


def closed_parents(path: Path) -> Iterator[Path]:
    """Yield the folders above a path that an ordinary user cannot pass, the uppermost first."""
    for parent in reversed(path.parents):
        if not parent.stat().st_mode & 0o001:
            yield parent


def uncovering(needed: list[Path]) -> list[str]:
    """Return shell lines that make folders reachable for everybody, in a mount namespace of one's own."""
    lines, covered = [], dict[Path, list[Path]]()
    for path in needed:
        closed = next(closed_parents(path), None)
        if closed is not None:
            covered.setdefault(closed, []).append(path)
    for number, (closed, paths) in enumerate(covered.items()):
        # What is needed is opened before it is covered, and put back by what was opened.
        lines += [f"exec {10 * number + place + 3}<{shlex.quote(str(path))}" for place, path in enumerate(paths)]
        lines.append(f"mount -t tmpfs -o mode=755,size=1m none {shlex.quote(str(closed))}")
        for place, path in enumerate(paths):
            descriptor = 10 * number + place + 3
            lines.append(f"mkdir -p {shlex.quote(str(path))}")
            lines.append(f"mount -c --bind /proc/self/fd/{descriptor} {shlex.quote(str(path))}")
            lines.append(f"exec {descriptor}<&-")
    return lines


def missing() -> str | None:
    """Return why this machine cannot do it, if it cannot."""
    if os.geteuid() != 0:
        return "the tests are run by an ordinary user, so the whole corpus was"
    for program in ("unshare", "setpriv", "mount"):
        if shutil.which(program) is None:
            return f"the program {program} (util-linux) is missing"
    tried = subprocess.run(["unshare", "--mount", "true"], capture_output=True, text=True, check=False)
    return f"root may not make a mount namespace here: {tried.stderr.strip()}" if tried.returncode else None


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder of the ordinary user's: pytest's own are closed to everybody but who runs the tests."""
    with tempfile.TemporaryDirectory(prefix="mlm-ordinary-") as folder:
        os.chown(folder, USER, USER)
        yield Path(folder)


def as_ordinary_user(root: Path, home: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a command in the checkout as a user that no account has."""
    needed = [root, *(Path(path) for path in (sys.prefix, sys.base_prefix) if not Path(path).is_relative_to(root))]
    become = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", "--inh-caps=-all"]
    script = ["set -eu", *uncovering(needed), f"cd {shlex.quote(str(root))}", f"exec {shlex.join([*become, *command])}"]
    return subprocess.run(
        ["unshare", "--mount", "--propagation", "private", "sh", "-c", "\n".join(script)],
        env={"PATH": os.environ["PATH"], "HOME": str(home), "TMPDIR": str(home), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


needs_root = pytest.mark.skipif(missing() is not None, reason=missing() or "")


@needs_root
def test_the_walls_hold_for_an_ordinary_user_too(root: Path, home: Path) -> None:
    """User namespaces open the box then, and not root's rights."""
    ended = as_ordinary_user(root, home, str(Path(sys.executable).with_name("mlm")), "doctor")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "Every wall of the box holds" in ended.stdout


@needs_root
def test_the_attacks_are_harmless_as_an_ordinary_user_too(
    root: Path, home: Path, request: pytest.FixtureRequest
) -> None:
    wanted = request.config.getoption("--attacks")
    attacks = wanted if wanted == "all" or not wanted.isdigit() else str(max(1, int(wanted) // 4))
    test = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--tb=short", "--maxfail=5"]
    test += ["tests/attacks/test_attacks.py"]
    test += ["--attacks", attacks, "--draw", str(request.config.getoption("--draw")), f"--basetemp={home}/tests"]
    ended = as_ordinary_user(root, home, *test)
    assert ended.returncode == 0, (ended.stdout + ended.stderr)[-8_000:]
    assert " passed" in ended.stdout.splitlines()[-1]
