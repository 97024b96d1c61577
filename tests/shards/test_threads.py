"""Several computations at once in one process, as from a pool of threads in a notebook."""

import io
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from threadpoolctl import threadpool_info, threadpool_limits

import lazyrich
from lazyrich.system import blas, progress


def test_each_thread_has_a_bar_of_its_own(monkeypatch):
    """Leaving the first bar neither closes the second one nor takes it away."""
    monkeypatch.setattr(progress, "SECONDS", 0.0)
    logs = [io.StringIO(), io.StringIO()]
    barrier = threading.Barrier(2, timeout=10)

    def work(i):
        with progress.to_log(logs[i]), progress.shown(10 + i, "networks"):
            barrier.wait()
            progress.advance(1 + i)
            barrier.wait()
            if i == 1:  # the other bar is closed by now
                left.wait(10)
                progress.advance(2)
        left.set()

    left = threading.Event()
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(work, range(2)))
    counts = [[progress.read(line) for line in log.getvalue().splitlines()] for log in logs]
    assert counts == [[(1, 10)], [(2, 11), (4, 11)]]


def blas_threads():
    return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}


def test_products_stay_on_one_thread_until_the_last_computation_ends():
    """Whoever leaves first neither lifts the limit of the other nor keeps it for ever."""
    with threadpool_limits(2, user_api="blas"):  # on any machine, and where the environment says one
        assert blas_threads() == {2}
        first, second = blas.one_thread(), blas.one_thread()
        first.__enter__()
        second.__enter__()
        first.__exit__(None, None, None)
        assert blas_threads() == {1}
        second.__exit__(None, None, None)
        assert blas_threads() == {2}


def test_runs_in_several_threads_equal_runs_alone():
    def run(seed):
        return lazyrich.run(
            {
                "problem": {"samples": 5, "dimension": 40},
                "network": {"width": {"values": [3, 50]}, "laziness": {"log": [0.1, 10], "points": 3}},
                "training": {"stability_fraction": 0.5, "steps": 20},
                "seed": seed,
            },
            threads=2,
        )

    alone = [run(seed) for seed in range(6)]
    threads_before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        with ThreadPoolExecutor(3) as pool:
            together = list(pool.map(run, range(6)))
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(threads_before)
    for one, other in zip(alone, together, strict=True):
        assert one.drop_attrs().identical(other.drop_attrs())
    assert not np.array_equal(alone[0].loss_end, alone[1].loss_end)
