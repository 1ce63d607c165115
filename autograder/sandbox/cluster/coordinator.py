"""The coordinator's side of a cluster: it hands out orders, believes no result, and alone knows what a mark is.

Dask unpickles what workers and scheduler send, so these are the teacher's own machines; a learner's code is in a box on
one of them, and of what it sends nothing is unpickled.
"""

from __future__ import annotations

import asyncio
import logging
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future as Coming
from concurrent.futures import wait
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from pkgutil import resolve_name
from threading import Event, Lock
from uuid import uuid4

import cryptography  # noqa: F401  # by which Dask makes the keys of a cluster on this machine
import dask.config
from distributed import CancelledError, Client, Future, LocalCluster, Security
from distributed import Lock as ClustersLock
from distributed.client import ClosedClientError
from distributed.versions import VersionMismatchWarning

from autograder.errors import BoxBroken, BoxUnavailable
from autograder.records.grading import NotebookRun
from autograder.sandbox.box import Job
from autograder.sandbox.cluster.messages import read_result, write_order
from autograder.sandbox.cluster.worker import BOX, WorkersBoxes, run_order, standing
from autograder.sandbox.run_store import box_contents
from autograder.sandbox.turns import Turns

#: How often one who waits for a result looks whether it is wanted, and whether a worker is there.
LOOK_SECONDS = 2.0

#: For so long a cluster may be without any worker, in which a machine starts again.
PATIENCE_SECONDS = 180.0

#: So many learners are read, run or scored at a time for each notebook that runs: no worker waits, and no memory fills.
_LEARNERS_FOR_A_BOX = 2

_LOST = "The scheduler was lost. What was filed so far is kept: start it, and give the same command again."


@contextmanager
def _loss_told() -> Iterator[None]:
    """Raise a sentence in the place of what Dask raises once the scheduler is lost."""
    try:
        yield
    except (ClosedClientError, CancelledError, OSError) as error:
        raise BoxUnavailable(_LOST) from error


