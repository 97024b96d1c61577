"""Checksums beside shards: what is damaged, cut off or exchanged is found, named, moved aside, and nothing is lost."""

import hashlib
import os
import signal
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lazyrich.planning.folder import checksum_file
from lazyrich.planning.plan import plan
from lazyrich.shards import archive, integrity
from lazyrich.shards.simulate import simulate
from lazyrich.sweep.reader import load_sweep

SWEEP = {
    "problem": {"samples": 2, "dimension": 10},
    "network": {"width": 4, "laziness": {"values": [0.1, 1.0, 10.0]}},
    "training": {"growth_per_step": 0.1, "steps": 3},
    "record": {"points": 2},
}


def shard(seed):
    (made,) = plan(load_sweep({**SWEEP, "seed": seed})).values()
    return made


def write(folder, seed=0):
    recipe = shard(seed)
    path = folder / f"{recipe.name}.nc"
    integrity.write(archive.described(simulate(recipe), recipe), path)
    return path


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """The bytes of a shard and of its checksum, with the shard's name."""
    path = write(tmp_path_factory.mktemp("good"))
    return path.name, path.read_bytes(), checksum_file(path).read_bytes()


def place(folder, name, data, checksum):
    path = folder / name
    path.write_bytes(data)
    checksum_file(path).write_bytes(checksum)
    return path


def test_coreutils_check_the_checksum(tmp_path):
    paths = [write(tmp_path, seed) for seed in (0, 1)]
    assert {path.name for path in tmp_path.iterdir()} == {f"{p.stem}{end}" for p in paths for end in (".nc", ".sha256")}
    command = ["sha256sum", "--check", *sorted(path.name for path in tmp_path.glob("*.sha256"))]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.count(": OK") == 2
    integrity.verify(paths, threads=2)


@given(data=st.data())
def test_any_flipped_bit_is_found(data, good, tmp_path_factory):
    name, content, checksum = good
    place_in = data.draw(st.integers(0, len(content) - 1))
    flipped = bytearray(content)
    flipped[place_in] ^= 1 << data.draw(st.integers(0, 7))
    path = place(tmp_path_factory.mktemp("flipped"), name, flipped, checksum)
    assert "is not what was written" in integrity.fault(path)


@given(share=st.floats(0, 1, exclude_max=True))
def test_any_truncation_is_found(share, good, tmp_path_factory):
    name, content, checksum = good
    path = place(tmp_path_factory.mktemp("cut"), name, content[: int(share * len(content))], checksum)
    assert "is not what was written" in integrity.fault(path)


@pytest.mark.parametrize("checksum", [b"", b"\xff\x00", b"0" * 64 + b"  other.nc\n"])
def test_a_damaged_checksum_is_found(checksum, good, tmp_path):
    name, content, _ = good
    assert "is not what was written" in integrity.fault(place(tmp_path, name, content, checksum))


def test_all_bad_shards_are_named_at_once_and_moved_aside_with_their_bytes(tmp_path):
    fine, cut, foreign, bare = (write(tmp_path, seed) for seed in range(4))
    half = cut.read_bytes()[:500]
    cut.write_bytes(half)
    other = fine.read_bytes()
    foreign.write_bytes(other)
    checksum_file(foreign).write_text(f"{hashlib.sha256(other).hexdigest()}  {foreign.name}\n")
    checksum_file(bare).unlink()
    gone = tmp_path / "0123456789abcdef.nc"
    with pytest.raises(ValueError) as raised:
        integrity.verify([fine, cut, foreign, bare, gone], threads=2)
    lines = str(raised.value).splitlines()
    assert [line.partition(": ")[0] for line in lines] == [str(path) for path in (cut, foreign, bare, gone)]
    for line, what in zip(
        lines,
        (
            "is not what was written",
            f"holds another shard, {fine.stem}",
            "has no checksum beside it",
            "is missing",
        ),
        strict=True,
    ):
        assert what in line
        assert line.endswith("run the same command again, it is trained anew")
    assert {path.name for path in tmp_path.iterdir()} == {
        fine.name,
        checksum_file(fine).name,
        f"{cut.name}.damaged",
        f"{cut.stem}.sha256.damaged",
        f"{foreign.name}.damaged",
        f"{foreign.stem}.sha256.damaged",
        f"{bare.name}.damaged",
    }
    assert (tmp_path / f"{cut.name}.damaged").read_bytes() == half
    assert (tmp_path / f"{foreign.name}.damaged").read_bytes() == other
    integrity.verify([fine])


