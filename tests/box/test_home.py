"""The box is like home: the libraries, the processes and the files that learners are used to."""

from __future__ import annotations

from typing import Protocol

import pytest

from autograder.records.grading import NotebookRun
from autograder.records.values import ListValue, Number
from autograder.sandbox import policy
from autograder.sandbox.policy import Limits

#: Cells by the library that they need, or none, and what each of them assigns to ``r``.
CELLS = {
    "a pool": ("", "import multiprocessing as mp\nwith mp.Pool(4) as pool: r = pool.map(abs, [1, -2])", [1, 2]),
    "functions of the notebook": (
        "",
        "from concurrent.futures import ProcessPoolExecutor\ndef twice(x): return 2 * x\n"
        "with ProcessPoolExecutor(4) as pool: r = list(pool.map(twice, [1, 2]))",
        [2, 4],
    ),
    "threads": (
        "",
        "from concurrent.futures import ThreadPoolExecutor\n"
        "with ThreadPoolExecutor(8) as pool: r = list(pool.map(abs, [1, -2]))",
        [1, 2],
    ),
    "thirty figures": (
        "",
        "import matplotlib.pyplot as plt\nfor i in range(30): plt.figure()\nr = [len(plt.get_fignums())]",
        [30],
    ),
    "files": (
        "",
        "import os\nload_panel().to_csv('out.csv'); os.makedirs('a/b'); r = [len(open('out.csv').readlines())]",
        [201],
    ),
    "joblib": (
        "joblib",
        "from joblib import Parallel, delayed\nr = Parallel(n_jobs=2)(delayed(abs)(x) for x in (1, -2))",
        [1, 2],
    ),
    "seaborn": ("seaborn", "import seaborn as sns\nsns.histplot(load_panel()['sales'])\nr = [1]", [1]),
    "scikit-learn": (
        "scikit-learn",
        "from sklearn.preprocessing import StandardScaler\n"
        "r = [StandardScaler().fit(load_panel()[['sales']]).n_samples_seen_]",
        [200],
    ),
    "styled tables": ("jinja2", "load_panel().head(1).style.format(precision=1)\nr = [1]", [1]),
    "tqdm": ("tqdm", "from tqdm.auto import tqdm\nr = [x for x in tqdm([1, 2])]", [1, 2]),
    "plotly": (
        "plotly",
        "import plotly.express as px\nfig = px.scatter(load_panel(), x='youtube', y='sales')\nfig.show()\nr = [1]\nfig",
        [1],
    ),
}


class Run(Protocol):
    """Runs cells in one of the warm boxes."""

    def __call__(self, *cells: str, limits: Limits | None = None) -> NotebookRun: ...


@pytest.mark.parametrize("what", CELLS)
def test_what_works_at_home_works_here(run: Run, what: str) -> None:
    library, cell, given = CELLS[what]
    if library and library not in policy.installed():
        pytest.skip(f"{library} is not installed: pip install '.[box]' installs it")
    ended = run(cell, "check('r', r)")
    assert ended.cells[1].errors == ()
    assert ended.answers == {"r": ListValue(tuple(map(float, given)))}


@pytest.mark.skipif("ipywidgets" not in policy.installed(), reason="no ipywidgets: pip install '.[box]' installs it")
def test_a_widget_is_shown_as_text(run: Run) -> None:
    shown = run("import ipywidgets\nipywidgets.IntSlider()").cells[1].outputs
    assert [output.data for output in shown] == [{"text/plain": "IntSlider(value=0)"}]


def test_nothing_of_that_is_imported_before_a_notebook_asks(run: Run) -> None:
    wanted = ["seaborn", "sklearn", "joblib", "tqdm", "ipywidgets", "plotly", "nbformat", "jinja2", "reference"]
    assert run(f"import sys\ncheck('r', [name for name in {wanted} if name in sys.modules])").answers == {
        "r": ListValue(())
    }


def test_the_engine_is_a_tool_like_any_other(run: Run) -> None:
    ended = run(
        "from reference import fit\n"
        "model = fit('sales ~ week + youtube + facebook + newspaper + (1 | store_id)', load_panel())",
        "check('rows', model.nobs)\nmodel",
    )
    assert ended.answers == {"rows": Number(200.0)}
    assert "MixedFit" in ended.cells[2].outputs[0].data["text/plain"]
