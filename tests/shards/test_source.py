"""Which code trained a shard, by what its file says."""

import netCDF4
import pytest

from lazyrich.shards.source import file_of_other_code, source_of


@pytest.mark.parametrize(
    ("engine", "source", "other"),
    [
        ("propagator", source_of(["propagator"]), False),
        ("gram, propagator", source_of(["gram", "propagator"]), False),
        ("gram", source_of(["propagator"]), True),
        ("of_a_later_version", "0123456789abcdef", True),
        ("gram, of_a_later_version", "0123456789abcdef", True),
    ],
)
def test_a_shard_says_whether_this_code_trained_it(tmp_path, engine, source, other):
    with netCDF4.Dataset(tmp_path / "shard.nc", "w") as file:
        file.engine, file.source_fingerprint = engine, source
    assert file_of_other_code(tmp_path / "shard.nc") == other
