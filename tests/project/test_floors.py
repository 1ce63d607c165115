"""Every package is built from the ground up, and its engine knows nothing of the course."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from floors import ENGINE, FLOORS, House, long_files, long_functions

ROOT = Path(__file__).resolve().parents[2]
#: Words of the course's panels, which the engine has no use for.
OF_THE_COURSE = ("store_id", "city_id", "youtube", "facebook", "newspaper", "sales", "Panel")


@pytest.fixture(params=FLOORS)
def package(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_every_room_has_a_floor(package: str) -> None:
    assert House.at(ROOT / package).rooms == {room for floor in FLOORS[package] for room in floor}


def test_no_room_imports_one_beside_or_above_it(package: str) -> None:
    assert House.at(ROOT / package).misplaced(FLOORS[package]) == []


def test_no_modules_import_each_other_in_a_circle(package: str) -> None:
    assert House.at(ROOT / package).circle() == []


def test_no_file_and_no_function_is_long(package: str) -> None:
    assert long_files(ROOT / package, 350) == []
    assert long_functions(ROOT / package, 40) == []


def test_the_engine_says_no_word_of_the_course() -> None:
    rooms = {room for floor in ENGINE for room in floor}
    said = []
    for path in (ROOT / "reference").rglob("*.py"):
        if path.relative_to(ROOT / "reference").with_suffix("").parts[0] in rooms:
            words = set(re.findall(r"\w+", path.read_text(encoding="utf-8")))
            said += [f"{path.name}: {word}" for word in OF_THE_COURSE if word in words]
    assert said == []


@pytest.fixture
def crooked(tmp_path: Path) -> Path:
    """A package whose lower room imports the upper one inside a function, and that has a circle and a long function."""
    files = {
        "__init__.py": "from crooked.upper.one import f\n",
        "lower.py": "def f():\n    from crooked.upper import one\n    return one\n",
        "upper/__init__.py": "",
        "upper/one.py": "from crooked.upper.two import g\n" + "def f():\n" + "    g()\n" * 5,
        "upper/two.py": "import crooked.upper.one\nimport crooked.lower\n",
    }
    for name, text in files.items():
        path = tmp_path / "crooked" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return tmp_path / "crooked"


def test_an_arrow_upwards_a_circle_and_what_is_long_are_found(crooked: Path) -> None:
    house = House.at(crooked)
    assert house.rooms == {"__init__", "lower", "upper"}
    assert house.misplaced((("lower",), ("upper",), ("__init__",))) == ["lower -> upper.one"]
    assert house.misplaced((("lower", "upper"), ("__init__",))) == ["lower -> upper.one", "upper.two -> lower"]
    assert {"upper.one", "upper.two"} <= set(house.circle())
    assert long_files(crooked, 5) == ["one.py"]
    assert long_functions(crooked, 4) == ["one.py: f"]
