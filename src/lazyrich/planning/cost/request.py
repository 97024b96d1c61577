"""Time and memory that a job requests from its scheduler: more than its estimate, and more again after each failure."""

from __future__ import annotations

import math

# Factors on the model: a job killed for lack of time or memory costs more than an unused reservation.
TIME_MARGIN = 3.0
MEMORY_MARGIN = 1.5
# Beside the script, which benchmark files measure, a SLURM job holds two Snakemakes of 150 MB each (sacct, MaxRSS).
SNAKEMAKE_MB = 300
LEAST_MINUTES = 10  # a node that is slow to start, a file system that is slow to answer


def minutes(seconds: float, attempt: int) -> int:
    """Return `runtime` of a job that should take so many seconds."""
    return attempt * (LEAST_MINUTES + math.ceil(TIME_MARGIN * seconds / 60))


def megabytes(memory: float, attempt: int) -> int:
    """Return `mem_mb` of a job whose script should take so many bytes, in steps of 100."""
    return attempt * (SNAKEMAKE_MB + 100 * math.ceil(MEMORY_MARGIN * memory / 1e8))


def threads(seconds: float, networks: int, most_seconds: float) -> int:
    """Return the threads for a job of so many seconds on one core to end in `most_seconds`: at most its networks, and 16."""
    return max(1, min(networks, 16, math.ceil(seconds / most_seconds)))
