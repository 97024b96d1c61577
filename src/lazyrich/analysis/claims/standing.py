"""Where a statement stands after all: the ledger's first page, from verdicts alone."""

from __future__ import annotations

from enum import IntEnum

from lazyrich.analysis.claims.verdicts import Judged, Severity, Verdict

STANDING_UP = {Verdict.holds, Verdict.holds_with_constant, Verdict.holds_up_to_logarithms}


class Standing(IntEnum):
    """What a reader may take away from a row."""

    stands = 0
    needs_a_constant = 1
    needs_logarithms = 2
    needs_small_sigma = 3
    fails_by_a_constant = 4
    fails_in_part = 5
    fails_everywhere = 6
    not_claimed = 7
    not_defined = 8


# Heading and explanation of each, as the page shows them.
WORDS = {
    Standing.stands: (
        "holds as stated",
        "What was measured is as the statement says, to the tolerance beside it.",
    ),
    Standing.needs_a_constant: (
        "holds with a constant",
        "The statement leaves a constant unnamed. This is the one that all networks tried need, and it does not grow with what "
        "was varied.",
    ),
    Standing.needs_logarithms: (
        "holds up to logarithms",
        "Literally no constant, or not this exponent, does: what was measured departs beyond its error, but by less than "
        "half of the way to another power.",
    ),
    Standing.needs_small_sigma: (
        "needs σ₀ ≪ v₀",
        "The statement fails as it stands, through networks whose first layer does not start far below the second. Among "
        "networks with σ₀ ≪ v₀ alone, or within the stricter limit that the row names, it holds. The assumption does not ask "
        "for that.",
    ),
    Standing.fails_by_a_constant: (
        "fails by a constant",
        "The statement names a number, and another one of the same order of magnitude would do.",
    ),
    Standing.fails_in_part: (
        "fails in part",
        "The statement fails for some of the networks: where, or along what, the row says.",
    ),
    Standing.fails_everywhere: ("fails everywhere", "No network tried is as the statement says."),
    Standing.not_claimed: (
        "outside the assumption",
        "The setting lies outside the conditions under which the statement is made.",
    ),
    Standing.not_defined: ("not defined here", "The setting lacks what the statement is about."),
}

_OF_VERDICT = {
    Verdict.holds: Standing.stands,
    Verdict.holds_with_constant: Standing.needs_a_constant,
    Verdict.holds_up_to_logarithms: Standing.needs_logarithms,
    Verdict.not_claimed: Standing.not_claimed,
    Verdict.not_defined: Standing.not_defined,
}
_OF_SEVERITY = {
    Severity.constant: Standing.fails_by_a_constant,
    Severity.region: Standing.fails_in_part,
    Severity.everywhere: Standing.fails_everywhere,
}


def standing(judged: Judged, small_sigma: Judged | None) -> Standing:
    """Return where a statement stands that was `judged` so, and `small_sigma` over the networks with σ₀ ≪ v₀ alone."""
    if judged.verdict != Verdict.fails:
        return _OF_VERDICT[judged.verdict]
    if small_sigma is not None and small_sigma.verdict in STANDING_UP:
        return Standing.needs_small_sigma
    return _OF_SEVERITY[judged.severity]
