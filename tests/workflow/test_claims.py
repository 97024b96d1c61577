"""`snakemake claims`, end to end: a row for each statement, and verdicts that follow from the numbers."""

import os
import re

import numpy as np
import pytest
import xarray as xr

from lazyrich.analysis.claims import SWEEPS
from lazyrich.analysis.claims.verdicts import Verdict

pytestmark = [pytest.mark.workflow, pytest.mark.slow]

# Every statement that the ledger must hold: (source, a part of its statement), each with a row of its own or more.
STATEMENTS = [
    ("Lemma 5.1", "‖XXᵀ − tr Σ I‖₂"),
    ("Lemma 5.2 (i)", "t₁ ≍ log(1/v₀)/k"),
    ("Lemma 5.2 (i)", "|ρ_r(t₁)| = Θ(1)"),
    ("Lemma 5.2 (ii)", "|v_r(t₁)|"),
    ("Lemma 5.2 (iii)", "‖Θ(t₁)"),
    ("Lemma 5.3, first bullet", "‖w_r − w_r(0)"),
    ("Lemma 5.3, second bullet", "|ρ_r − √γ v_r|"),
    ("Lemma 5.3, third bullet", "‖Θ − T‖₂"),
    ("Lemma 5.3", "ρ_r ≤ C √(n‖β̃‖² tr Σ)"),
    ("Lemma 5.3", "at t₂ the proxy has reached"),
    ("Lemma 5.3", "grows exponentially"),
    *(("Theorem 4.1", f"{time} {what}") for time in ("t₁", "t₂ − t₁") for what in ("≍", "∝ m", "∝ √(n)", "∝ 1/(η)")),
    *(("Theorem 4.1", f"{time} ∝ {what}") for time in ("t₁", "t₂ − t₁") for what in ("1/√(tr Σ)", "1/(‖β̃‖)")),
    ("Theorem 4.1", "t₁ ∝ log(1/v₀)"),
    ("Theorem 4.1", "t₂ − t₁ grows linearly in log(1/ε)"),
    ("Assumption 4.1", "where the assumption holds"),
    *((source, "") for source in ("Eq. 9", "Eq. 10", "Eq. 11", "Eq. 13")),
    ("Eq. 11", "e^{−2k(t − t₁)}"),
    ("Lemma A.1", "|b_r| ≤"),
    ("Lemma A.1", "≥ ½σ₀√γ"),
    *((f"Lemma A.{i}", "") for i in (2, 3, 4)),
    *(("Figure 1", f"{panel} is that of the printed") for panel in ("first panel)", "1 to 3 (second panel)")),
    *(
        ("Figure 1", f"is that of the printed {which}")
        for which in ("parameters with the printed K", "values taken as")
    ),
    *(
        ("beyond the paper", f"is that of {which}")
        for which in ("the printed σ₀ and v₀ and the loss (1/n)", "σ₀ and v₀ int")
    ),
    ("beyond the paper", "is that of the recovered ones"),
    ("Figure 1", "x ~ N(0, I) have κ"),
    ("beyond the paper", "‖y‖² ~ d χ²_n"),
    ("beyond the paper", "plateau is (1 + k)² − 1"),
    ("Figure 1, third panel", "same step"),
    ("beyond the paper", "step t + 1"),
    ("Figure 2, second panel", "stage one of a linear network"),
    *((f"Figure {number}, third panel", "same step is the published one") for number in (2, 3)),
    *(("beyond the paper", f"of Figure {number}") for number in (2, 3)),
    *(("§6, ReLU networks", what) for what in ("aligns in stage one", "turns to T in stage one")),
    ("§5, neural tangent kernel", "in stage one"),
    ("§5, neural tangent kernel", "in stage two"),
    ("§5, neural tangent kernel", "lazy training"),
    ("beyond the paper", "training ends at Θ∞"),
    ("beyond the paper", "where σ₀ ≫ v₀, v₀ does not matter"),
    ("beyond the paper", "σ₀² + v₀² = 2b"),
    ("beyond the paper", "closed form"),
    ("beyond the paper", "wide-limit flow"),
    ("beyond the paper", "linearised at its start"),
    ("beyond the paper", "E b²"),
    ("beyond the paper", "iff p < 0 or s < 0"),
    ("beyond the paper", "converges up to k = 1"),
    ("beyond the paper", "a cycle of two steps"),
    ("beyond the paper", "a catapult"),
    ("beyond the paper", "depends on χ only"),
    ("beyond the paper", "(k, χ) only"),
]


