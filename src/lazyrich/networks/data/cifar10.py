"""CIFAR-10 from the folder of its binary distribution: records of one label and 3 × 32 × 32 pixels in bytes, no pickles.

A. Krizhevsky, *Learning Multiple Layers of Features from Tiny Images*, 2009. Each of the six files is checked against the
SHA-256 of the official file or, if the folder has a file `SHA256SUMS` (as `sha256sum` writes it), against that.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from lazyrich.networks.data.digest import of_file
from lazyrich.networks.data.interface import DataError, Source

if TYPE_CHECKING:
    import numpy as np

    from lazyrich.networks.data.pool import Pool

RECORDS = 10_000
PIXELS = 3 * 32 * 32
SIZE = RECORDS * (1 + PIXELS)
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
META = "batches.meta.txt"
SUMS = "SHA256SUMS"
# SHA-256 of the official files, as in torchvision for Ruby (torch-ruby); the last one also in other public projects.
OFFICIAL = {
    "data_batch_1.bin": "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5",
    "data_batch_2.bin": "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed",
    "data_batch_3.bin": "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67",
    "data_batch_4.bin": "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48",
    "data_batch_5.bin": "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add",
    "test_batch.bin": "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b",
}
BATCHES = tuple(OFFICIAL)
TRAINING = BATCHES[:5]
FIX = f"unpack the archive of the binary distribution anew ({META}, {BATCHES[0]} to {TRAINING[-1]}, {BATCHES[-1]})"


def pool(folder: str | Path) -> Pool:
    """Return the 50000 training images, in the order of the files, with the 10000 test images; all stay on disk."""
    held_out = _pool(Path(folder), BATCHES[len(TRAINING) :])
    return replace(_pool(Path(folder), TRAINING), held_out=held_out)


def _pool(folder: Path, names: tuple[str, ...]) -> Pool:
    """Return the images of some of the files."""
    import numpy as np

    from lazyrich.networks.data.pool import Pool

    records = [_records(folder / name) for name in names]
    labels = np.concatenate([batch[:, 0] for batch in records]).astype(float)
    return Pool(batches=tuple(batch[:, 1:] for batch in records), labels=labels, span=(0.0, 255.0))


def files(folder: str | Path) -> list[Path]:
    """Return the files with images."""
    return [Path(folder) / name for name in BATCHES]


def digest(folder: str | Path) -> str:
    """Return one SHA-256 for all files with images."""
    sums = "".join(f"{of_file(path)}  {path.name}\n" for path in files(folder))
    return hashlib.sha256(sums.encode()).hexdigest()


def check(folder: str | Path) -> None:
    """Raise DataError unless the folder has every file of the distribution, whole and unaltered."""
    folder = Path(folder)
    check_files(folder)
    expected = _expected(folder)
    for name in BATCHES:
        sha256 = of_file(folder / name)
        if sha256 != expected[name]:
            reference = SUMS if (folder / SUMS).exists() else "the official file"
            raise DataError(f"{folder / name}: was altered (SHA-256 {sha256}, by {reference} {expected[name]}); {FIX}")


def check_files(folder: Path) -> None:
    """Raise DataError unless the folder has every file, of the right size and with labels of the ten classes."""
    import numpy as np

    for name in (META, *BATCHES):
        if not (folder / name).is_file():
            raise DataError(f"{folder}: has no {name}; {FIX}")
    for name in BATCHES:
        size = (folder / name).stat().st_size
        if size != SIZE:
            raise DataError(f"{folder / name}: has {size} bytes where {RECORDS} images have {SIZE}; {FIX}")
    if (folder / META).read_text(encoding="ascii", errors="replace").split() != list(CLASSES):
        raise DataError(f"{folder / META}: does not name the ten classes {', '.join(CLASSES)}; {FIX}")
    for name in BATCHES:
        labels = _records(folder / name)[:, 0]
        wrong = np.flatnonzero(labels >= len(CLASSES))
        if len(wrong):
            first = f"image {wrong[0]} has label {labels[wrong[0]]}"
            raise DataError(f"{folder / name}: {first} where labels are 0 to {len(CLASSES) - 1}; {FIX}")


def _records(path: Path) -> np.memmap[tuple[int, int], np.dtype[np.uint8]]:
    """Return the records of a file, (10000, 3073): label, then red, green and blue pixels; read from disk when used."""
    import numpy as np

    return np.memmap(path, dtype=np.uint8, mode="r", shape=(RECORDS, 1 + PIXELS))


def _expected(folder: Path) -> dict[str, str]:
    """Return the expected SHA-256 of each file with images: from the folder's own list, or of the official files."""
    path = folder / SUMS
    if not path.exists():
        return OFFICIAL
    lines = [line.split() for line in path.read_text(encoding="ascii", errors="replace").splitlines()]
    sums = {line[1].lstrip("*"): line[0].lower() for line in lines if len(line) == 2}
    for name in BATCHES:
        if name not in sums:
            raise DataError(f"{path}: has no sum of {name}; write the file anew by `sha256sum *.bin > {SUMS}`")
    return sums


SOURCE = Source(
    name="cifar10",
    title="CIFAR-10",
    description="`cifar10` (50000 training images of 3 × 32 × 32)",
    pool=pool,
    digest=digest,
    files=files,
    check=check,
    takes_path="folder",
    path_description="the folder `cifar-10-batches-bin` of its binary distribution",
    path_fix="check the path, or let `snakemake --cores 1 fetch_cifar10` make it (`cifar10` in config/config.yaml)",
    test_description="of `cifar10` its test images",
)
