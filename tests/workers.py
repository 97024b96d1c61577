"""Which worker of pytest-xdist runs which tests: a file stays together and in order, and files that take long come first."""

import os

import pytest

# Tests that share a SLURM stay together too: there is one at a time on a machine.
TOGETHER = ("tests/slurm/",)
LONGEST_FIRST = ("tests/slurm/", "tests/workflow/", "tests/explore/", "tests/draw/", "tests/engines/", "tests/theory/")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    from xdist.scheduler import LoadFileScheduling

    class Files(LoadFileScheduling):
        def _split_scope(self, nodeid):
            file = super()._split_scope(nodeid)
            return next((folder for folder in TOGETHER if file.startswith(folder)), file)

    config.option.loadscopereorder = False  # by number of tests, which says little of their time
    return Files(config, log)


def pytest_collection_modifyitems(items):
    """Sort files in workers only: alone, quick tests come first."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        items.sort(
            key=lambda item: next((i for i, name in enumerate(LONGEST_FIRST) if item.nodeid.startswith(name)), 99)
        )
