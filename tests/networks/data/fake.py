"""A folder in the form of CIFAR-10's binary distribution, made up: files of the real size, which take little of a disk."""

import hashlib
import tarfile
from pathlib import Path

import numpy as np

from lazyrich.networks.data import cifar10

# Images of each file that are not black and of class 0. Files are long holes beyond them.
DRAWN = 60
META = "airplane\nautomobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\ntruck\n\n"


def records(name: str) -> np.ndarray:
    """The first records of a file, (DRAWN, 3073): labels in turns, random pixels."""
    rng = np.random.default_rng(cifar10.BATCHES.index(name))
    drawn = rng.integers(0, 256, (DRAWN, 3073), dtype=np.uint8)
    drawn[:, 0] = np.arange(DRAWN) % 10
    return drawn


def make(folder: Path, *, sums: bool = True) -> Path:
    """Write the folder; with `sums` also the list that says these files are meant, and not the official ones."""
    folder.mkdir(parents=True)
    (folder / "batches.meta.txt").write_text(META)
    for name in cifar10.BATCHES:
        with (folder / name).open("wb") as file:
            file.write(records(name).tobytes())
            file.truncate(30_730_000)
    if sums:
        write_sums(folder)
    return folder


def write_sums(folder: Path) -> None:
    """`sha256sum *.bin > SHA256SUMS`."""
    lines = [f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n" for name in cifar10.BATCHES]
    (folder / "SHA256SUMS").write_text("".join(lines))


def pack(folder: Path, archive: Path, *, inside: str = "cifar-10-batches-bin") -> Path:
    """The files of the folder, but for the sums, as a .tar.gz of 2 MB, its paths beginning with `inside`."""
    with tarfile.open(archive, "w:gz", compresslevel=1) as tar:
        for path in sorted(folder.iterdir()):
            if path.name != "SHA256SUMS":
                member = tarfile.TarInfo(f"{inside}/{path.name}")
                member.size = path.stat().st_size
                with path.open("rb") as file:
                    tar.addfile(member, file)
    return archive
