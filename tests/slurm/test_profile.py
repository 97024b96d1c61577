"""profiles/slurm may be read alone or beside profiles/default, whose keys win: it must say the same."""

from pathlib import Path

import yaml

PROFILES = Path(__file__).parents[2] / "profiles"


def test_the_slurm_profile_keeps_what_the_default_one_says():
    default, slurm = (yaml.safe_load((PROFILES / name / "profile.yaml").read_text()) for name in ("default", "slurm"))
    assert {key: slurm.get(key) for key in default} == default
