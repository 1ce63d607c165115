"""What a bad statement costs in the box: itself, and what our own cells mean whatever a learner has bound."""

from __future__ import annotations

import pytest

from autograder.records.grading import Ending, NotebookRun
from autograder.records.values import CellError, ListValue, Number, Text, Truth
from autograder.sandbox.box import Job
from autograder.sandbox.boxes import Boxes

IMPORT = "from autograder.student import check, load_panel"


def run_cells(boxes: Boxes, panel: bytes, *cells: str, locked: frozenset[int] = frozenset()) -> NotebookRun:
    """Run cells behind the import of `check`, those of these numbers as ours."""
    return boxes.run(Job("task", (IMPORT, *cells), panel, locked=locked))


def told(run: NotebookRun, cell: int) -> list[tuple[int, str]]:
    return [(error.line, error.name) for error in run.cells[cell].errors]


#: A statement that costs itself, by the name of the error that is told; None for one that works quietly.
STATEMENTS = {
    "1 / 0": "ZeroDivisionError",
    "raise SystemExit(1)": "SystemExit",
    "import sys; sys.exit()": "SystemExit",
    "raise KeyboardInterrupt": "KeyboardInterrupt",
    "raise GeneratorExit": "GeneratorExit",
    "return 1": "SyntaxError",
    "x = = 1": "SyntaxError",
    "x = %'''": "SyntaxError",
    "!pip install seaborn": "OSError",
    "!pip install \\\n    seaborn": "OSError",
    "files = !ls": "OSError",
    "%pip install seaborn": "OSError",
    "%no_such_magic": "UsageError",
    "%load_ext no_such_extension": "ModuleNotFoundError",
    "import google.colab": "ModuleNotFoundError",
    "import locale; locale.setlocale(locale.LC_ALL, 'no_SUCH')": "Error",
    "%load_ext autoreload\n%autoreload 2": None,
    "%matplotlib widget": None,
    "%matplotlib notebook": None,
    "%matplotlib qt": None,
    "import matplotlib; matplotlib.use('TkAgg')": None,
    "import matplotlib.pyplot as plt; plt.plot([1]); plt.show()": None,
    "quit()": None,
    "exit()": None,
    "get_ipython().ask_exit()": None,
    "input('press enter')": None,
    "import getpass; getpass.getpass()": None,
}


def test_a_statement_that_fails_costs_itself(boxes: Boxes, panel: bytes) -> None:
    cells = [f"\nbefore = {number}\n{one}\ncheck('{number}', before)" for number, one in enumerate(STATEMENTS)]
    run = run_cells(boxes, panel, *cells)
    assert run.ending is Ending.FINISHED
    assert run.answers == {f"{number}": Number(float(number)) for number in range(len(STATEMENTS))}
    for number, (statement, name) in enumerate(STATEMENTS.items(), 1):
        assert told(run, number) == ([(3, name)] if name else []), statement


@pytest.mark.parametrize(
    ("head", "shown"), [("%%time", ["2"]), ("%%prun", ["2"]), ("%%capture kept", []), ("\n%%capture", [])]
)
def test_so_does_one_under_a_magic_of_the_whole_cell(boxes: Boxes, panel: bytes, head: str, shown: list[str]) -> None:
    run = run_cells(boxes, panel, f"{head}\n\n1 / 0\nx = = 1\ny = 2\ny", "check('y', y)")
    lines = head.count("\n")
    assert told(run, 1) == [(3 + lines, "ZeroDivisionError"), (4 + lines, "SyntaxError")]
    results = [output.data["text/plain"] for output in run.cells[1].outputs if output.output_type == "execute_result"]
    assert (results, run.answers) == (shown, {"y": Number(2.0)})


def test_a_magic_that_nobody_knows_costs_its_line(boxes: Boxes, panel: bytes) -> None:
    run = run_cells(boxes, panel, "%%no_such_magic\ny = 2", "check('y', y)", "%%no_such_magic\nthis is no Python")
    assert (told(run, 1), run.answers) == ([(1, "UsageError")], {"y": Number(2.0)})
    assert told(run, 3) == [(1, "UsageError")]


def test_a_magic_alone_in_its_cell_needs_no_sign(boxes: Boxes, panel: bytes) -> None:
    run = run_cells(boxes, panel, "time y = 7", "check('y', y)", "pip install seaborn", "time for y")
    assert run.answers == {"y": Number(7.0)}
    assert [told(run, cell) for cell in (1, 3, 4)] == [[], [(1, "OSError")], [(1, "SyntaxError")]]


def test_the_last_value_is_shown_as_in_jupyter(boxes: Boxes, panel: bytes) -> None:
    run = run_cells(boxes, panel, "1\n2", "%config InteractiveShell.ast_node_interactivity = 'all'", "1\n1 / 0\n2")
    shown = [[o.data.get("text/plain", o.ename) for o in cell.outputs] for cell in run.cells]
    assert (shown[1], shown[3]) == (["2"], ["1", "ZeroDivisionError", "2"])


def test_an_error_ends_its_cell_where_that_is_the_rule(boxes: Boxes, panel: bytes) -> None:
    cells = (IMPORT, "x = 1\n1 / 0\nx = 2", "check('x', x)", "x = 3\ny = = 1", "check('y', x)")
    run = boxes.run(Job("task", cells, panel, error_ends_cell=True))
    assert run.answers == {"x": Number(1.0), "y": Number(1.0)}
    assert (told(run, 1), told(run, 3)) == ([(2, "ZeroDivisionError")], [(2, "SyntaxError")])


