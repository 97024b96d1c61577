"""The modules that decide the output of each rule of the workflow: roots of the fingerprint that makes it anew."""

from __future__ import annotations

from lazyrich.system.provenance import fingerprint

# `fetch_cifar10` is not here: its output is compared with known checksums.
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
    """Return the fingerprint of the code that decides a rule's output, with further `modules`.

    For training, only numbers count, not the words that describe them.
    """
    return fingerprint(*RULES[rule], *modules, words=rule != "simulate_shard")
