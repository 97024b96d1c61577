"""Which modules decide what each rule of the workflow makes: the roots of the fingerprint by which it is made anew."""

from __future__ import annotations

from lazyrich.system.provenance import fingerprint

# Not here is `fetch_cifar10`, whose output is held against known sums.
RULES = {
    "simulate_shard": ("lazyrich.shards.simulate",),  # and the engines that the sweep needs
    "refine_sweep": ("lazyrich.analysis.levels",),
    "analyse_sweep": ("lazyrich.analysis.summary",),
    "draw_figures": ("lazyrich.draw.figures", "lazyrich.planning.command"),  # pictures name the command
    "write_report": ("lazyrich.draw.report",),
    "write_index": ("lazyrich.draw.index", "lazyrich.sweep.reader"),
    "measure_claims": ("lazyrich.analysis.claims.data", "lazyrich.analysis.claims.ledger"),
    "draw_claims": ("lazyrich.draw.claims",),
}


def source(rule: str, *modules: str) -> str:
    """Return the fingerprint of the code, with further `modules`, that decides what a rule makes.

    Of training that is numbers alone, whatever they are called.
    """
    return fingerprint(*RULES[rule], *modules, words=rule != "simulate_shard")
