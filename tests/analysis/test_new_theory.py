"""A theory is added in one file: its error, its code, its row, its map and its curve follow."""

import json

import xarray as xr
import yaml

from lazyrich.analysis.accounts import ACCOUNTS
from lazyrich.planning.plan import whole
from lazyrich.shards import archive
from lazyrich.shards.simulate import simulate
from lazyrich.sweep.reader import load_sweep
from tests.copied import edit, library, show

SWEEP = {
    "title": "Test",
    "problem": {"samples": 3, "dimension": 40},
    "network": {
        "activation": {"values": ["linear", "tanh"]},
        "width": 20,
        "laziness": {"log": [0.01, 10], "points": 3},
    },
    "training": {"growth_per_step": {"log": [0.1, 3], "points": 3}, "steps": 60},
    "record": {"points": 8},
}
# It knows the answer where networks are linear, and has to be the best one there.
ORACLE = """ACCOUNTS = (
    Account(
        name="oracle",
        error="largest distance of the target overlap to itself",
        words="the oracle",
        row="oracle, of all that is",
        overlap=lambda run: run.data["target_overlap"].values.astype(float),
        holds_for=linear_only("it speaks of linear networks only"),
        best=Best(6, Look("oracle of Delphi", "#123456")),
        curves=(Curve("loss", "oracle", "oracle (any step)", Run.loss),),
    ),
"""


def made(folder):
    (folder / "sweep.yaml").write_text(yaml.safe_dump(SWEEP), encoding="utf-8")
    recipe = whole(load_sweep(folder / "sweep.yaml"))
    archive.write(archive.described(simulate(recipe), recipe), folder / "shard.nc")


def meanings(variable):
    return dict(zip(variable.attrs["flag_meanings"].split(), variable.attrs["flag_values"].tolist(), strict=True))


def test_one_entry_adds_a_theory(tmp_path):
    made(tmp_path)
    edit(library(tmp_path) / "analysis" / "accounts.py", ("ACCOUNTS = (\n", ORACLE))
    show(tmp_path)
    with xr.open_dataset(tmp_path / "summary.nc", decode_cf=False) as summary:
        summary.load()
    known = {account.name: account.best.code for account in ACCOUNTS if account.best}
    # What older summaries mean by a code stays.
    assert meanings(summary.best_theory) == known | {"none": 4, "not_compared": 5, "oracle": 6}
    assert summary.oracle_error.attrs["long_name"] == "largest distance of the target overlap to itself"
    assert summary.oracle_error.attrs["comment"] == (
        "not compared with networks that are tanh: it speaks of linear networks only"
    )
    linear = (summary.activation == "linear") & (summary.converged_share == 1)
    assert linear.any()
    assert (summary.oracle_error.sel(quantile=0.5).where(linear, 0) == 0).all()
    assert ((summary.best_theory == 6) == (summary.oracle_error.sel(quantile=0.5) == 0)).all()
    assert (summary.best_theory == 6).where(linear, True).all()
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    for words in ("oracle, of all that is", "oracle of Delphi", "it speaks of linear networks only", "#123456"):
        assert words in page, words
    # The curve of a loss panel.
    assert "oracle (any step)" in page
    item = (tmp_path / "figures" / "validity.json").read_text(encoding="utf-8")
    assert "oracle of Delphi" in item and "#123456" in item
    assert "validity" in json.loads((tmp_path / "figures" / "captions.json").read_text(encoding="utf-8"))
