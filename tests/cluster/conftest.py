"""Two Dask workers with boxes of their own, and classes that are graded with them and without."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from autograder.sandbox.cluster.coordinator import Cluster


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """Two workers of this machine, whose boxes hold."""
    with Cluster.local(2) as workers:
        workers.require_safe(())
        yield workers