class Cluster:
    """The boxes of Dask's workers: they run jobs as `Boxes` does. Leaving the context closes them.

    A job whose worker is lost goes to another one. One whose box failed is run once more, on another worker if there
    is one, while no other notebook runs.
    """

    def __init__(self, client: Client, packages: tuple[str, ...] = ()) -> None:
        """Use the workers of a connected client; ``packages`` are what notebooks may import besides."""
        self.packages = packages
        for name in ("distributed.client", "distributed.semaphore", "tornado.application"):
            logging.getLogger(name).setLevel(logging.CRITICAL)  # what goes wrong is said in a sentence
        self._client, self._turns, self._ended = client, Turns(), Event()
        self._closing = ExitStack()
        self._looking, self._looked, self._seen = Lock(), 0.0, time.monotonic()
        self._accepted, self._slots = dict[str, str](), 0

    @classmethod
    def connected(cls, address: str, certificate: Path | None, packages: tuple[str, ...] = ()) -> Cluster:
        """Return the workers of a scheduler; with a certificate all of it is encrypted, by TLS.

        Raises
        ------
        BoxUnavailable
            If the scheduler does not answer, or another grading has its workers.
        """
        pem = None if certificate is None else str(certificate)
        security = Security(require_encryption=True, tls_ca_file=pem, tls_client_cert=pem) if pem else None
        warnings.simplefilter("ignore", VersionMismatchWarning)  # workers of other versions are refused by name
        try:
            client = Client(address, security=security, timeout="10s")
        except (OSError, ValueError) as error:
            raise BoxUnavailable(f"The scheduler {address} does not answer as one: {error}") from error
        cluster = cls(client, packages)
        cluster._closing.callback(client.close)
        alone = ClustersLock("mlm-grading")
        if not alone.acquire(timeout="45s"):  # that of a grading that was killed lasts half a minute
            cluster.__exit__()
            raise BoxUnavailable(f"Another grading uses the workers of {address}. Start again when it has ended.")
        cluster._closing.callback(alone.release)
        return cluster

    @classmethod
    def local(cls, workers: int, packages: tuple[str, ...] = ()) -> Cluster:
        """Return so many workers on this machine, with keys that nobody else has, which end with this."""
        security = Security.temporary()
        # Each process of Dask has a web server, which needs no key; it is left with no pages.
        dask.config.set({f"distributed.{role}.http.routes": [] for role in ("scheduler", "worker", "nanny")})
        local = LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            host="127.0.0.1",
            protocol="tls://",
            security=security,
            dashboard_address="127.0.0.1:0",
            memory_limit=0,
            silence_logs=logging.CRITICAL,
        )
        client = Client(local, security=security)
        cluster = cls(client, packages)
        cluster._closing.callback(local.close)
        cluster._closing.callback(client.close)
        return cluster

    def __enter__(self) -> Cluster:
        """Return the cluster."""
        return self

    def __exit__(self, *_: object) -> None:
        """Let the workers close their boxes, and go."""
        # What is lost by now is closed as well.
        with suppress(OSError, TimeoutError, CancelledError), self._closing:
            pass

    @property
    def at_a_time(self) -> int:
        """So many learners are graded at a time, once the boxes were tried."""
        return self._slots * _LEARNERS_FOR_A_BOX

    def open_soon(self, count: int) -> None:
        """Open nothing: the workers do when their boxes are tried."""

    def end_runs(self) -> None:
        """Let no run begin, and wait for none: `run` raises."""
        self._ended.set()

    @_loss_told()
    def require_safe(self, protected: tuple[Path, ...]) -> None:
        """Try the box on each worker, those included that come later.

        ``protected`` are files that must not be readable inside where they are there.

        Raises
        ------
        BoxUnavailable
            If the scheduler is lost, or there is no worker, or one has no safe box or other versions: it names each
            and says why.
        """
        if not self._workers():
            # It may be lost, which is not always seen by `_workers`.
            self._client.sync(self._client.scheduler.identity)  # type: ignore[union-attr]
            raise BoxUnavailable("The scheduler has no worker. Start one: mlm certificate says how.")
        found = self._client.run(resolve_name, f"{run_order.__module__}:BOX", on_error="return")
        self._refuse({one: f"It has not this mlm-course: {said}." for one, said in found.items() if said != BOX})
        plugin = WorkersBoxes(box_contents(self.packages), self.packages, tuple(map(str, protected)))
        self._closing.callback(self._forget)
        self._client.register_plugin(plugin)
        said = self._client.run(standing)
        self._refuse({address: why for address, (why, _) in said.items() if why})
        self._slots = sum(slots for _, slots in said.values())
        self._worker_is_there()

    def _refuse(self, refused: Mapping[str, str]) -> None:
        if refused:
            names = self._workers()
            lines = sorted(
                f"  - {names.get(address, 'one that is gone')} at {address}: {refused[address]}" for address in refused
            )
            raise BoxUnavailable("\n".join(["These workers are refused, and nothing was run:", *lines]))

    def _workers(self, *, tried: bool = False) -> dict[str, str]:
        """Return the workers' names by their addresses; if asked only those whose box was tried, and held."""
        # Dask says what it knew last while it looks for a lost scheduler, and nothing once it has given that up.
        known = self._client.scheduler_info(n_workers=-1).get("workers")
        if known is None:
            raise BoxUnavailable(_LOST)
        return {address: str(one["name"]) for address, one in known.items() if one["resources"].get(BOX) or not tried}

    def _forget(self) -> None:
        # A worker never had it; or the scheduler was lost, and Dask has no connections, or no scheduler, any more.
        with suppress(KeyError, RuntimeError, AttributeError):
            self._client.unregister_worker_plugin(WorkersBoxes.name)

    @_loss_told()
    def run(self, job: Job) -> NotebookRun:
        """Return the run of a notebook; from any thread.

        Raises
        ------
        BoxUnavailable
            If the scheduler is lost, or all workers are.
        BoxBroken
            If a box or a worker fails twice, or sends what is no result of this job: it names the worker.
        """
        order, failed = write_order(job), list[str]()

        def once(*, alone: bool) -> NotebookRun:
            others = [address for address in self._accepted if address not in failed]
            task, sent = self._finished(lambda: self._submitted(order, others if failed else (), alone=alone))
            try:
                return read_result(sent, job, order)
            except BoxBroken as error:
                holders = self._client.who_has(task).get(task.key, ())
                failed.extend(holders)
                named = " and ".join(f"{self._accepted.get(address, '')} at {address}" for address in holders)
                raise BoxBroken(f"{job.name}, on the worker {named or '(lost)'}: {error}") from error

        return self._turns.run(once)

    def _submitted(self, order: bytes, others: list[str] | tuple[()], *, alone: bool) -> Future[bytes]:
        """Hand out an order, to one of certain workers if they are there."""
        aside = {"workers": others, "allow_other_workers": True} if others else {}
        return self._client.submit(
            run_order, order, alone, key=f"mlm-{uuid4().hex}", pure=False, resources={BOX: 1}, **aside
        )

    def _finished(self, submitted: Callable[[], Future[bytes]]) -> tuple[Future[bytes], bytes]:
        """Return a task that has finished, and its result; it is submitted again where all workers were lost meanwhile.

        They may be lost with a result that was not fetched yet, too.
        """
        task, coming, there = submitted(), None, self._accepted
        while True:
            with suppress(TimeoutError):
                failed = task.exception(timeout=LOOK_SECONDS)
                if failed is not None:
                    raise BoxBroken(f"A worker failed: {type(failed).__name__}: {failed}") from failed
                coming = coming or self._coming(task)
            if coming and wait([coming], LOOK_SECONDS).done and task.status != "error":
                return task, coming.result()
            if self._ended.is_set():
                task.cancel()
                raise BoxBroken("The run was ended before the notebook was.")
            # An order that was handed out before all workers were lost is given by Dask to none that comes later.
            if not self._worker_is_there() or there.keys().isdisjoint(self._accepted):
                task.cancel()
                self._await_worker()
                task, coming, there = submitted(), None, self._accepted

    def _coming(self, task: Future[bytes]) -> Coming[bytes]:
        """Fetch a result. Dask's own timeout would begin anew with each look, and a large result takes long."""
        fetched = self._client.gather(task, asynchronous=True)
        return asyncio.run_coroutine_threadsafe(fetched, self._client.loop.asyncio_loop)  # type: ignore[union-attr]

    def _await_worker(self) -> None:
        while not self._worker_is_there():
            if time.monotonic() - self._seen > PATIENCE_SECONDS:
                raise BoxUnavailable(
                    f"No worker with a box has been there for {PATIENCE_SECONDS:.0f} s. What was filed so far is kept: "
                    "start workers, and give the same command again."
                )
            if self._ended.wait(LOOK_SECONDS):
                raise BoxBroken("The run was ended before the notebook was.")

    def _worker_is_there(self) -> bool:
        """Return True if a worker of which the box was tried is there; asked again every few seconds, by one thread."""
        with self._looking:
            if time.monotonic() - self._looked > LOOK_SECONDS:
                self._accepted = self._workers(tried=True)
                self._looked = time.monotonic()
                if self._accepted:
                    self._seen = self._looked
        return bool(self._accepted)
