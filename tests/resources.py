"""`pytest --resources`: seconds, CPU seconds and peak memory of each test file, in the order of the seconds.

Peaks are those of this file's tests in the process that ran them, and of the largest process that they started; the
latter is known once it exceeds all that came before it in the same worker.
"""

import resource
import time
from collections import defaultdict
from pathlib import Path

import pytest

KEY = "resources"


def pytest_addoption(parser):
    parser.addoption("--resources", action="store_true", help="print seconds and peak memory of each test file")


def _cpu():
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def _peak():
    """MB of this process since its last reset, by Linux's own count."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def _children():
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item, nextitem):
    """Time a test with its fixtures, those that end with it too."""
    if not item.config.option.resources:
        return (yield)
    Path("/proc/self/clear_refs").write_text("5")  # from here on the peak counts anew
    item.stash_before = time.monotonic(), _cpu(), _children()
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if item.config.option.resources and call.when == "teardown":
        began, cpu, children = item.stash_before
        grown = _children() if _children() > children else 0.0
        report.user_properties.append((KEY, (time.monotonic() - began, _cpu() - cpu, _peak(), grown)))
    return report


def pytest_terminal_summary(terminalreporter, config):
    if not config.option.resources:
        return
    files = defaultdict(list)
    for report in terminalreporter.getreports(""):
        if getattr(report, "when", None) == "teardown":
            files[report.nodeid.partition("::")[0]] += [value for key, value in report.user_properties if key == KEY]
    rows = []
    for name, found in files.items():
        seconds, cpu, own, started = zip(*found, strict=True)
        rows.append((sum(seconds), sum(cpu), max(own), max(started), name))
    terminalreporter.section("resources")
    terminalreporter.line("seconds      cpu  peak MB  of started  file")
    for seconds, cpu, own, started, name in sorted(rows, reverse=True):
        terminalreporter.line(f"{seconds:7.1f}  {cpu:7.1f}  {own:7.0f}  {started:10.0f}  {name}")