@pytest.fixture(scope="module")
def ledger(shipped):
    shipped.snakemake("claims")
    with xr.open_dataset(shipped.root / "results/claims/ledger.nc") as data:
        return data.load()


def row(ledger, claim):
    (found,) = np.flatnonzero(ledger.claim.values == claim)
    return ledger.isel(row=found)


def test_claims_run_the_sweeps_they_read_and_no_others(shipped):
    """Before anything has run; the default target has nothing to do with them."""
    assert shipped.jobs("claims") == {
        "simulate_shard": shipped.jobs("claims")["simulate_shard"],
        "analyse_sweep": len(SWEEPS),
        "measure_claims": 1,
        "draw_claims": 1,
        "claims": 1,
    }
    assert shipped.jobs("claims")["simulate_shard"] >= len(SWEEPS)
    assert "measure_claims" not in shipped.jobs()


@pytest.mark.parametrize(("source", "part"), STATEMENTS)
def test_every_statement_has_its_row(ledger, source, part):
    found = [
        statement
        for stands, statement in zip(ledger.source.values, ledger.statement.values, strict=True)
        if stands == source and part in statement
    ]
    assert found, (source, part)


def test_each_row_says_what_it_measured_and_where(ledger):
    assert len(set(ledger.claim.values)) == ledger.sizes["row"]
    for name in ("quantity", "setting", "verdict_text", "x_label", "y_label"):
        assert all(str(text).strip() for text in ledger[name].values), name
    defined = ledger.verdict.values != Verdict.not_defined
    for name in ("measured", "low", "high"):
        assert not np.isnan(ledger[name].values[defined]).any(), name
    # The words begin with the verdict itself.
    for code, text in zip(ledger.verdict.values, ledger.verdict_text.values, strict=True):
        assert str(text).startswith(Verdict(int(code)).name.replace("_", " ").removesuffix(" constant")), text
    assert set(ledger.point_claim.values) == set(range(ledger.sizes["row"]))


def test_the_lazy_rich_boundary_lies_on_its_circle(ledger):
    """Level set of the kernel change at the default κ_c, within 5 % in χ."""
    found = row(ledger, "lazy_rich_circle")
    assert found.verdict == Verdict.holds
    assert found.high < 0.05


def test_the_last_converged_cell_is_within_one_of_k_1(ledger):
    found = row(ledger, "no_stable_solution")
    assert found.verdict == Verdict.holds
    assert found.high <= 1


def test_the_clock_of_onset_is_the_initial_size(ledger):
    """Slope 1 within 2 % in ln(1/D) at every k ≤ 0.3, and 0 within 0.02 in ln(1/v₀) where σ₀ ≫ v₀."""
    size, balance = row(ledger, "onset_size"), row(ledger, "onset_balance")
    assert size.verdict == balance.verdict == Verdict.holds
    assert max(abs(size.low - 1), abs(size.high - 1)) < 0.02
    assert max(abs(balance.low), abs(balance.high)) < 0.02