def test_what_is_told_of_errors_is_short(boxes: Boxes, panel: bytes) -> None:
    run = run_cells(boxes, panel, f"x = {'1 +' * 1000} y\n" * 200, "\n".join(["1 / 0"] * 200), "check('z', 1)")
    for cell in run.cells[1:3]:
        assert len(cell.errors) == 20
        assert len(cell.outputs) <= 20
    assert max(len(error.statement) for error in run.cells[1].errors) == 100
    assert run.cells[2].errors[19] == CellError("ZeroDivisionError", "division by zero", 20, "1 / 0")
    assert run.answers == {"z": Number(1.0)}


def test_a_hundred_thousand_lines_that_cannot_be_parsed_end_soon(boxes: Boxes, panel: bytes) -> None:
    run = run_cells(boxes, panel, "x = = 1\n" * 100_000, "check('z', 1)")
    assert (run.ending, run.answers) == (Ending.FINISHED, {"z": Number(1.0)})
    assert 0 < len(run.cells[1].errors) <= 20


#: What learners do to the names and the settings that our cells use.
HABITS = (
    "check = None",
    "print = None; str = 3; sum = 0; list = [1]; len = 5; print",
    "import builtins; builtins.any = builtins.all = lambda values: True; builtins.round = builtins.float = None",
    "from autograder import student; student.check = student.load_panel = None",
    "import warnings; warnings.filterwarnings('error')",
    "import pandas as pd; pd.set_option('display.precision', 1); pd.read_csv = None",
    "import numpy as np; np.seterr(all='raise'); np.random.seed(1)",
    "import os; os.makedirs('a', exist_ok=True); os.chdir('a')",
    "del check, load_panel",
    "%reset -f",
)


@pytest.mark.parametrize("habit", HABITS)
def test_our_cells_mean_what_they_say(boxes: Boxes, panel: bytes, habit: str) -> None:
    ours = (
        f"{IMPORT}\nimport warnings\npanel = load_panel()",
        "check('rows', len(panel)); warnings.warn('not an error', FutureWarning, stacklevel=1); check('done', True)",
    )
    run = run_cells(boxes, panel, habit, *ours, locked=frozenset({0, 2, 3}))
    assert run.answers == {"rows": Number(200.0), "done": Truth(True)}
    assert [cell.errors for cell in run.cells[2:]] == [(), ()]


def test_what_a_learner_bound_is_the_learners_again_after_our_cells(boxes: Boxes, panel: bytes) -> None:
    run = run_cells(
        boxes,
        panel,
        "import warnings\nprint = 'mine'; warnings.filterwarnings('error', category=UserWarning)\nrecord = check",
        "print('said'); check('ours', 1)",
        "record('mine', print)\nwarnings.warn('an error here')",
        locked=frozenset({2}),
    )
    assert run.answers == {"ours": Number(1.0), "mine": Text("mine")}
    assert told(run, 3) == [(2, "UserWarning")]


def test_our_cells_may_set_warnings_and_names_for_good(boxes: Boxes, panel: bytes) -> None:
    ours = "import warnings\nwarnings.filterwarnings('error')\ndef sum(x): return 7"
    run = run_cells(boxes, panel, ours, "check('sum', sum([1]))\nwarnings.warn('x')", locked=frozenset({1}))
    assert (run.answers, told(run, 2)) == ({"sum": Number(7.0)}, [(2, "UserWarning")])


def test_an_answer_may_have_the_name_of_something_of_pythons(boxes: Boxes, panel: bytes) -> None:
    run = run_cells(boxes, panel, "max = 3.5", "check('max', max)", locked=frozenset({2}))
    assert run.answers == {"max": Number(3.5)}


def test_the_panel_of_the_run_lies_beside_the_notebook_with_the_learners_files(boxes: Boxes, panel: bytes) -> None:
    files = {
        "helpers.py": b"def icc_of(a, b): return a / (a + b)",
        "numpy.py": b"TAKEN = True",
        "tools/__init__.py": b"VALUE = 5",
        "panel.csv": b"mine",
        "../outside": b"x",
        "/tmp/outside": b"x",
        "tools/__init__.py/below": b"x",
        "x" * 300: b"x",
    }
    cells = (
        IMPORT,
        "import pandas as pd, helpers, numpy, os, tools",
        "check('panel', pd.read_csv('panel.csv').equals(load_panel()) and os.path.getsize('panel.csv'))",
        "check('found', [helpers.icc_of(1, 3), tools.VALUE, hasattr(numpy, 'TAKEN')])",
        "check('there', sorted([*os.listdir(), *os.listdir('/tmp')]))",
    )
    run = boxes.run(Job("task", cells, panel, files=files))
    assert run.answers["panel"] == Number(float(len(panel)))
    assert run.answers["found"] == ListValue((0.25, 5.0, False))
    there = run.answers["there"]
    assert isinstance(there, ListValue)
    assert set(there.items) - {"__pycache__", "matplotlib"} == {"helpers.py", "numpy.py", "panel.csv", "tools", "work"}
