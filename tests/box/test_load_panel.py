"""A table is the same frame in the box and at home, whatever is in its columns."""

from __future__ import annotations

from pathlib import Path

import pytest

from autograder import student
from autograder.records.values import Text
from autograder.sandbox.box import Job
from autograder.sandbox.boxes import Boxes
from reference.questions import Dataset

TABLES = {
    "zeros first": "id,x\n007,1\n010,2\n",
    "whole numbers and gaps": "id,x,y\n1,2,\n3,4,5\n",
    "texts that pandas takes for something else": "a,b,c,d\nNA,True,1_000,nan\nNone,False,2_000,2\n",
    "commas, quotes and umlauts": 'a,x\n"Köln, Süd",1\n"a ""b""",2.5\n',
    "blanks": "a,x\n 7 ,\n8, \n",
    "signs and exponents": "x,y\n-1,1e3\n+2,-0.5\n",
    "digits that a float must keep": "x\n0.1234567890123456789\n123456.7890123456\n",
}
SAYS = "[(str(c), str(t[c].dtype) == 'float64', [repr(v) for v in t[c].tolist()]) for c in t]"


@pytest.mark.parametrize("table", TABLES.values(), ids=list(TABLES))
def test_the_box_and_home_read_the_same(
    table: str, boxes: Boxes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cells = ("from autograder.student import check, load_panel", f"t = load_panel()\ncheck('said', repr({SAYS}))")
    ended = boxes.run(Job("task", cells, Dataset.from_csv(table.encode()).to_csv_bytes()))
    (tmp_path / "panel.csv").write_text(table, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    t = student.load_panel()
    assert ended.answers == {"said": Text(repr(eval(SAYS, {"t": t})))}
