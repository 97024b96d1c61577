"""Shapes in signatures are checked in every test: jaxtyping and beartype instrument the modules that state them.

Modules whose functions numba compiles from source stay as they are (a checked function is no longer that source).
"""

import os

# One thread for linear algebra in each of the workers of pytest-xdist, and in what they start; before NumPy is imported.
if "PYTEST_XDIST_WORKER" in os.environ:
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")

from jaxtyping import install_import_hook

from lazyrich.system.device import likely_device

# Triton decides when it is imported, by whatever test comes first, whether kernels are compiled or interpreted.
if likely_device("auto") == "cpu":
    os.environ["TRITON_INTERPRET"] = "1"

CHECKED = [
    "lazyrich.networks.data.choice",
    "lazyrich.networks.data.pool",
    "lazyrich.networks.data.source",
    "lazyrich.networks.initial",
    "lazyrich.networks.batch",
    "lazyrich.analysis.phases",
    "lazyrich.networks.problem",
    "lazyrich.networks.sampling",
    "lazyrich.engines.records",
    "lazyrich.theory.boundaries",
    "lazyrich.theory.closed_form",
    "lazyrich.theory.conditions",
    "lazyrich.theory.end_state",
    "lazyrich.theory.lazy",
    "lazyrich.theory.null_space",
    "lazyrich.theory.scalars",
    "lazyrich.theory.stage_one",
    "lazyrich.theory.stage_one_bounds",
    "lazyrich.theory.times",
]

install_import_hook(CHECKED, "beartype.beartype")

from hypothesis import settings  # noqa: E402  the hook must come before anything that imports lazyrich

pytest_plugins = ["tests.resources", "tests.workers"]

# Random cases are the same in every run: a failure in CI is a failure here. `--hypothesis-profile many` is for `make test-all`.
settings.register_profile("few", derandomize=True, deadline=None, print_blob=True, max_examples=25)
settings.register_profile("many", settings.get_profile("few"), max_examples=100)
settings.load_profile("few")
