"""The cards in a real kernel: as HTML and text in one bundle, for a name without a value, and after a crash."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.manager import KernelManager

IMPORT = "from autograder.student import check, load_panel, progress, reveal"
#: What a cell showed: the kinds of its outputs, and the text of all that were displayed.
Shown = tuple[list[str], str]


class Kernel:
    """A kernel in a folder, that runs cells and can be killed."""

    def __init__(self, folder: Path) -> None:
        self._manager = KernelManager()
        self._manager.start_kernel(cwd=str(folder))
        self._connect()

    def _connect(self) -> None:
        self._client: Any = self._manager.client()
        self._client.start_channels()
        self._client.wait_for_ready(timeout=120)

    def run(self, source: str) -> Shown:
        kinds, texts = [], []

        def take(message: dict[str, Any]) -> None:
            content = message["content"]
            if message["msg_type"] in ("display_data", "execute_result", "error", "stream"):
                kinds.append(message["msg_type"])
                texts.append(content.get("data", {}).get("text/plain", content.get("text", "")))
                assert message["msg_type"] != "display_data" or "mlm-card" in content["data"]["text/html"]

        self._client.execute_interactive(source, output_hook=take, timeout=120)
        return kinds, "\n".join(texts)

    def die_and_start_again(self) -> None:
        self._client.stop_channels()
        self._manager.restart_kernel(now=True)  # kills the process, as a crash does
        self._connect()

    def end(self) -> None:
        self._client.stop_channels()
        self._manager.shutdown_kernel(now=True)


@pytest.fixture
def kernel(alone: Path) -> Iterator[Kernel]:
    """A kernel in the folder of who studies alone."""
    kernel = Kernel(alone)
    yield kernel
    kernel.end()


def test_a_notebooks_session(kernel: Kernel) -> None:
    run = kernel.run
    run(IMPORT)
    # Before the answer exists: a card in place of Python's traceback, and only there.
    kinds, text = run('check("icc", icc)')
    assert kinds == ["display_data"]
    assert "There is no icc in this session yet." in text
    kinds, text = run("icq + 1")
    assert kinds == ["error"]

    # A cell that was not written yet says what to do; an error of the learner's own is Python's to tell.
    for untouched in (
        "# YOUR CODE HERE\nraise NotImplementedError()",
        "raise NotImplementedError()",
        "def double(x):\n    # YOUR CODE HERE\n    raise NotImplementedError()\ndouble(2)",
    ):
        kinds, text = run(untouched)
        assert kinds == ["display_data"]
        assert "This cell waits for your code" in text
        assert "Shift+Enter" in text
    kinds, text = run("class Shape:\n    def area(self):\n        raise NotImplementedError\nShape().area()")
    assert kinds == ["error"]

    kinds, text = run('icc = 0.41\ncheck("icc", icc)')
    assert kinds == ["display_data"]
    assert text.startswith("✗ Intraclass correlation, icc: wrong")
    assert "Try this" not in text
    kinds, text = run('icc = 0.42\ncheck("icc")')
    assert "Try this" in text

    # After a crash the variables are gone and what was learnt is not.
    kernel.die_and_start_again()
    run(IMPORT)
    kinds, text = run('check("icc", icc)')
    assert kinds == ["display_data"]
    assert "from the top after a restart" in text
    kinds, text = run('check("icc", 0.43)')
    assert "Read: “A level for each store" in text
    kinds, text = run("progress()")
    assert kinds == ["display_data"]
    assert "Next: var_store in task1-icc.ipynb." in text
