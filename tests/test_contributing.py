"""CONTRIBUTING.md, followed to the letter in a copy of the library: an observable, an activation and two losses.

Each is one entry in one file. What the page promises is run as it stands there, and every engine that trains with the entries
is held to explicit weights trained by torch's autograd in a few lines of its own here.
"""

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import lazyrich

PACKAGE = Path(lazyrich.__file__).parent
PAGE = Path(__file__).parents[1] / "CONTRIBUTING.md"
ADDED = {"networks/observables.py", "networks/activations.py", "networks/losses.py"}
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
        "problem": {"source": "file", "path": keys.pop("path", path)},
        "network": {"activation": keys.pop("activation", "linear")},
        "training": {"learning_rate": RATE, "steps": STEPS, **keys},
        "record": {"observables": ["loss", "rho_rms_over_v"], **record},
    }
    recipe = whole(load_sweep(sweep))
    settings = recipe.settings["record"]
    (batch,) = networks(recipe, explicit=explicit)
    kept = np.isin(observables.NAMES, settings["observables"])
    run = evolve(batch, Recording(steps=record_steps(settings, batch.steps), observables=kept, onset=0.05, converged=1e-3))
    return {name: run.observables[0, :, observables.NAMES.index(name)].tolist() for name in settings["observables"]}

found = {}
for name, (explicit, evolve) in engines.items():
    found[name] = trained(evolve, explicit, {"every": 1}, loss="triple")
    found[name + " at the end"] = trained(evolve, explicit, {"summary": True}, loss="triple")
for name in ("gram", "dense"):
    found[name + " softplus"] = trained(engines[name][1], True, {"every": 1}, activation="softplus")
signs = path.replace("data", "signs")
for name in ("batched", "gram", "dense"):
    found[name + " hinge_cubed"] = trained(*engines[name][::-1], {"every": 1}, loss="hinge_cubed", path=signs)
print(json.dumps(found))
"""
LINEAR = ["propagator", "batched", "gram", "dense", "fused"]
TRITON = importlib.util.find_spec("triton") is not None


def blocks():
    """Blocks of code in the recipes, without the indent of their list."""
    fenced = re.findall(
        r"^( *)```python\n(.*?)^ *```$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL
    )
    return [re.sub(rf"^{indent}", "", code, flags=re.MULTILINE) for indent, code in fenced]


def additions():
    """What a block adds: (file, the line after which, the text)."""
    pattern = re.compile(r'# in (\S+), after "(.+)"\n(.*)', flags=re.DOTALL)
    return [found.groups() for block in blocks() if (found := pattern.fullmatch(block))]


def checks():
    """What the page runs after an addition."""
    return [block for block in blocks() if block.startswith("# run it\n")]


def problem(signs=False):
    rng = np.random.default_rng(5)
    X, y = rng.standard_normal((SAMPLES, DIMENSION)), rng.standard_normal(SAMPLES)
    return (
        X,
        (np.sign(y) if signs else y),
        0.3 * rng.standard_normal((WIDTH, DIMENSION)),
        0.4 * rng.standard_normal(WIDTH),
    )


def by_autograd(phi, loss_of, signs=False):
    """Loss and rms ρ_r/rms v_r at every step, of a loss by outputs and targets."""
    X, y, W, v = map(torch.tensor, problem(signs))
    W0, found = W.clone(), []
    W.requires_grad_()
    v.requires_grad_()
    for _ in range(STEPS + 1):
        loss = loss_of(phi(X @ W.T) @ v / WIDTH, y)
        with torch.no_grad():
            rho = (W - W0) @ X.T @ y
            found.append([loss.item(), (rho.square().mean() / v.square().mean()).sqrt().item()])
        by_W, by_v = torch.autograd.grad(loss, (W, v))
        with torch.no_grad():
            W -= RATE * by_W
            v -= RATE * by_v
    return dict(zip(("loss", "rho_rms_over_v"), np.transpose(found), strict=True))


def run(home, code, *arguments):
    """Return what Python prints that has the copy in `home`, where it also works."""
    environment = {**os.environ, "PYTHONPATH": str(home), "TRITON_INTERPRET": "1"}
    command = [sys.executable, "-c", code, *map(str, arguments)]
    done = subprocess.run(command, cwd=home, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """The folder of a copy to which the page's entries are added; one copy for all, because every copy is compiled anew."""
    home = tmp_path_factory.mktemp("copy")
    shutil.copytree(PACKAGE, home / "lazyrich", ignore=shutil.ignore_patterns("__pycache__"))
    for name, line, entry in additions():
        path = home / "lazyrich" / name
        text = path.read_text(encoding="utf-8")
        assert text.splitlines().count(line) == 1, (name, line)
        # First in their tables, so that nothing may rely on positions.
        path.write_text(text.replace(f"{line}\n", f"{line}\n{entry}"), encoding="utf-8")
    return home


@pytest.fixture(scope="module")
def found(home):
    """Observables at every step by every engine."""
    for name, signs in (("data.npz", False), ("signs.npz", True)):
        np.savez(home / name, **dict(zip("XyWv", problem(signs), strict=True)))
    code = CODE.replace("RATE", str(RATE)).replace("STEPS", str(STEPS))
    return json.loads(run(home, code, home / "data.npz", TRITON))


def compared(found, expected):
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=0, atol=TOLERANCE * max(values), err_msg=name)


def test_the_page_adds_an_observable_an_activation_and_a_loss():
    assert {name for name, _, _ in additions()} == ADDED
    assert len(checks()) == len(ADDED) and len(blocks()) == 2 * len(ADDED)


@pytest.mark.parametrize("check", checks(), ids=["observable", "activation", "loss"])
def test_what_the_page_promises_is_so(home, check):
    run(home, "import lazyrich; print(lazyrich.__file__)\n" + check)


def test_the_page_of_keys_follows(home):
    page = run(home, "from lazyrich.sweep.docs import keys_page; print(keys_page())")
    assert all(name in page for name in ("`rho_rms_over_v`", "softplus", "triple", "c = 3", "hinge_cubed"))


@pytest.mark.parametrize("engine", LINEAR)
def test_a_loss_and_an_observable(found, engine):
    if engine == "fused" and not TRITON:
        pytest.skip("triton is not installed: pip install -e '.[gpu]'")
    expected = by_autograd(lambda x: x, lambda f, y: 3 / 2 * ((f - y) ** 2).mean())
    assert expected["loss"][-1] < 0.5 * expected["loss"][0]  # something is learnt
    compared(found[engine], expected)
    # At the end alone the propagator follows single neurons only because the entry says that they are needed.
    compared(found[f"{engine} at the end"], {name: values[-1:] for name, values in expected.items()})


@pytest.mark.parametrize("engine", ["gram", "dense"])
def test_an_activation(found, engine):
    compared(
        found[f"{engine} softplus"], by_autograd(torch.nn.functional.softplus, lambda f, y: ((f - y) ** 2).mean() / 2)
    )


@pytest.mark.parametrize("engine", ["batched", "gram", "dense"])
def test_a_loss_that_is_no_square(found, engine):
    expected = by_autograd(lambda x: x, lambda f, y: (torch.relu(1 - y * f) ** 3).mean(), signs=True)
    assert expected["loss"][-1] < 0.5 * expected["loss"][0]
    compared(found[f"{engine} hinge_cubed"], expected)
