"""One thread for linear algebra while lazyrich computes.

More would change the last bits of a product, and compete with our own threads. The limit belongs to the process, so that
simultaneous computations share it.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

from threadpoolctl import threadpool_limits

_lock = threading.Lock()
_running = 0
_limits: threadpool_limits | None = None


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Compute products on one thread inside this context; the last to leave restores the limit that the first one found."""
    global _running, _limits
    with _lock:
        if _running == 0:
            _limits = threadpool_limits(1)
        _running += 1
    try:
        yield
    finally:
        with _lock:
            _running -= 1
            if _running == 0 and _limits is not None:
                _limits.restore_original_limits()
