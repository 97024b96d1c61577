"""At which steps a network is recorded."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Int


def record_steps(record: Mapping[str, Any], steps: Int[np.ndarray, " networks"]) -> Int[np.ndarray, "networks records"]:
    """Return the steps of each network's records, rising, the last at its end; `record` as in the sweep file.

    Linear: round(j T/(P − 1)); log: round((T + 1)^(j/(P − 1))) − 1, both from 0 to T and with repeats where T < P − 1.
    """
    total = steps[:, None]
    if record.get("summary"):
        return total.copy()
    if record.get("every"):
        last = int(steps[0])  # one number for the whole sweep, as the sweep file's model assures
        row = np.unique(np.append(np.arange(0, last, record["every"]), last))
        return np.tile(row, (len(steps), 1))
    share = np.linspace(0.0, 1.0, record["points"])
    if record["spacing"] == "log":
        return np.round((total + 1.0) ** share).astype(np.int64) - 1
    return np.round(total * share).astype(np.int64)
