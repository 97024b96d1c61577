"""profiles/slurm takes the place of profiles/default, so it must say all of it."""

from pathlib import Path

import yaml

PROFILES = Path(__file__).parents[2] / "profiles"


def test_the_slurm_profile_keeps_what_the_default_one_says():
    default, slurm = (yaml.safe_load((PROFILES / name / "profile.yaml").read_text()) for name in ("default", "slurm"))
    assert default.pop("resources") == ["gpu=1"]  # of one machine; a cluster has as many as SLURM gives
    assert "resources" not in slurm
    assert {key: slurm.get(key) for key in default} == default
