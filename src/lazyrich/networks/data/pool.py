"""All samples of a source of data. A problem takes some of them."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

Array = np.ndarray

# Samples that `moments` reads at a time: 24 MB of CIFAR-10.
BLOCK = 1000
# A feature whose standard deviation is below this share of its size is constant but for rounding.
CONSTANT = 1e-12


@dataclass(frozen=True, eq=False)
class Pool:
    """Samples in batches, which may be on disk and of any real type, with their labels, weights and test samples."""

    batches: tuple[Array, ...]  # rows of inputs, (some, d) each
    labels: Float[Array, " samples"]
    span: tuple[float, float]  # the smallest and the largest value of the inputs, or of the range of pixels
    weights: tuple[Float[Array, "m d"], Float[Array, " m"]] | None = None
    held_out: Pool | None = None  # test samples, if the source has separate ones

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def dimension(self) -> int:
        """Return d."""
        return int(self.batches[0].shape[1])

    def rows(self, index: Int[Array, " n"]) -> Float[Array, "n d"]:
        """Return the inputs of the samples at `index`."""
        starts = np.cumsum([0, *map(len, self.batches)])
        batch = np.searchsorted(starts, index, side="right") - 1
        X = np.empty((len(index), self.dimension))
        for i in np.unique(batch):
            in_batch = batch == i
            X[in_batch] = self.batches[i][index[in_batch] - starts[i]]
        return X

    @functools.cached_property
    def counts(self) -> dict[float, int]:
        """Return how many samples have each label, labels rising."""
        labels, counts = np.unique(self.labels, return_counts=True)
        return dict(zip(labels.tolist(), counts.tolist(), strict=True))

    @functools.cached_property
    def moments(self) -> tuple[Float[Array, " d"], Float[Array, " d"]]:
        """Return mean and standard deviation of each feature over all samples; 0 for a feature that is constant."""
        blocks = [np.arange(start, min(start + BLOCK, len(self))) for start in range(0, len(self), BLOCK)]
        mean = sum(self.rows(block).sum(axis=0) for block in blocks) / len(self)
        square = sum(((self.rows(block) - mean) ** 2).sum(axis=0) for block in blocks) / len(self)
        deviation = np.sqrt(square)
        return mean, np.where(deviation > CONSTANT * np.abs(mean), deviation, 0.0)
