"""What the page runs on, each file pinned by its SHA-256: Pyodide, packages of its distribution, and our own wheel.

``course/play/pyodide-lock.json`` is what is needed of Pyodide's own lock, and has the hashes of the runtime besides.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import shutil
import subprocess
import urllib.request
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata, resources
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from autograder.errors import CourseError

LOCK_FILE = "pyodide-lock.json"
_COMPILER = "compile.mjs"
#: Where learners' browsers take the parts from, unless the folder has them. The runtime is what npm has.
CDN = "https://cdn.jsdelivr.net"
_RUNTIME, _PACKAGES = f"{CDN}/npm/pyodide@314.0.3/", f"{CDN}/pyodide/v314.0.3/full/"

#: The distribution that our wheel is of, and what comes with it since Pyodide has none: pure Python.
_OURS = "mlm-course"
_CARRIED = {"formulaic": "formulaic", "interface_meta": "interface-meta"}
#: What a learner's cells may need at once; the rest of the lock is loaded when it is imported.
_AT_ONCE = [
    "jinja2",
    "msgspec",
    "narwhals",
    "numpy",
    "packaging",
    "pandas",
    "scipy",
    "statsmodels",
    "typing-extensions",
    "wrapt",
]
#: Rooms that a learner's code never enters.
_LEFT_OUT = {"authoring", "commands", "grading", "shipped", "__pycache__"}


@dataclass(frozen=True)
class Parts:
    """What is loaded: our lock, where the runtime is ("" for the folder itself), the files to write, and the hash of
    each file that is elsewhere by its address."""

    lock: Mapping[str, Any]
    runtime: str
    files: Mapping[str, bytes]
    elsewhere: Mapping[str, str]


def page_file(name: str) -> bytes:
    """Return a file of ``course/play/``, from this package or from the checkout that it is installed from."""
    package = Path(str(resources.files("autograder")))
    places = (package / "shipped" / "play" / name, package.parent / "course" / "play" / name)
    for path in places:
        if path.is_file():
            return path.read_bytes()
    raise CourseError(f"The page's file {name} is missing from this installation. Install mlm-course again.")


def gather(earlier: Path, *, vendored: bool, source: Path | None) -> Parts:
    """Return the parts of a page.

    Parameters
    ----------
    earlier : Path
        Where an earlier build left its parts, if there was one; they are not fetched again.
    vendored : bool
        Whether the folder gets all of them; else browsers take them from the CDN.
    source : Path or None
        A folder that has them, for builds without a network. A lock in it says what it has.

    Raises
    ------
    CourseError
        If a file is missing, cannot be fetched, or is not what the lock says.
    """
    pinned = page_file(LOCK_FILE)
    origin = hashlib.sha256(pinned).hexdigest()
    lock = _lock(source) if source else _lock(earlier) if vendored else {}
    if not lock or (not source and lock.get("origin") != origin):
        lock = json.loads(pinned)
    lock["packages"].pop(_OURS, None)
    hashes = {**lock["runtime"], **{entry["file_name"]: entry["sha256"] for entry in lock["packages"].values()}}
    addresses = {name: (_RUNTIME if name in lock["runtime"] else _PACKAGES) + name for name in hashes}
    name = f"{_OURS.replace('-', '_')}-{metadata.version(_OURS)}-py3-none-any.whl"
    lock["packages"][_OURS] = {
        "name": _OURS,
        "version": metadata.version(_OURS),
        "file_name": name,
        "install_dir": "site",
        "package_type": "package",
        "imports": ["autograder", "reference", *_CARRIED],
        "depends": _AT_ONCE,
        "unvendored_tests": False,
    }
    files, runtime = {name: _our_wheel()}, _RUNTIME
    if vendored or source:
        for part, digest in hashes.items():
            files[part] = _pinned(part, addresses[part], digest, source or earlier, fetched=source is None)
        files, runtime, addresses = compiled(files, lock), "", {}
        lock |= {"origin": origin, "runtime": {part: _sha256(files[part]) for part in lock["runtime"]}}
    for entry in lock["packages"].values():
        part = entry["file_name"]
        entry |= {"sha256": _sha256(files[part]) if part in files else entry["sha256"]}
        entry |= {"file_name": addresses.get(part, part)}
    return Parts(lock, runtime, files, {address: hashes[part] for part, address in addresses.items()})


def compiled(files: Mapping[str, bytes], lock: dict[str, Any]) -> dict[str, bytes]:
    """Return files with the Python in them compiled by the Python that will run it, and note in the lock which are.

    A page starts two fifths sooner so. It takes node; without it, the files are returned as they are.
    """
    node, done = shutil.which("node"), set(lock.get("compiled", ()))
    archives = sorted(name for name in files if name.endswith((".whl", ".zip")) and name not in done)
    if node is None:
        return dict(files)
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for name, content in {**files, _COMPILER: page_file(_COMPILER), LOCK_FILE: json.dumps(lock).encode()}.items():
            (folder / name).write_bytes(content)
        line = [node, str(folder / _COMPILER), temporary, *archives]
        done_with = subprocess.run(line, capture_output=True, text=True, check=False)
        if done_with.returncode:
            raise CourseError(f"node could not compile the parts: {done_with.stderr[-500:]} Use node 20 or later.")
        # Our own wheel is another at each build.
        lock["compiled"] = sorted({*done, *archives} - {lock["packages"].get(_OURS, {}).get("file_name", "")})
        return {name: (folder / name).read_bytes() for name in files}


def _lock(folder: Path) -> dict[str, Any]:
    path = folder / LOCK_FILE
    return dict(json.loads(path.read_bytes())) if path.is_file() else {}


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def integrity(content: bytes | str) -> str:
    """Return the hash of a file, or a hash in hexadecimal digits, as browsers compare it."""
    digest = bytes.fromhex(content) if isinstance(content, str) else hashlib.sha256(content).digest()
    return "sha256-" + base64.b64encode(digest).decode()


def _pinned(name: str, address: str, digest: str, folder: Path, *, fetched: bool) -> bytes:
    path = folder / name
    if path.is_file():
        content = path.read_bytes()
        if _sha256(content) == digest:
            return content
        if not fetched:
            raise CourseError(f"{path} is not the file that the lock names: its SHA-256 is another. Get it again.")
    if not fetched:
        raise CourseError(f"{path} is missing. Put it there from {address}, or leave out --from to have it fetched.")
    try:
        with urllib.request.urlopen(address, timeout=60) as answer:
            content = answer.read()
    except OSError as error:
        raise CourseError(
            f"{address} cannot be fetched: {error}. Name a folder that has the parts with --from."
        ) from None
    if _sha256(content) != digest:
        raise CourseError(
            f"{address} is not the file that the lock names: its SHA-256 is another. Nothing was written."
        )
    return bytes(content)


def _our_wheel() -> bytes:
    """Return what a learner's code imports of ours as a wheel, the same bytes each time."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as wheel:
        for name, content in sorted(_wheel_files()):
            wheel.writestr(zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0)), content, zipfile.ZIP_DEFLATED)
    return made.getvalue()


def _wheel_files() -> Iterator[tuple[str, bytes]]:
    for package in ("autograder", "reference", *_CARRIED):
        root = Path(str(resources.files(package)))
        for path in root.rglob("*"):
            inside = path.relative_to(root)
            if path.is_file() and not _LEFT_OUT & {*inside.parts}:
                yield f"{package}/{inside.as_posix()}", path.read_bytes()
    about = f"{_OURS.replace('-', '_')}-{metadata.version(_OURS)}.dist-info"
    yield f"{about}/METADATA", f"Metadata-Version: 2.1\nName: {_OURS}\nVersion: {metadata.version(_OURS)}\n".encode()
    yield f"{about}/WHEEL", b"Wheel-Version: 1.0\nGenerator: mlm\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    for distribution in (_OURS, *_CARRIED.values()):
        for file in metadata.files(distribution) or ():
            if "LICENSE" in file.name.upper():
                yield f"{about}/licenses/{distribution}/LICENSE", Path(str(file.locate())).read_bytes()
