"""IPython as it runs in a notebook's process: what a cell shows goes to the recording, and to nobody else."""

from __future__ import annotations

from typing import Any

import statsmodels.formula.api  # noqa: F401  (every notebook of a course wants it)
from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from .recording import Outputs, clean_bundle, name_of, text_of


class Hook(DisplayHook):
    """Keeps the value of a cell."""

    outputs: Outputs

    def write_output_prompt(self) -> None:
        """Write no prompt: a notebook shows none."""

    def write_format_data(self, format_dict: dict[str, Any], md_dict: dict[str, Any] | None = None) -> None:
        """Keep a value in the forms that it has."""
        data, size = clean_bundle(format_dict)
        self.outputs.add({"output_type": "execute_result", "data": data}, size)

    def finish_displayhook(self) -> None:
        """Write nothing at the end."""
        self._is_active = False


class Publisher(DisplayPublisher):
    """Keeps what a cell displays."""

    outputs: Outputs

    def publish(self, data: Any, metadata: Any = None, source: Any = None, **options: Any) -> None:
        """Keep what is displayed."""
        kept, size = clean_bundle(data)
        name = (options.get("transient") or {}).get("display_id")
        self.outputs.show(kept, size, name, update=bool(options.get("update")))

    def clear_output(self, wait: bool = False) -> None:
        """Forget what the cell has shown."""
        self.outputs.clear()


class Shell(InteractiveShell):
    """Captures what a notebook would show."""

    displayhook_class = Hook
    display_pub_class = Publisher

    outputs: Outputs
    wants_to_exit = False

    def ask_exit(self) -> None:
        """Remember that the notebook wants no more."""
        self.wants_to_exit = True

    def enable_gui(self, gui: Any = None) -> None:
        """Do nothing: there is no window to open in the box."""

    def _showtraceback(self, etype: Any, evalue: Any, stb: Any) -> None:
        lines = [str(line).encode("utf-8", "replace").decode("utf-8") for line in stb]
        self.outputs.add(
            {
                "output_type": "error",
                "ename": name_of(etype),
                "evalue": text_of(evalue),
                "traceback": lines,
            },
            sum(map(len, lines)),
        )


def make_shell(outputs: Outputs) -> Any:
    """Return an IPython shell that captures what a notebook would show, with the scientific stack imported.

    Whatever is slow the first time happens here, before the forks, so that no notebook waits for it again.
    """
    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "NoColor"
    Hook.outputs = Publisher.outputs = Shell.outputs = outputs
    shell: Any = Shell.instance(config=config)
    shell.run_line_magic("matplotlib", "inline")
    shell.run_cell("0 / 0")  # what prints a traceback is imported by the first error
    return shell
