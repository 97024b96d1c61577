"""A .npz file is held against what its headers state before an array is read; damaged ones are refused in one line."""

import io
import random
import resource
import subprocess
import sys
import zipfile

import numpy as np
import pytest

from lazyrich.networks.data import file
from lazyrich.networks.data.interface import DataError

X, Y = np.arange(1.0, 13).reshape(4, 3), np.arange(1.0, 5)


def npy(array):
    stream = io.BytesIO()
    np.lib.format.write_array(stream, array)
    return stream.getvalue()


def stating(shape, content=b"\0" * 96):
    """A .npy whose header states a shape, whatever follows."""
    header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + content


def put(path, inputs, labels=None):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("X.npy", inputs)
        archive.writestr("y.npy", npy(Y) if labels is None else labels)


def refused(path):
    with pytest.raises(DataError) as caught:
        file.pool(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert ";" in message
    assert "\n" not in message
    return message


@pytest.mark.parametrize("shape", ["(1000000000000, 5)", f"({'9' * 400}, 5)", "(5, 3)", "(3, 3)"])
def test_a_header_that_states_what_the_file_does_not_hold_is_refused(tmp_path, shape):
    path = tmp_path / "d.npz"
    put(path, stating(shape))
    assert "X has 96 bytes where its header says shape" in refused(path)
    put(path, npy(X), stating("(1000000000000,)"))
    assert "y has 96 bytes" in refused(path)


@pytest.mark.parametrize("shape", ["(-4, -3)", "(True, 12)", "(4.0, 3)", "10**12", "(" * 500])
def test_a_header_that_states_no_shape_is_refused(tmp_path, shape):
    put(tmp_path / "d.npz", stating(shape))
    refused(tmp_path / "d.npz")


@pytest.mark.parametrize("content", [b"", b"text", npy(X)[:50], npy(X)[:-3], npy(X) + b"more"])
def test_a_member_that_is_no_array_is_refused(tmp_path, content):
    put(tmp_path / "d.npz", content)
    refused(tmp_path / "d.npz")


def test_no_damaged_byte_of_a_header_ends_in_a_traceback(tmp_path):
    path = tmp_path / "d.npz"
    drawn, whole, taken = random.Random(0), npy(X), 0
    for _ in range(300):
        damaged = bytearray(whole)
        damaged[drawn.randrange(128)] = drawn.choice(b"()[]{}'\",:0123456789-\n #fiuO")
        put(path, bytes(damaged))
        try:
            file.pool(path)
            taken += 1  # of blanks, or another number of the same size
        except DataError as error:
            assert ";" in str(error)
    assert taken < 150


def test_a_file_that_is_no_zip_is_refused(tmp_path):
    path = tmp_path / "d.npz"
    path.write_text("version https://git-lfs.github.com/spec/v1\n")
    assert "File is not a zip file" in refused(path)
    with path.open("wb") as stream:
        np.save(stream, X)
    assert "File is not a zip file" in refused(path)


def test_an_encrypted_file_is_refused(tmp_path):
    """The bit that says so, in both places."""
    path = tmp_path / "d.npz"
    put(path, npy(X))
    content = bytearray(path.read_bytes())
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    assert "encrypted" in refused(path)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_arrays_of_any_type_and_order_are_those_that_were_saved(tmp_path, save):
    for kind in ("<f8", ">f4", "<i2", ">u8", "?", "<f2", "<f16"):
        save(tmp_path / "d.npz", X=np.asfortranarray(X.astype(kind)), y=Y)
        np.testing.assert_array_equal(file.pool(tmp_path / "d.npz").batches[0], X.astype(kind))


def test_the_message_on_nan_counts_them(tmp_path):
    inputs = X.copy()
    inputs[1, :2] = np.nan, np.inf
    np.savez(tmp_path / "d.npz", X=inputs, y=Y)
    assert "X holds NaN or infinite values, 2 of 12; remove or replace them" in refused(tmp_path / "d.npz")


def test_what_does_not_fit_the_memory_is_one_line(tmp_path):
    """8 GB by header and directory, where no more than 6 GB can be had."""
    path = tmp_path / "d.npz"
    header = stating("(4, 262144000)", b"")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("y.npy", npy(Y))
        archive.writestr("X.npy", header)
        archive.getinfo("X.npy").file_size += 4 * 262144000 * 8
    code = "import sys\nfrom lazyrich.networks.data import file\ntry: file.pool(sys.argv[1])\nexcept ValueError as e: print(e)"
    ran = subprocess.run(
        [sys.executable, "-c", code, path],
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (6 * 2**30,) * 2),
    )
    assert ran.stderr == ""
    assert ran.stdout.startswith(f"{path}: ")
    assert "memory" in ran.stdout
