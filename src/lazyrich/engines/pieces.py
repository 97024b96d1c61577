"""A batch of networks in pieces that fit the memory, for the engines that run in torch."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch

from lazyrich.engines.trajectories import Recording, Trajectories, empty
from lazyrich.networks.batch import Networks, Reason
from lazyrich.system import progress

# Memory of one piece: a share of a GPU's free memory; on a CPU about a cache, where it runs fastest.
MEMORY_SHARE = 0.25
CACHE_BYTES = 2**25


def in_pieces(
    networks: Networks,
    recording: Recording,
    train: Callable[[Networks, Recording], Trajectories],
    *,
    bytes_each: int,
    device: str,
) -> Trajectories:
    """Train a batch piece by piece; a piece that runs out of memory is halved, and the rest goes on at that size.

    Parameters
    ----------
    networks, recording
        the batch.
    train
        an engine, for a piece in which every network can be trained.
    bytes_each
        memory that a network takes, about.
    device
        `cpu` or `cuda`.

    Raises
    ------
    MemoryError
        where a single network does not fit.
    """
    result = empty(recording.steps.shape, recording.keep_probes)
    # Networks of like length together, so that the long ones do not hold the short ones.
    where = np.flatnonzero(networks.reason == Reason.none)
    where = where[np.argsort(networks.steps[where], kind="stable")]
    size = max(1, int(_free_bytes(device) // bytes_each))
    start = 0
    while start < len(where):
        piece = where[start : start + size]
        try:
            trajectories = train(networks.part(piece), recording.part(piece))
        except (RuntimeError, MemoryError) as error:
            if not _out_of_memory(error):
                raise
            if len(piece) == 1:
                raise MemoryError(
                    f"a network of {networks.problem.samples} samples and width {networks.width[piece[0]]:.0f} does not "
                    f"fit the memory of this {device} ({error}); use fewer samples or a smaller width"
                ) from None
            size = len(piece) // 2
        else:
            result.put(piece, trajectories)
            start += len(piece)
            continue
        # Outside of the handler, whose traceback would hold the tensors that did not fit.
        if device == "cuda":
            torch.cuda.empty_cache()
    return result


def one_by_one(
    networks: Networks, recording: Recording, train: Callable[[Networks, Recording], Trajectories], *, threads: int
) -> Trajectories:
    """Train networks alone, several at a time, so that a network's bits depend neither on others nor on threads."""
    result = empty(recording.steps.shape, recording.keep_probes)

    def work(i: int) -> None:
        where = np.array([i])
        result.put(where, train(networks.part(where), recording.part(where)))

    # Each thread has its own number of torch's threads.
    with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        list(pool.map(progress.carried(work), np.flatnonzero(networks.reason == Reason.none)))
    return result


@contextlib.contextmanager
def torch_threads(threads: int) -> Iterator[None]:
    """Run torch's operations on a CPU on `threads` threads inside this context."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _free_bytes(device: str) -> float:
    if device == "cuda":
        return MEMORY_SHARE * torch.cuda.mem_get_info()[0]
    return CACHE_BYTES


def _out_of_memory(error: BaseException) -> bool:
    # torch's allocator on a CPU and CUDA's libraries raise a plain RuntimeError.
    is_memory_error = isinstance(error, (torch.OutOfMemoryError, MemoryError))
    return is_memory_error or "can't allocate memory" in str(error) or "ALLOC_FAILED" in str(error)
