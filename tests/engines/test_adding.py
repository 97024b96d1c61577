"""A loss, an observable or an activation is one entry in one file: added in a copy, they train with every engine.

Each is held to explicit weights trained by torch's autograd in a few lines of its own here.
"""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import lazyrich

PACKAGE = Path(lazyrich.__file__).parent
# First in their tables, so that nothing may rely on positions.
ENTRIES = {
    "losses": ("LOSSES = {", '"triple": Loss(factor=3.0, formula="(3/2n)‖f − y‖²"),'),
    "observables": (
        "OBSERVABLES = {",
        '"rho_rms_over_v": Observable(formula=lambda s: (s.rho_square / s.v_square) ** 0.5, long_name="rms rho_r / rms v_r", '
        'symbol="rms ρ_r/rms v_r", needs=NEURONS),',
    ),
    "activations": ("ACTIVATIONS = {", '"softplus": Activation(lambda x: xp.nn.functional.softplus(x)),'),
}
SAMPLES, DIMENSION, WIDTH, STEPS, RATE = 4, 6, 7, 25, 0.4
# Rounding of 25 steps of sums of up to 7 terms.
TOLERANCE = 1e-12

CODE = """
import json, sys
from functools import partial
import numpy as np
from lazyrich.engines import batched, dense, gram, propagator
from lazyrich.engines.records import record_steps
from lazyrich.engines.trajectories import Recording
from lazyrich.networks import observables
from lazyrich.networks.batch import networks
from lazyrich.planning.plan import whole
from lazyrich.sweep.reader import load_sweep

path, triton = sys.argv[1], sys.argv[2] == "True"
engines = {
    "propagator": (False, propagator.evolve),
    "batched": (False, partial(batched.evolve, together=True)),
    "gram": (True, gram.evolve),
    "dense": (True, dense.evolve),
}
if triton:
    from lazyrich.engines import fused

    engines["fused"] = (False, partial(fused.evolve, device="cpu"))

def trained(evolve, explicit, record, **keys):
    sweep = {
        "problem": {"source": "file", "path": path},
        "network": {"activation": keys.pop("activation", "linear")},
        "training": {"learning_rate": RATE, "steps": STEPS, **keys},
        "record": {"observables": ["loss", "rho_rms_over_v"], **record},
    }
    recipe = whole(load_sweep(sweep)).recipe
    settings = recipe["settings"]["record"]
    (batch,) = networks(recipe, explicit=explicit)
    wanted = np.isin(observables.NAMES, settings["observables"])
    run = evolve(batch, Recording(steps=record_steps(settings, batch.steps), wanted=wanted, onset=0.05, converged=1e-3))
    return {name: run.observables[0, :, observables.NAMES.index(name)].tolist() for name in settings["observables"]}

found = {}
for name, (explicit, evolve) in engines.items():
    found[name] = trained(evolve, explicit, {"every": 1}, loss="triple")
    found[name + " at the end"] = trained(evolve, explicit, {"summary": True}, loss="triple")
for name in ("gram", "dense"):
    found[name + " softplus"] = trained(engines[name][1], True, {"every": 1}, activation="softplus")
print(json.dumps(found))
"""
LINEAR = ["propagator", "batched", "gram", "dense", "fused"]
TRITON = importlib.util.find_spec("triton") is not None


def problem():
    rng = np.random.default_rng(5)
    X, y = rng.standard_normal((SAMPLES, DIMENSION)), rng.standard_normal(SAMPLES)
    return X, y, 0.3 * rng.standard_normal((WIDTH, DIMENSION)), 0.4 * rng.standard_normal(WIDTH)


def by_autograd(phi, factor):
    """Loss and rms ρ_r/rms v_r at every step."""
    X, y, W, v = map(torch.tensor, problem())
    W0, found = W.clone(), []
    W.requires_grad_()
    v.requires_grad_()
    for _ in range(STEPS + 1):
        loss = factor / 2 * ((phi(X @ W.T) @ v / WIDTH - y) ** 2).mean()
        with torch.no_grad():
            rho = (W - W0) @ X.T @ y
            found.append([loss.item(), (rho.square().mean() / v.square().mean()).sqrt().item()])
        by_W, by_v = torch.autograd.grad(loss, (W, v))
        with torch.no_grad():
            W -= RATE * by_W
            v -= RATE * by_v
    return dict(zip(("loss", "rho_rms_over_v"), np.transpose(found), strict=True))


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """What a copy with the three entries finds; one copy for all, because every copy is compiled anew."""
    home = tmp_path_factory.mktemp("copy")
    package = home / "lazyrich"
    shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
    for name, (table, entry) in ENTRIES.items():
        path = package / "networks" / f"{name}.py"
        text = path.read_text(encoding="utf-8")
        assert text.count(table) == 1
        path.write_text(text.replace(table, table + entry), encoding="utf-8")
    X, y, W, v = problem()
    np.savez(home / "data.npz", X=X, y=y, W=W, v=v)
    code = CODE.replace("RATE", str(RATE)).replace("STEPS", str(STEPS))
    command = [sys.executable, "-c", code, str(home / "data.npz"), str(TRITON)]
    environment = {**os.environ, "PYTHONPATH": str(home), "TRITON_INTERPRET": "1"}
    run = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def compared(found, expected):
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=0, atol=TOLERANCE * max(values), err_msg=name)


@pytest.mark.parametrize("engine", LINEAR)
def test_a_loss_and_an_observable(found, engine):
    if engine == "fused" and not TRITON:
        pytest.skip("triton is not installed: pip install -e '.[gpu]'")
    expected = by_autograd(lambda x: x, 3.0)
    assert expected["loss"][-1] < 0.5 * expected["loss"][0]  # something is learnt
    compared(found[engine], expected)
    # At the end alone the propagator follows single neurons only because the entry says that they are needed.
    compared(found[f"{engine} at the end"], {name: values[-1:] for name, values in expected.items()})


@pytest.mark.parametrize("engine", ["gram", "dense"])
def test_an_activation(found, engine):
    compared(found[f"{engine} softplus"], by_autograd(torch.nn.functional.softplus, 1.0))
