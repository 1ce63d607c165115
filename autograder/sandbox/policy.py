"""What the box may have, as data: everything that is not listed here is not there.

The learner's code sees a Python, the libraries of `SCIENTIFIC_STACK` and `WHERE_INSTALLED` with what they require,
those that its course allows besides, the engine of `reference`, the system's shared libraries, its panel, its own
files, and a scratch space in memory. It sees no repository, no home, no network, and no environment.
"""

from __future__ import annotations

import contextlib
import os
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import metadata, resources
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from autograder.errors import BoxUnavailable, CourseError

#: Distributions a notebook may import; what they require comes with them, nothing else does.
SCIENTIFIC_STACK = (
    "numpy",
    "scipy",
    "pandas",
    "statsmodels",
    "matplotlib",
    "ipython",
    "matplotlib-inline",
    "formulaic",  # which the engine needs
)

#: Distributions that a notebook may import as well, each where it is installed with all that it requires: no task needs
#: them, and many learners have them at home. The extra `box` installs them. By nbformat plotly shows figures, and by
#: jinja2 pandas styles tables.
WHERE_INSTALLED = ("seaborn", "scikit-learn", "joblib", "tqdm", "ipywidgets", "plotly", "nbformat", "jinja2")

#: What no course can let into the box, nor what requires it: it would bring questions and keys, or the gradebook.
NEVER = frozenset({"mlm-course", "nbgrader"})

#: The rooms of `reference` that a notebook may import: they fit any model of any table, and know nothing of the course.
#: Its panels, its tutorial and the keys of its assignments are not there.
ENGINE = (
    "__init__.py",
    "arrays.py",
    "errors.py",
    "estimates.py",
    "fit.py",
    "data",
    "design",
    "inference",
    "likelihood",
    "optimum",
    "output",
)

#: Host variables that pass into the box: which BLAS kernels this processor computes correctly with.
PASSED_ENVIRONMENT = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")

ENVIRONMENT = {
    "HOME": "/tmp",
    "USER": "learner",
    "LANG": "C.UTF-8",
    "PATH": "/box/python/bin",
    "LD_LIBRARY_PATH": "/box/python/lib",
    "MPLCONFIGDIR": "/tmp/matplotlib",
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    "IPYTHONDIR": "/tmp/ipython",
    "PLOTLY_RENDERER": "plotly_mimetype",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONPATH": "/box/site",  # for processes that a notebook starts afresh, as joblib does
    # A process with threads cannot be cloned safely, and they would count against the process limit.
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "NUMEXPR_NUM_THREADS": "1",
}


@dataclass(frozen=True)
class Limits:
    """What one notebook may use.

    ``wall_seconds`` and ``cpu_seconds`` are per notebook, all its processes together; seconds in which processes of
    others kept the processor from it do not count (`autograder.sandbox.clock`). ``memory_bytes`` is address space per
    process and what they hold together; ``processes`` counts threads too; ``output_bytes`` is what its cells may print
    and draw; ``file_bytes`` bounds one file and ``scratch_bytes`` all files together (they live in memory).
    """

    wall_seconds: float = 90.0
    cpu_seconds: int = 45
    memory_bytes: int = 3 * 1024**3
    processes: int = 24
    output_bytes: int = 8 * 1024**2
    file_bytes: int = 16 * 1024**2
    scratch_bytes: int = 64 * 1024**2
    open_files: int = 256


@dataclass(frozen=True)
class Mount:
    """One read-only thing in the box: where it is on the host and where the box sees it."""

    source: Path
    target: str
    required: bool = True


def require_allowed(packages: tuple[str, ...]) -> None:
    """Raise CourseError if a distribution that a course lets into the box is not there whole, or must stay outside."""
    for name in packages:
        where = f"{name!r}, which course.toml lets notebooks import by its key 'packages',"
        try:
            closure = {canonicalize_name(one.name) for one in _closure((name,))}
        except BoxUnavailable as error:
            raise CourseError(f"{where} is not to be had: {error} Or remove it from 'packages'.") from None
        if forbidden := closure & NEVER:
            raise CourseError(f"{where} brings {', '.join(sorted(forbidden))} into the box. Remove it from 'packages'.")


