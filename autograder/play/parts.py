"""What the page runs on, each file pinned by its SHA-256: Pyodide, packages of its distribution, and our own wheel.

``course/play/pyodide-lock.json`` is what is needed of Pyodide's own lock, and has the hashes of the runtime besides.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import urllib.request
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata, resources
from pathlib import Path
from typing import Any

from autograder.errors import CourseError

LOCK_FILE = "pyodide-lock.json"
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
    """What is loaded: our lock, the address of the runtime, the files to write, and each file's hash by address."""

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


def gather(kept: Path, *, vendored: bool, source: Path | None) -> Parts:
    """Return the parts of a page.

    Parameters
    ----------
    kept : Path
        Where parts of an earlier build may be; they are not fetched again.
    vendored : bool
        Whether the folder gets all of them; else browsers take them from the CDN.
    source : Path or None
        A folder that has them, for builds without a network. A lock in it says what it has.

    Raises
    ------
    CourseError
        If a file is missing, cannot be fetched, or is not what the lock says.
    """
    own_lock = source / LOCK_FILE if source else None
    lock = json.loads(own_lock.read_bytes() if own_lock and own_lock.is_file() else page_file(LOCK_FILE))
    addresses = {name: (_RUNTIME + name, digest) for name, digest in lock.pop("runtime").items()}
    for entry in lock["packages"].values():
        addresses[entry["file_name"]] = (_PACKAGES + entry["file_name"], entry["sha256"])
    files, elsewhere = {}, {}
    if vendored or source:
        for name, (address, digest) in addresses.items():
            files[name] = _pinned(name, address, digest, source or kept, fetched=source is None)
    else:
        elsewhere = {address: digest for address, digest in addresses.values()}
        for entry in lock["packages"].values():
            entry["file_name"] = _PACKAGES + entry["file_name"]
    wheel = _our_wheel()
    name = f"{_OURS.replace('-', '_')}-{metadata.version(_OURS)}-py3-none-any.whl"
    lock["packages"][_OURS] = {
        "name": _OURS,
        "version": metadata.version(_OURS),
        "file_name": name,
        "install_dir": "site",
        "sha256": hashlib.sha256(wheel).hexdigest(),
        "package_type": "package",
        "imports": ["autograder", "reference", *_CARRIED],
        "depends": _AT_ONCE,
        "unvendored_tests": False,
    }
    return Parts(lock, "" if files else _RUNTIME, {**files, name: wheel}, elsewhere)


def integrity(content: bytes | str) -> str:
    """Return the hash of a file, or a hash in hexadecimal digits, as browsers compare it."""
    digest = bytes.fromhex(content) if isinstance(content, str) else hashlib.sha256(content).digest()
    return "sha256-" + base64.b64encode(digest).decode()


def _pinned(name: str, address: str, digest: str, folder: Path, *, fetched: bool) -> bytes:
    path = folder / name
    if path.is_file():
        content = path.read_bytes()
        if hashlib.sha256(content).hexdigest() == digest:
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
    if hashlib.sha256(content).hexdigest() != digest:
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
    for distribution in (_OURS, *_CARRIED.values()):
        found = metadata.distribution(distribution)
        folder = f"{distribution.replace('-', '_')}-{found.version}.dist-info"
        yield f"{folder}/METADATA", f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {found.version}\n".encode()
        yield f"{folder}/WHEEL", b"Wheel-Version: 1.0\nGenerator: mlm\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        for file in found.files or ():
            if "LICENSE" in file.name.upper():
                yield f"{folder}/LICENSE", Path(str(file.locate())).read_bytes()
