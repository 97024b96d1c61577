"""One throw-away SLURM for the tests of a session that ask for it."""

import os

import pytest

from tests.workflow.conftest import machine_code, project, shipped

from .cluster import DEFAULT, Cluster, why_not

__all__ = ["cluster", "machine_code", "project", "shipped"]


@pytest.fixture(scope="session")
def cluster():
    """A running cluster; without SLURM here, a skip that says why, and a failure where SLURM is required."""
    if (reason := why_not()) is not None:
        if os.environ.get("LAZYRICH_REQUIRE_SLURM"):
            pytest.fail(reason)
        pytest.skip(reason)
    with Cluster() as running:
        yield running
    assert not running.processes()
    assert not running.folder.exists()
    # A cluster that waited for this one may be there already.
    assert not DEFAULT.is_symlink() or DEFAULT.readlink().parent != running.folder
