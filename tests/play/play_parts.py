"""Python for a browser, as far as the registries of packages have it: for tests alone, never committed or shipped.

npm has the runtime. A package of PyPI carries the compiled wheels of Pyodide's own distribution, which are compared
with Pyodide's lock one by one. statsmodels, wrapt and markupsafe have no wheel for a browser there: what is Python in
their wheels for Linux is enough for mixed models and least squares, and what is compiled is left out.
"""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from autograder.play.parts import LOCK_FILE, compiled

_RUNTIME = ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip")
_NPM = ("pyodide@314.0.3", "d7f7d24f8db486c7eda7280f3b0f7517524c8e43e8b086c6ee6ae8016658b484")
_CARRIER = "open_webui-"
_PYPI = """
open-webui==0.12.4 --hash=sha256:02e9caba96234db3fa17a92e56163b3f7f2b8ca8227fa886b85c178d696483f6
msgspec==0.22.0 --hash=sha256:a66b1766311e42371e509c996c3933b161c7ae0eabdf361af5316dec197e1022
jinja2==3.1.6 --hash=sha256:85ece4451f492d0c13c5dd7c13a64681a86afae63a5f347908daf103ce6d2f67
narwhals==2.18.1 --hash=sha256:a0a8bb80205323851338888ba3a12b4f65d352362c8a94be591244faf36504ad
patsy==1.0.2 --hash=sha256:37bfddbc58fcf0362febb5f54f10743f8b21dd2aa73dec7e7ef59d1b02ae668a
markupsafe==3.0.3 --hash=sha256:457a69a9577064c05a97c41f4e65148652db078a3a509039e64d3467b9e7ef97
statsmodels==0.14.6 --hash=sha256:3414e40c073d725007a6603a18247ab7af3467e1af4a5e5a24e4c27bc26673b4
wrapt==2.1.2 --hash=sha256:de9f1a2bbc5ac7f6012ec24525bdd444765a2ff64b5985ac6e0692144838542e
"""
#: In place of a compiled module: whoever imports a name from it gets one that says so when it is used.
_STUB = """\
class _Missing:
    def __init__(self, *args, **kwargs):
        raise NotImplementedError("This part of the package is compiled, and left out here.")


def __getattr__(name):
    if name.startswith("__"):
        raise AttributeError(name)
    return _Missing
"""


def fetch_parts(into: Path, wanted: Iterable[str]) -> None:
    """Fill a folder with the runtime and the packages of a lock, and with a lock that says what it holds.

    Raises
    ------
    subprocess.CalledProcessError, FileNotFoundError
        If a registry, or the client for it, is not to be had.
    """
    if (into / LOCK_FILE).is_file():
        return
    into.mkdir(parents=True, exist_ok=True)
    fetched = into / "fetched"
    fetched.mkdir(exist_ok=True)
    _run(["npm", "pack", "--silent", _NPM[0], "--pack-destination", str(fetched)])
    (fetched / "requirements.txt").write_text(_PYPI, encoding="utf-8")
    platforms = ("pyemscripten_2026_0_wasm32", "manylinux_2_28_x86_64", "manylinux2014_x86_64")
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
    for platform in platforms:
        pip += ["--platform", platform]
    # The carrier says that it does not run on that Python, and need not.
    pip += ["--python-version", "3.14", "--ignore-requires-python", "--require-hashes"]
    _run([*pip, "-d", str(fetched), "-r", str(fetched / "requirements.txt")])
    archive = next(fetched.glob("pyodide-*.tgz"))
    assert _sha256(archive.read_bytes()) == _NPM[1], archive
    with tarfile.open(archive) as runtime:
        for name in (*_RUNTIME, LOCK_FILE):
            (fetched if name.endswith("json") else into).joinpath(name).write_bytes(_member(runtime, name))
    lock = json.loads((fetched / LOCK_FILE).read_text(encoding="utf-8"))
    packages = {name: _taken(lock["packages"][name], fetched, into) for name in wanted if name in lock["packages"]}
    lock = {"info": lock["info"], "packages": packages, "runtime": dict.fromkeys(_RUNTIME, "")}
    files = {path.name: path.read_bytes() for path in into.iterdir() if path.is_file()}
    for name, content in compiled(files, lock).items():
        (into / name).write_bytes(content)
    hashes = {name: _sha256((into / name).read_bytes()) for name in files}
    for entry in packages.values():
        entry["sha256"] = hashes[entry["file_name"]]
    lock["runtime"] = {name: hashes[name] for name in _RUNTIME}
    (into / LOCK_FILE).write_text(json.dumps(lock, indent=1), encoding="utf-8")


def _run(line: list[str]) -> None:
    subprocess.run(line, check=True, capture_output=True, text=True)


def _member(archive: tarfile.TarFile, name: str) -> bytes:
    member = archive.extractfile(f"package/{name}")
    assert member is not None, name
    return member.read()


def _taken(entry: dict[str, Any], fetched: Path, into: Path) -> dict[str, Any]:
    """Put the wheel of an entry of Pyodide's lock into the folder, and return the entry for what was put there."""
    name = entry["file_name"]
    with zipfile.ZipFile(next(fetched.glob(f"{_CARRIER}*.whl"))) as carrier:
        inside = f"open_webui/frontend/pyodide/{name}"
        content = carrier.read(inside) if inside in carrier.namelist() else b""
    if content:
        assert _sha256(content) == entry["sha256"], name
    else:
        wheel = next(fetched.glob(f"{entry['name'].lower().replace('-', '_')}-*.whl"))
        content, name = wheel.read_bytes(), wheel.name
        if "manylinux" in name:
            content, name = _python_only(content), "-".join([*name.split("-")[:2], "py3-none-any.whl"])
    (into / name).write_bytes(content)
    return {**entry, "file_name": name, "sha256": _sha256(content), "version": name.split("-")[1]}


def _python_only(wheel: bytes) -> bytes:
    """Return a wheel without what is compiled in it and without its tests."""
    kept = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(wheel)) as old, zipfile.ZipFile(kept, "w", zipfile.ZIP_DEFLATED) as new:
        for info in old.infolist():
            if "/tests/" in info.filename or ("/datasets/" in info.filename and info.filename.endswith(".csv")):
                continue
            if not info.filename.endswith(".so"):
                new.writestr(info, old.read(info))
            elif info.filename.startswith("statsmodels/"):
                new.writestr(f"{info.filename.split('.')[0]}.py", _STUB)
    return kept.getvalue()


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
