"""Batches of networks for the tests of engines, and how two engines' trajectories are compared."""

import dataclasses

import numpy as np

from lazyrich.engines.records import record_steps
from lazyrich.engines.trajectories import Recording
from lazyrich.networks import observables
from lazyrich.networks.batch import networks
from lazyrich.planning.plan import whole
from lazyrich.sweep.reader import load_sweep
from tests.shared import ALWAYS

SWEEP = {
    "problem": {"samples": 5, "dimension": 300, "noise_std": 0.1, "test_samples": 7},
    "network": {"width": {"values": [3, 10**12]}, "laziness": {"values": [0.01, 0.5, 5.0]}, "probes": 8},
    "training": {"stability_fraction": {"values": [0.1, 0.6]}, "steps": {"values": [3, 70]}},
    "record": {"points": 8},
    "replicates": 2,
}


def changed(base, changes):
    """A sweep with other keys: whole sections, or `section__key`."""
    sections = {name: dict(section) if isinstance(section, dict) else section for name, section in base.items()}
    for path, value in changes.items():
        section, _, key = path.partition("__")
        if key:
            sections[section][key] = value
        else:
            sections[section] = value
    return sections


def batch(*, explicit=False, keep_probes=3, names=ALWAYS, **changes):
    """The networks of SWEEP with other keys, all of one n, and how they are recorded."""
    recipe = whole(load_sweep(changed(SWEEP, changes)))
    (found,) = networks(recipe, explicit=explicit)
    record = recipe.settings["record"]
    steps = record_steps(record, found.steps)
    kept = np.isin(observables.NAMES, names)
    recording = Recording(
        steps=steps, observables=kept, onset=record["onset"], converged=record["converged"], keep_probes=keep_probes
    )
    return found, recording


def assert_same(found, expected, tolerance, floor=0.0):
    """Two engines' trajectories, relative to the largest value along each trajectory.

    `floor` is the share of the loss at the start, and of ‖y‖, that counts as nothing: a loss of 1e-28 is rounding, and so is
    its distance to another.
    """
    for field in dataclasses.fields(expected):
        a, b = getattr(found, field.name), getattr(expected, field.name)
        if b is None:
            assert a is None, field.name
        elif field.name == "observables":
            for i, name in enumerate(observables.NAMES):
                scale = _largest(b[:, :, i])
                # Distances are relative to the kernel or to ‖y‖, and so is rounding: 1e-16 at each of up to 600 steps.
                rounding = 1e-13 if name.endswith(("change", "error")) else 0.0
                _assert_close(a[:, :, i], b[:, :, i], tolerance * scale + rounding, name)
        elif b.dtype.kind == "i":
            np.testing.assert_array_equal(a, b, err_msg=field.name)
        else:
            scale = np.where(np.isfinite(b), np.abs(b), 0.0)
            if field.name.startswith("loss"):
                scale = np.maximum(scale, np.nan_to_num(floor * expected.loss_start / tolerance))
            if b.ndim > 1:
                scale = _largest(b.reshape(len(b), -1)).reshape(-1, *[1] * (b.ndim - 1))
            _assert_close(a, b, tolerance * scale + (1e-13 if field.name == "kernel_change" else 0.0), field.name)


def _largest(values):
    """Of each network, among the finite ones."""
    return np.max(np.where(np.isfinite(values), np.abs(values), 0.0), axis=1, keepdims=True)


def _assert_close(a, b, bound, name):
    finite = np.isfinite(b)
    np.testing.assert_array_equal(a[~finite], b[~finite], err_msg=name)
    np.testing.assert_array_equal(np.isfinite(a), finite, err_msg=name)
    difference = np.abs(np.where(finite, a, 0.0) - np.where(finite, b, 0.0))
    assert (difference <= bound).all(), (name, difference.max())