@pytest.mark.parametrize(
    ("claim", "verdict"),
    [
        # What the published figure shows, and what it does not.
        ("figure_1_loss_recovered", Verdict.holds),
        ("figure_1_loss_printed", Verdict.fails),
        ("figure_1_loss_c_alone", Verdict.holds),
        ("figure_1_early_ratio_recovered", Verdict.holds),
        ("figure_1_early_ratio_printed", Verdict.fails),
        ("figure_1_early_ratio_c_alone", Verdict.fails),
        ("figure_1_kappa_n", Verdict.holds),
        ("figure_1_kappa_2n", Verdict.fails),
        ("figure_1_kernel_plateau", Verdict.holds),
        ("figure_1_kernel_same_step", Verdict.fails),
        ("figure_1_red_line_1", Verdict.holds),
        ("figure_1_red_line_5", Verdict.fails),
        ("figure_1_theorem_time", Verdict.fails),
        # Where training ends.
        ("end_kernel", Verdict.holds),
        ("end_kernel_aligned", Verdict.fails),
        # Inequalities with their constants.
        ("lemma_5_3_i", Verdict.holds),
        ("lemma_5_3_ii", Verdict.holds),
        ("eq_9", Verdict.holds),
        # Concentration is a matter of n and d.
        ("lemma_a_2", Verdict.holds),
        ("lemma_a_3", Verdict.fails),
        # A first layer beyond v₀ makes neurons unlike each other.
        ("lemma_5_2_i_alignment", Verdict.fails),
        ("eq_10_neurons", Verdict.fails),
        # Nobody knows Σ and β of real data.
        ("real_lemma_5_1", Verdict.not_defined),
        ("real_assumption_4_1", Verdict.not_defined),
        ("real_end_kernel", Verdict.holds),
        # Where networks leave the family in χ.
        ("collapse_kernel", Verdict.holds),
        ("collapse_fit_n_d", Verdict.fails),
        ("collapse_fit_spectrum", Verdict.fails),
    ],
)
def test_statements_that_are_known_to_hold_or_fail(ledger, claim, verdict):
    assert row(ledger, claim).verdict == verdict, str(row(ledger, claim).verdict_text.values)


def test_page_and_text_show_every_row_with_its_figure(shipped, ledger):
    home = shipped.root / "results/claims"
    page, text = ((home / f"ledger.{kind}").read_text(encoding="utf-8") for kind in ("html", "md"))
    for claim in map(str, ledger.claim.values):
        assert f'id="{claim}"' in page
        assert f"(figures/{claim}.svg)" in text
        assert (home / "figures" / f"{claim}.svg").stat().st_size > 1000
    for target in re.findall(r'(?:href|src)="([^"]+)"', page):
        assert target == "data:," or (home / target).exists(), target
    # One line a row: nothing in a cell breaks the table.
    table = [line for line in text.splitlines() if line.startswith("| ") and "figures/" in line]
    assert len(table) == ledger.sizes["row"]
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in table} == {7}


def test_only_what_an_edit_decides_runs_again(shipped, ledger):
    """In the order of what each edit leaves for the next: a title, a page, a rule of verdicts, a threshold of a sweep."""
    assert shipped.jobs("claims") == {}
    shipped.edit("config/sweeps/onset.yaml", "title: The onset of learning", "title: Onset")
    assert shipped.jobs("claims") == {}
    shipped.edit("src/lazyrich/draw/pages/claims.html", "Every claim, measured", "Every claim")
    assert shipped.jobs("claims") == {"draw_claims": 1, "claims": 1}
    shipped.edit("src/lazyrich/analysis/claims/verdicts.py", "HALF_WAY = 0.25", "HALF_WAY = 0.26")
    measured = {"measure_claims": 1, "draw_claims": 1, "claims": 1}
    assert shipped.jobs("claims") == measured
    shipped.edit("config/sweeps/conditions.yaml", "replicates: 4", "replicates: 4\nconditions: {v_0: 2}")
    assert shipped.jobs("claims") == {"analyse_sweep": 1, **measured}


def test_a_sweep_may_not_take_the_ledgers_folder(shipped):
    shipped.edit("config/config.yaml", "  - figure1", "  - claims")
    done = shipped.snakemake("--dry-run", check=False)
    assert done.returncode != 0
    assert "config/config.yaml: sweeps" in done.stdout
    assert "folder of the claims ledger" in done.stdout
    shipped.edit("config/config.yaml", "  - claims", "  - figure1")


def test_shards_are_verified_before_claims_are_measured(shipped, ledger):
    """The last one: a bit that flipped since the analysis, at no new time, is found all the same."""
    shard = min((shipped.root / "results/neurons/shards").glob("*.nc"))
    data, times = bytearray(shard.read_bytes()), shard.stat()
    data[len(data) // 2] ^= 1
    shard.write_bytes(data)
    os.utime(shard, ns=(times.st_atime_ns, times.st_mtime_ns))
    done = shipped.snakemake("claims", "--forcerun", "measure_claims", check=False)
    assert done.returncode != 0
    assert f"{shard.relative_to(shipped.root)}: is not what was written" in done.stdout
    assert shard.with_name(f"{shard.name}.damaged").read_bytes() == data
    assert shipped.jobs("claims")["simulate_shard"] == 1
