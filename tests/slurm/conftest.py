"""One throw-away SLURM for the tests of a session that ask for it."""

import os

import pytest

from .cluster import Cluster, why_not


@pytest.fixture(scope="session")
def cluster():
    """A running cluster; without SLURM here, a skip that says why, and a failure where SLURM is required."""
    if (reason := why_not()) is not None:
        if os.environ.get("LAZYRICH_REQUIRE_SLURM"):
            pytest.fail(reason)
        pytest.skip(reason)
    with Cluster() as running:
        yield running
