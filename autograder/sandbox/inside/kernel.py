"""Run the cells of one notebook in a real Jupyter kernel, in the same box: slower, and exactly what a notebook is.

The kernel is a child of the notebook's process and talks to it by UNIX sockets in the notebook's own scratch space.
"""

from __future__ import annotations

import os
import queue
from collections.abc import Callable
from typing import Any

from .notebook import Channel, Outputs, begin_afresh, clean_bundle, import_stack, no_input

CONNECTION = "/tmp/kernel.json"

#: How often a silent kernel is asked whether it is still there.
LOOK_SECONDS = 0.2


class KernelNotebooks:
    """Runs each notebook in a kernel of its own, forked from a process that has imported everything."""

    def __init__(self) -> None:
        """Import the kernel, its client and the scientific stack."""
        from ipykernel.kernelapp import IPKernelApp
        from jupyter_client.blocking.client import BlockingKernelClient

        self._app: Any = IPKernelApp
        self._client: Any = BlockingKernelClient
        import_stack()

    def run(self, job: dict[str, Any], channel: Channel) -> None:
        """Run the code cells of a job in order; an error ends its own cell, not the notebook."""
        from jupyter_client.connect import write_connection_file

        begin_afresh(job["name"], channel)
        write_connection_file(CONNECTION, transport="ipc", ip="/tmp/kernel")
        kernel = os.fork()
        if kernel == 0:
            try:
                self._serve()
            finally:
                os._exit(1)
        outputs = Outputs()
        outputs.begin(job["name"], job["limits"]["output_bytes"], channel)
        client = self._connect(kernel)
        for index, source in enumerate(job["cells"]):
            if source is not None:
                outputs.cell = index
                outputs.send(run_cell(client, kernel, source, outputs))

    def _serve(self) -> None:
        from traitlets.config import Config

        config = Config()
        config.HistoryManager.enabled = False
        config.InteractiveShell.colors = "NoColor"
        config.IPKernelApp.matplotlib = "inline"
        app = self._app.instance(config=config)
        app.initialize(["-f", CONNECTION])
        app.kernel.raw_input = no_input
        app.start()

    def _connect(self, kernel: int) -> Any:
        client = self._client(connection_file=CONNECTION)
        client.load_connection_file()
        client.start_channels(stdin=False, hb=False, control=False)
        client.allow_stdin = True  # so that input() reaches our own refusal
        while True:
            client.kernel_info()
            await_message(client.get_shell_msg, kernel)
            try:
                client.get_iopub_msg(timeout=LOOK_SECONDS)
                return client
            except queue.Empty:
                continue  # it answers before what it shows is heard


def await_message(get: Callable[..., dict[str, Any]], kernel: int) -> dict[str, Any]:
    """Return the next message of a kernel; end as the kernel ends, if it does."""
    while True:
        try:
            return get(timeout=LOOK_SECONDS)
        except queue.Empty:
            ended, status = os.waitpid(kernel, os.WNOHANG)
        if ended and os.WIFSIGNALED(status):
            os.kill(os.getpid(), os.WTERMSIG(status))
        if ended:
            os._exit(os.WEXITSTATUS(status))


def run_cell(client: Any, kernel: int, source: str, outputs: Outputs) -> dict[str, str] | None:
    """Run one cell and keep what it shows; return its error, if it ends with one."""
    request = client.execute(source, store_history=True, stop_on_error=False)
    error = None
    while True:
        message = await_message(client.get_iopub_msg, kernel)
        if message["parent_header"].get("msg_id") != request:
            continue
        content = message["content"]
        match message["msg_type"]:
            case "status" if content["execution_state"] == "idle":
                return error
            case "stream":
                kept = {"output_type": "stream", "name": content["name"], "text": [content["text"]]}
                outputs.add(kept, len(content["text"]))
            case "execute_result":
                data, size = clean_bundle(content["data"])
                outputs.add({"output_type": "execute_result", "data": data}, size)
            case "display_data" | "update_display_data" as kind:
                data, size = clean_bundle(content["data"])
                name = content.get("transient", {}).get("display_id")
                outputs.show(data, size, name, update=kind == "update_display_data")
            case "clear_output":
                outputs.clear()
            case "error":
                error = {"name": content["ename"][:100], "message": content["evalue"][:500]}
                shown = {key: content[key] for key in ("ename", "evalue", "traceback")}
                outputs.add({"output_type": "error", **shown}, sum(map(len, content["traceback"])))
