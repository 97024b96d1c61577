"""The fused GPU kernel: on a GPU where there is one, else in Triton's interpreter; and that it compiles for one.

Triton is the optional extra `gpu`. Where it is missing these tests say so and skip; LAZYRICH_REQUIRE_TRITON makes that an
error, as in CI, which installs it.
"""

import importlib.util
import os
import subprocess
import sys

import pytest
import torch

from lazyrich.engines import propagator
from tests.engines.common import assert_same, batch
from tests.shared import ALWAYS

if importlib.util.find_spec("triton") is None:
    assert "LAZYRICH_REQUIRE_TRITON" not in os.environ, "triton is required here and missing"
    pytest.skip("triton is not installed: pip install -e '.[gpu]'", allow_module_level=True)

from lazyrich.engines import fused

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"

# CONTRACT: all paths agree to 1e-10. Rounding of 12 steps is far below.
TOLERANCE, FLOOR = 1e-10, 1e-20
FOLLOWED = tuple(name for name in ALWAYS if name != "balance_drift")


def both(**changes):
    changes = {
        "names": FOLLOWED,
        "network": {"width": 10**12, "laziness": {"values": [0.01, 5.0]}, "probes": 8},
        "training": {"stability_fraction": 0.4, "steps": {"values": [3, 12]}},
        "record": {"points": 6},
        "replicates": 1,
        **changes,
    }
    networks, recording = batch(**changes)
    assert fused.fits(networks, recording)
    return fused.evolve(networks, recording, device=DEVICE), propagator.evolve(networks, recording)


@pytest.mark.parametrize(
    ("samples", "dimension"), [(1, 4), (5, 300), (6, 3), (17, 50), (64, 200)], ids=lambda size: str(size)
)
def test_the_fused_kernel_agrees_with_the_lanes(samples, dimension):
    """All sizes of blocks, padded and full, n > d included."""
    found, expected = both(problem__samples=samples, problem__dimension=dimension)
    assert_same(found, expected, TOLERANCE, FLOOR)


def test_statuses_and_early_stops_agree():
    found, expected = both(
        problem__samples=2,
        problem__dimension=10**9,
        network={"width": 10**12, "laziness": {"values": [0.01, 5.0]}},
        training={"growth_per_step": {"values": [0.001, 0.8, 3.0]}, "steps": 100},
        record={"points": 7, "spacing": "log"},
    )
    assert set(expected.status) == {0, 1, 2}
    assert_same(found, expected, TOLERANCE, FLOOR)


def test_end_values_alone():
    """Without records nothing follows single neurons, and the kernel keeps no propagator."""
    found, expected = both(names=("loss", "ntk_change"), record={"summary": True}, keep_probes=0)
    assert_same(found, expected, TOLERANCE, FLOOR)


def test_what_does_not_fit_is_left_to_batched_torch():
    assert not fused.fits(*batch())  # balance_drift
    assert not fused.fits(*batch(problem__samples=65, names=FOLLOWED))


@pytest.mark.parametrize("modes", [10, 64])
@pytest.mark.parametrize("follow", [True, False])
def test_the_kernel_compiles_for_a_gpu(modes, follow):
    """Ahead of time for an H100, which needs none at hand: types, layouts and control flow, all in double precision."""
    code = f"""
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from lazyrich.engines import fused
source = ASTSource(fn=fused.kernel, **fused.signature({modes}, {follow}))
compiled = triton.compile(source, target=GPUTarget("cuda", 90, 32), options=dict(num_warps=fused.warps({modes})))
assert len(compiled.asm["cubin"]) > 1000
assert ".f32" not in compiled.asm["ptx"]
print("compiled")
"""
    environment = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    run = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert run.stdout == "compiled\n", run.stderr
