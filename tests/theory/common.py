"""Networks of the exact engine that theory is held to."""

import lazyrich


def trained(*, samples=1, dimension=1000, laziness=1e-4, k=0.1, steps=200, width=10**9, replicates=1, **more):
    """Networks at the given dimensionless numbers; samples = 1 makes K = κI exactly."""
    return lazyrich.run(
        {
            "problem": {"samples": samples, "dimension": dimension, "noise_std": 0.1},
            "network": {"width": width, "laziness": laziness, **more.pop("network", {})},
            "training": {"growth_per_step": k, "steps": steps},
            "record": {"every": 1},
            "replicates": replicates,
            **more,
        }
    )


def anisotropic(*, samples=8, dimension=20, width=10**14, network, training, **more):
    """Networks whose sampled K is far from isotropic, as wide as the wide limit."""
    return lazyrich.run(
        {
            "problem": {"samples": samples, "dimension": dimension, "noise_std": 0.5},
            "network": {"width": width, **network},
            "training": training,
            **more,
        }
    )
