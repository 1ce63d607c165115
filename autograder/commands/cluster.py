"""Where notebooks run, as a teacher asks for it: on this machine, or on the workers of a Dask scheduler."""

from __future__ import annotations

import os
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from autograder.commands.console import ALL_GRADED, OUT
from autograder.errors import UsageError
from autograder.sandbox.boxes import Boxes, count_workers, memory_advice
from autograder.sandbox.doctor import require_safe_box

if TYPE_CHECKING:
    from autograder.sandbox.cluster.coordinator import Cluster


@dataclass(frozen=True)
class Workers:
    """So many boxes of this process, or of as many processes beside it, or the workers of a scheduler."""

    count: int | None = None
    local_cluster: bool = False
    scheduler: str | None = None
    certificate: Path | None = None

    def advice(self) -> str | None:
        """Return a sentence where this machine has too little memory for what is asked.

        Raises
        ------
        UsageError
            If the options do not go together, or a scheduler elsewhere would be asked without encryption.
        """
        if self.scheduler is None:
            if self.certificate:
                raise UsageError("--certificate is for a scheduler: name it by --scheduler tls://HOST:8786.")
            return memory_advice(self.count)
        if self.local_cluster or self.count:
            raise UsageError("--scheduler has workers of its own: leave out --workers and --local-cluster.")
        _require_encrypted(self.scheduler, self.certificate)
        return None

    def boxes(self, packages: tuple[str, ...]) -> Boxes | Cluster:
        """Return what runs notebooks."""
        if not (self.local_cluster or self.scheduler):
            return Boxes(packages)
        from autograder.sandbox.cluster.coordinator import Cluster

        if self.scheduler:
            return Cluster.connected(self.scheduler, self.certificate, packages)
        return Cluster.local(count_workers(self.count), packages)

    def at_a_time(self, boxes: Boxes | Cluster) -> int:
        """Return how many learners are graded at a time, once the boxes were tried."""
        return count_workers(self.count) if isinstance(boxes, Boxes) else boxes.at_a_time


#: As many boxes of this process as there are processors.
HERE = Workers()


def require_safe(protected: tuple[Path, ...], boxes: Boxes | Cluster) -> None:
    """Raise BoxUnavailable if a box, here or on a worker, does not hold."""
    if isinstance(boxes, Boxes):
        require_safe_box(protected, boxes)
    else:
        boxes.require_safe(protected)


def _require_encrypted(address: str, certificate: Path | None) -> None:
    parts = urlsplit(address)
    if parts.scheme not in ("tcp", "tls") or not parts.hostname:
        raise UsageError(f"--scheduler {address} is no address of a scheduler. One is tls://HOST:8786.")
    if parts.scheme == "tls":
        if certificate is None:
            raise UsageError("--scheduler tls://… needs --certificate FILE, the one that mlm certificate made.")
        if not certificate.is_file():
            raise UsageError(f"--certificate {certificate}: no such file. mlm certificate makes one.")
    elif certificate:
        raise UsageError(f"--certificate is for TLS: the address is then tls://{parts.netloc}.")
    elif not _is_loopback(parts.hostname):
        raise UsageError(
            f"--scheduler {address} is elsewhere and not encrypted: who can reach it could run any code there and "
            "here, and read what learners wrote. Start it with TLS, as mlm certificate says, and name it by tls://."
        )


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


_STARTS = """\
{file} lets its holder into a cluster of yours, and so run any code on its machines. Copy it
to each of them, readable for your account alone, and give it to nobody else. It holds for a year.

On the machine of the scheduler:

    dask scheduler --protocol tls --port 8786 {further}

On each machine that runs notebooks, with bubblewrap and the same versions as here:

    dask worker tls://SCHEDULER:8786 --nthreads 2 {further}

Then here:

    mlm grade practice --submitted submitted/ --scheduler tls://SCHEDULER:8786 --certificate {file}
"""


def certificate(to: Path) -> int:
    """Make what encrypts a cluster and tells its machines from others, and say how it is used."""
    import cryptography  # noqa: F401  # Dask needs it for this
    from distributed import Security

    made = Security.temporary()
    try:
        descriptor = os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise UsageError(f"{to} is there already, and workers may use it. Name another file, or remove it.") from None
    with open(descriptor, "w", encoding="ascii") as file:
        file.write(f"{made.tls_client_cert}{made.tls_client_key}")
    pem = f"--tls-ca-file {to} --tls-cert {to} --tls-key {to}"
    OUT.print(_STARTS.format(file=to, further=f"--no-dashboard --dashboard-address 127.0.0.1:0 {pem}"))
    return ALL_GRADED