@cache
def library_mounts(packages: tuple[str, ...] = ()) -> tuple[Mount, ...]:
    """Return the distributions that a notebook may import, entry by entry, under ``/box/site``.

    ``packages`` are those that the course allows besides; what they require comes with them.

    Raises
    ------
    BoxUnavailable
        If a distribution of the scientific stack is not installed beside this one.
    """
    mounts: dict[str, Mount] = {}
    for distribution in _closure((*SCIENTIFIC_STACK, *installed(), *packages)):
        for entry in _top_level_entries(distribution):
            source = Path(str(distribution.locate_file(entry)))
            if source.exists():
                mounts[entry] = Mount(source.resolve(), f"/box/site/{entry}")
    return tuple(mounts.values())


@cache
def installed() -> tuple[str, ...]:
    """Return which of the distributions that are there where they are installed can be had whole."""
    found = []
    for name in WHERE_INSTALLED:
        with contextlib.suppress(BoxUnavailable):
            list(_closure((name,)))
            found.append(name)
    return tuple(found)


@cache
def versions(packages: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Return name and version of each distribution that a notebook may import.

    Raises
    ------
    BoxUnavailable
        If a distribution of the scientific stack is not installed beside this one.
    """
    there = _closure((*SCIENTIFIC_STACK, *installed(), *packages))
    return tuple(sorted(f"{canonicalize_name(one.name)} {one.version}" for one in there))


def engine_mounts() -> tuple[Mount, ...]:
    """Return the rooms of the engine, one by one: what of `reference` is not listed is not in the box."""
    folder = Path(str(resources.files("reference")))
    return tuple(Mount((folder / room).resolve(), f"/box/site/reference/{room}") for room in ENGINE)


def _closure(names: tuple[str, ...]) -> Iterator[metadata.Distribution]:
    waiting, seen = list(names), set[str]()
    while waiting:
        name = canonicalize_name(waiting.pop())
        if name in seen:
            continue
        seen.add(name)
        try:
            distribution = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            raise BoxUnavailable(
                f"The library {name} is not installed beside mlm-course; install it, or the project again."
            ) from None
        yield distribution
        requirements = map(Requirement, distribution.requires or ())
        waiting += [one.name for one in requirements if one.marker is None or one.marker.evaluate({"extra": ""})]


def _top_level_entries(distribution: metadata.Distribution) -> set[str]:
    # Read by hand: some have ten thousand lines, and a box waits for them.
    record = distribution.read_text("RECORD")
    paths = record.splitlines() if record else map(str, distribution.files or ())
    entries = {path.split(",")[0].strip('"').split("/")[0] for path in paths}
    return {entry for entry in entries if entry not in ("..", "__pycache__") and not entry.startswith("/")}


@cache
def python_mounts() -> tuple[Mount, ...]:
    """Return the interpreter and its standard library, at a path that tells nothing of the host's."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    base = Path(sys.base_prefix)
    executable = Path(getattr(sys, "_base_executable", sys.executable)).resolve()
    library = Path(sysconfig.get_path("stdlib"))
    mounts = [Mount(executable, "/box/python/bin/python"), Mount(library, f"/box/python/lib/{version}")]
    mounts += [Mount(path.resolve(), f"/box/python/lib/{path.name}") for path in base.glob("lib/libpython3*.so*")]
    return tuple(mounts)


def hidden_directories() -> tuple[str, ...]:
    """Return directories inside the mounts above that hold other people's packages and are covered up."""
    library = Path(sysconfig.get_path("stdlib"))
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    return tuple(
        f"/box/python/lib/{version}/{name}" for name in ("site-packages", "dist-packages") if (library / name).is_dir()
    )


def system_mounts() -> tuple[Mount, ...]:
    """Return the shared libraries of the system, and where its loader looks for them."""
    multiarch = str(sysconfig.get_config_var("MULTIARCH") or f"{os.uname().machine}-linux-gnu")
    optional = (f"/usr/lib/{multiarch}", "/usr/lib64", "/etc/ld.so.cache", "/usr/share/zoneinfo")
    return tuple(Mount(Path(path), path, required=False) for path in optional)


def environment() -> dict[str, str]:
    """Return the whole environment of the box."""
    passed = {name: os.environ[name] for name in PASSED_ENVIRONMENT if name in os.environ}
    return {**ENVIRONMENT, **passed}
