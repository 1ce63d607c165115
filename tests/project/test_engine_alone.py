"""The engine works without the rest: copied alone, with numpy, scipy, pandas and formulaic and nothing else."""

from __future__ import annotations

import shutil
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path

import pytest
from floors import ENGINE
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = """
import sys
sys.path[:0] = {paths!r}

import numpy as np
import pandas as pd

from reference import fit, grand_mean_centre, group_mean_centre, rank_groups

rng = np.random.default_rng(2)
schools, rooms, pupils = 12, 3, 10
school = np.repeat(np.arange(schools), rooms * pupils)
room = np.tile(np.repeat(np.arange(rooms), pupils), schools)
hours = rng.uniform(0, 8, school.size)
level, slope = rng.normal(0, 3, schools)[school], rng.normal(0, 0.8, schools)[school]
within = rng.normal(0, 1.5, schools * rooms)[school * rooms + room]
pupil = pd.DataFrame({{
    "school": [f"school {{chr(65 + one)}}" for one in school],
    "room": [f"room {{one}}" for one in room],
    "hours": hours,
    "score": 40 + level + within + (2 + slope) * hours + rng.normal(0, 2, school.size),
}})
model = fit("score ~ hours + (1 + hours | school) + (1 | school:room)", pupil)
print(model.summary())
print(*[row.group for row in rank_groups(model, "hours")], sep=", ")
print(f"{{group_mean_centre(pupil, ['hours'], 'school').frame['hours'].sum():.9f}}".replace("-", ""))
print(f"{{grand_mean_centre(pupil, ['hours']).frame['hours'].sum():.9f}}".replace("-", ""))
print("others:", [name for name in ("statsmodels", "autograder", "nbformat", "typer") if name in sys.modules])
import statsmodels
"""


def requirements(name: str, found: set[str]) -> set[str]:
    """Return the names of a distribution and of all that it needs."""
    if name in found:
        return found
    found.add(name)
    for line in distribution(name).requires or ():
        need = Requirement(line)
        if need.marker is None or need.marker.evaluate({"extra": ""}):
            requirements(need.name, found)
    return found


@pytest.fixture
def alone(tmp_path: Path) -> list[str]:
    """Two folders for Python's path: the engine's rooms, and links to what it needs."""
    engine, libraries = tmp_path / "engine", tmp_path / "libraries"
    (engine / "reference").mkdir(parents=True)
    libraries.mkdir()
    for room in (room for floor in ENGINE for room in floor):
        source = ROOT / "reference" / room
        if source.is_dir():
            shutil.copytree(source, engine / "reference" / room, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source.with_suffix(".py"), engine / "reference")
    found: set[str] = set()
    for name in ("numpy", "scipy", "pandas", "formulaic"):
        requirements(name, found)
    for name in found:
        for file in distribution(name).files or ():
            top = file.parts[0]
            if top not in ("..", "__pycache__") and not (libraries / top).exists():
                (libraries / top).symlink_to(Path(str(distribution(name).locate_file(top))).resolve())
    return [str(engine), str(libraries)]


def test_the_engine_alone_fits_pupils_in_rooms_in_schools(alone: list[str]) -> None:
    # -I and -S: neither the folder it runs in, nor what is installed, nor the environment.
    command = [sys.executable, "-I", "-S", "-c", SCRIPT.format(paths=alone)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "No module named 'statsmodels'" in ended.stderr
    *summary, ranked, within, overall, others = ended.stdout.splitlines()
    assert "Formula: score ~ hours + (1 + hours | school) + (1 | school:room)" in summary
    assert any("groups: school, 12; school:room, 36" in line for line in summary)
    assert any(line.startswith("Certified optimum") for line in summary)
    assert sorted(ranked.split(", ")) == [f"school {chr(65 + one)}" for one in range(12)]
    assert (within, overall, others) == ("0.000000000", "0.000000000", "others: []")
