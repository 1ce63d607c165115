"""What demo and continuous integration install is locked: every library in one version, by the hashes of its files."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
FILES = {"requirements.txt": ("dev", "box"), "deploy/requirements.txt": ("teach", "cluster", "box", "postgresql")}


def asked_for(*extras: str) -> Iterator[Requirement]:
    """Return what the project and extras of it require."""
    optional = PROJECT["optional-dependencies"]
    for line in [*PROJECT["dependencies"], *(line for extra in extras for line in optional[extra])]:
        requirement = Requirement(line)
        if requirement.name == PROJECT["name"]:
            yield from asked_for(*requirement.extras)
        else:
            yield requirement


def locked(file: str) -> list[str]:
    """Return the libraries of a file, one to a line."""
    return re.sub(r" \\\n\s+", " ", (ROOT / file).read_text(encoding="utf-8")).splitlines()[2:]


@pytest.mark.parametrize("file", FILES)
def test_every_library_is_locked_by_hashes(file: str) -> None:
    whole = re.compile(r"[\w.-]+==[\w.]+( ; [^#]+?)?( --hash=sha256:[0-9a-f]{64})+")
    assert [line for line in locked(file) if not whole.fullmatch(line)] == []


@pytest.mark.parametrize("file", FILES)
def test_the_locked_versions_are_such_as_the_project_asks_for(file: str) -> None:
    libraries = [Requirement(line.partition(" --hash")[0]) for line in locked(file)]
    for wanted in asked_for(*FILES[file]):
        versions = [
            next(iter(one.specifier)).version
            for one in libraries
            if canonicalize_name(one.name) == canonicalize_name(wanted.name)
        ]
        assert versions, f"{wanted.name} is not locked; run scripts/lock"
        assert all(version in wanted.specifier for version in versions), f"{wanted}; run scripts/lock"


def test_a_container_has_no_other_versions_than_were_tried() -> None:
    tried = {line.partition(" ")[0] for line in locked("requirements.txt")}
    assert {line.partition(" ")[0] for line in locked("deploy/requirements.txt")} <= tried