def test_a_file_that_is_no_shard_is_found_though_its_checksum_fits(tmp_path):
    path = tmp_path / "0123456789abcdef.nc"
    for content in (b"", b"not netCDF"):
        place(tmp_path, path.name, content, f"{hashlib.sha256(content).hexdigest()}  {path.name}\n".encode())
        assert integrity.fault(path) == "is no shard"
    archive.write(simulate(shard(0)), path)  # netCDF without a recipe
    checksum_file(path).write_text(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n")
    assert integrity.fault(path) == "is no shard"


def test_what_was_moved_aside_is_never_overwritten(good, tmp_path):
    name, _, checksum = good
    for content in (b"first", b"second", b"third"):
        path = place(tmp_path, name, content, checksum)
        with pytest.raises(ValueError, match="moved to"):
            integrity.verify([path])
    kept = {path.name: path.read_bytes() for path in tmp_path.glob("*.nc*")}
    assert kept == {f"{name}.damaged": b"first", f"{name}.damaged.1": b"second", f"{name}.damaged.2": b"third"}


SYSTEM_CALLS = ("unlink", "replace")


@pytest.mark.parametrize("call", range(6))
def test_killed_between_any_two_steps_no_wrong_pair_is_left(call, good, tmp_path):
    """Killed before its n-th change of a name: an old checksum is never beside a new shard, a pair is a good one."""
    path = place(tmp_path, good[0], b"an older file", b"its checksum")
    recipe = shard(0)
    data = archive.described(simulate(recipe), recipe)
    child = os.fork()
    if child == 0:
        left = call

        def counted(function):
            def wrapper(*arguments, **options):
                nonlocal left
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                left -= 1
                return function(*arguments, **options)

            return wrapper

        for function in SYSTEM_CALLS:
            setattr(os, function, counted(getattr(os, function)))
        integrity.write(data, path)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    # Five changes of names: old checksum away, shard there, its temporary away, new checksum there, its temporary away.
    assert os.waitstatus_to_exitcode(status) == (-signal.SIGKILL if call < 5 else 0)
    if call == 0:
        assert (path.read_bytes(), checksum_file(path).read_bytes()) == (b"an older file", b"its checksum")
    elif checksum_file(path).exists():
        assert integrity.fault(path) is None
    else:
        assert call < 4


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo])
@pytest.mark.parametrize("which", ["shard", "checksum"])
def test_another_kind_of_file_is_moved_aside_too(make, which, good, tmp_path):
    name, content, checksum = good
    shard = place(tmp_path, name, content, checksum)
    wrong = shard if which == "shard" else checksum_file(shard)
    wrong.unlink()
    make(wrong)
    with pytest.raises(ValueError, match=f"{name}: (is no file|has no checksum beside it); moved to "):
        integrity.verify([shard])
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        f"{path.name}.damaged" for path in (shard, checksum_file(shard))
    )


@pytest.mark.parametrize("content", [b"", b"text", None])
def test_a_damaged_summary_is_moved_aside_and_named(content, tmp_path):
    """By its checksum alone: its name says nothing of what is in it."""
    path = tmp_path / "summary.nc"
    integrity.write(simulate(shard(0)), path)
    integrity.verify_summaries([path])
    kept = path.read_bytes()[:-1] if content is None else content
    path.write_bytes(kept)
    with pytest.raises(ValueError) as raised:
        integrity.verify_summaries([path])
    assert str(raised.value) == (
        f"{path}: is not what was written (its checksum is not that of summary.sha256); moved to summary.nc.damaged, "
        "summary.sha256.damaged; run the same command again, it is made anew"
    )
    assert (tmp_path / "summary.nc.damaged").read_bytes() == kept
