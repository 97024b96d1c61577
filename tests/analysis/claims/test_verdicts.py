"""Verdicts: each form of statement, each of its outcomes, and what the words must not say."""

import re

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from lazyrich.analysis.claims import trends, verdicts
from lazyrich.analysis.claims.standing import Standing, standing
from lazyrich.analysis.claims.verdicts import Severity, Verdict

# Levels of a condition, from easy to hard, and draws at each.
N = np.repeat([4.0, 8.0, 16.0, 32.0], 25)
RNG = np.random.default_rng(0)
SPREAD = RNG.uniform(0.5, 1.0, len(N))  # of draws at one level

RATIOS = hnp.arrays(float, st.integers(1, 30), elements=st.floats(1e-6, 1e6))
FORMS = {
    "bound": lambda ratio, conditions: verdicts.bound(ratio, 1.0, conditions),
    "bound, in probability": lambda ratio, conditions: verdicts.bound(ratio, 1.0, conditions, 0.8),
    "constant": verdicts.constant,
    "constant, natural": lambda ratio, conditions: verdicts.constant(ratio, conditions, natural=True),
    "order": verdicts.order,
    "at least": verdicts.at_least,
    "agreement": lambda ratio, conditions: verdicts.agreement(ratio, 0.5, "rounding", conditions),
}
forms = pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)


@forms
@given(RATIOS, st.data())
def test_draws_that_a_statement_says_nothing_of_change_nothing(form, ratio, data):
    where = data.draw(st.lists(st.integers(0, len(ratio)), max_size=5))
    n = np.arange(1.0, len(ratio) + 1)
    more = {"n": np.insert(n, where, 1.0)}
    assert form(np.insert(ratio, where, np.nan), more) == form(ratio, {"n": n})


@forms
@given(RATIOS)
def test_a_judgement_carries_the_median_and_range_behind_it(form, ratio):
    found = form(ratio, {})
    assert (found.measured, found.low, found.high) == (np.median(ratio), ratio.min(), ratio.max())


@forms
def test_a_statement_about_nothing_is_not_defined(form):
    for ratio in (np.full(4, np.nan), np.array([])):
        found = form(ratio, {"n": np.ones(len(ratio))})
        assert found.verdict == Verdict.not_defined
        assert np.isnan([found.measured, found.low, found.high, found.expected]).all()


# ---- bound ----------------------------------------------------------------------------------------------------------


@given(RATIOS, st.data())
def test_a_bound_holds_where_every_draw_is_within_its_own(measured, data):
    allowed = data.draw(hnp.arrays(float, len(measured), elements=st.floats(1e-6, 1e6)))
    found = verdicts.bound(measured, allowed, {})
    within = [a <= b for a, b in zip(measured, allowed, strict=True)]
    assert found.verdict == (Verdict.holds if all(within) else Verdict.fails)
    assert found.expected == np.median(allowed)
    # A draw at the bound itself keeps it; one of which the bound is not known says nothing.
    assert verdicts.bound(measured, measured, {}).verdict == Verdict.holds
    more = verdicts.bound(np.append(measured, 1e9), np.append(allowed, np.nan), {"n": np.append(measured, 0.0)})
    assert more.verdict == found.verdict and more.high == found.high


def test_one_bound_for_all_draws_is_that_of_each():
    assert verdicts.bound(SPREAD, 0.75, {"n": N}) == verdicts.bound(SPREAD, np.full(len(N), 0.75), {"n": N})
    assert verdicts.bound(SPREAD, np.nan, {"n": N}).verdict == Verdict.not_defined


@given(st.integers(1, 2000), st.floats(0.05, 0.99), st.data())
def test_a_promised_share_is_judged_to_its_sampling_error(draws, share, data):
    """Against the binomial law: what fails would be rare if the promise held, and what is no rarer than that holds."""
    within = data.draw(st.integers(0, draws))
    ratio = np.where(np.arange(draws) < within, 0.5, 2.0)
    chance = stats.binom.cdf(within, draws, share)  # of so few draws within, or fewer
    if verdicts.bound(ratio, 1.0, {}, share).verdict == Verdict.fails:
        # Two standard deviations leave 2.3 % of a normal law; by Cantelli at most 1/(1 + 2²) of any.
        assert chance <= 1 / 5
        assert within < share * draws
    else:
        # And beyond three of them, nothing is forgiven.
        assert within >= share * draws - 3 * np.sqrt(draws * share * (1 - share))


def test_the_error_of_a_promised_share_is_two_standard_deviations():
    """Of 400 draws at ½ it is 20 draws: 180 are enough, 179 are not."""
    for within, verdict in ((180, Verdict.holds), (179, Verdict.fails)):
        ratio = np.where(np.arange(400) < within, 0.5, 2.0)
        assert verdicts.bound(ratio, 1.0, {}, 0.5).verdict == verdict


def test_a_bound_that_fails_says_where():
    found = verdicts.bound(np.where(N <= 8, 2.0, 0.5), 1.0, {"n": N})
    assert found.verdict == Verdict.fails
    assert found.text == (
        "fails by a factor of 2 at most, where n ≤ 8 (100 % of the failures, 0 % of the rest): 50 % of 100 draws are within"
    )
    assert verdicts.bound(np.array([0.5]), 1.0, {}, 0.9).text == "holds: 100 % of 1 draws are within, 90 % promised"


# ---- always ---------------------------------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=20))
def test_a_statement_about_some_draws_holds_where_it_is_true_of_all_of_them(cases):
    holding, of = np.array(cases).T
    found = verdicts.always(holding, of, {"n": np.arange(1.0, len(cases) + 1)})
    answers = [yes for yes, about in cases if about]
    if not answers:
        assert found.verdict == Verdict.not_defined
        return
    assert found.verdict == (Verdict.holds if all(answers) else Verdict.fails)
    assert found.measured == pytest.approx(np.mean(answers))
    assert (found.low, found.high, found.expected) == (min(answers), max(answers), 1)


def test_a_statement_that_is_not_always_true_says_where():
    found = verdicts.always(N > 8, N < 32, {"n": N})
    assert found.text == ("fails where n ≤ 8 (100 % of the failures, 0 % of the rest): true of 33 % of 75 cases")


def test_one_case_of_a_hundred_is_enough_against_always():
    holding = np.arange(100) != 99
    assert verdicts.always(holding, np.ones(100, dtype=bool), {"n": N}).verdict == Verdict.fails


# ---- shares ---------------------------------------------------------------------------------------------------------


def test_shares_hold_group_by_group():
    promised = 1 - N**-2.0
    found = verdicts.shares(np.ones(len(N), dtype=bool), {"n": N}, promised)
    assert found.verdict == Verdict.holds
    levels = np.unique(N)
    assert found.expected == pytest.approx(np.mean(1 - levels**-2.0))
    assert (found.measured, found.low, found.high) == (1, 1, 1)


@pytest.mark.parametrize(("failures", "verdict"), [(1, Verdict.holds), (2, Verdict.fails)])
def test_shares_forgive_one_draw_of_a_group_and_no_more(failures, verdict):
    """25 draws of a promise of 99.9 %: four standard deviations are less than a draw."""
    within = np.ones(len(N), dtype=bool)
    within[np.flatnonzero(N == 16)[:failures]] = False
    found = verdicts.shares(within, {"n": N}, np.full(len(N), 0.999))
    assert found.verdict == verdict
    assert ("the worst of 4 groups is n = 16: 92 % of 25 draws within, 99.9 % promised" in found.text) == (
        failures == 2
    )


@pytest.mark.parametrize(("groups", "most"), [(1, 20), (2, 22), (50, 33)])
def test_groups_forgive_together_what_two_standard_deviations_forgive_one(groups, most):
    """400 draws a group at ½, 10 draws a standard deviation: the others, for which everything holds, do not make up for it.

    2.00, 2.28 and 3.32 standard deviations leave 2.28 %, a half and a fiftieth of it beyond.
    """
    for missing, verdict in ((most, Verdict.holds), (most + 1, Verdict.fails)):
        kept = np.concatenate([np.arange(400) < 200 - missing, np.ones(400 * (groups - 1), dtype=bool)])
        group = np.repeat(np.arange(1.0, groups + 1), 400)
        assert verdicts.shares(kept, {"n": group}, np.full(len(kept), 0.5)).verdict == verdict


def test_a_group_that_fails_is_not_diluted_by_others_of_the_same_n():
    """At n = 4 all of d = 8 fail: a quarter of the draws, where a third may."""
    n, d = np.repeat([4.0, 16.0], 400), np.tile(np.repeat([8.0, 16.0, 32.0, 64.0], 100), 2)
    source = np.where(np.arange(800) % 2, "gaussian", "rademacher")
    within = ~((n == 4) & (d == 8))
    promised = np.full(800, 2 / 3)
    assert verdicts.shares(within, {"n": n}, promised).verdict == Verdict.holds
    found = verdicts.shares(within, {"source": source, "n": n, "d": d}, promised)
    assert found.verdict == Verdict.fails
    assert found.text.startswith("fails where d ≤ 8")
    assert "of 16 groups is source = rademacher, n = 4, d = 8: 0 % of 50 draws within, 67 % promised" in found.text


def test_shares_that_come_true_with_growing_n_say_from_where_on():
    assert "fails where n ≤ 8" in verdicts.shares(N > 8, {"n": N}, np.full(len(N), 0.9)).text
    found = verdicts.shares(N > 100, {"n": N}, np.full(len(N), 0.9))
    assert found.text.startswith("fails everywhere")


def test_shares_of_no_draws_are_not_defined():
    nothing = np.array([])
    assert verdicts.shares(nothing.astype(bool), {"n": nothing}, nothing).verdict == Verdict.not_defined


# ---- probability ----------------------------------------------------------------------------------------------------

MANY = np.arange(2.0, 1025.0)


@given(st.floats(0.01, 3.9), st.floats(1, 4))
def test_a_promise_that_comes_true_at_every_n_holds_with_its_constant(size, power):
    """P = size · n^−power: exactly of the order that is promised, whatever the constant."""
    found = verdicts.probability(size * MANY**-power, MANY, "n", power)
    assert found.verdict == Verdict.holds_with_constant
    assert found.high == pytest.approx(size)


@given(st.floats(1.5, 200))
def test_a_promise_that_fails_for_small_n_alone_holds_with_the_constant_of_the_peak(length):
    """P = e^(−n/length) peaks in n² P at n = 2 length, where the last two octaves are well beyond."""
    found = verdicts.probability(np.exp(-MANY / length), MANY, "n", 2.0)
    assert found.verdict == Verdict.holds_with_constant
    assert found.high == pytest.approx((2 * length) ** 2 * np.exp(-2), rel=0.1)  # n is whole, 1 in 3 at the least


def test_a_promise_says_where_its_constant_is_needed_and_from_where_on_it_is_not():
    """n² e^(−n/10) is largest at n = 20, 400/e² = 54.1, and falls through 1 at 89.9995 (n = 20 ln n)."""
    found = verdicts.probability(np.exp(-MANY / 10), MANY, "n", 2.0)
    assert "C = 54.1, which the statement leaves unnamed: needed at n = 20, " in found.text
    assert found.text.endswith("; C = 1 is enough from n = 90 on")


@pytest.mark.parametrize(
    ("failing", "severity"),
    [
        (np.full(len(MANY), 1e-6), Severity.everywhere),  # does not vanish at all
        (MANY**-1.0, Severity.region),
        (MANY**-1.5, Severity.region),
        (np.exp(-MANY / 2000), Severity.region),  # vanishes, and the peak is at n = 4000: not up to 1024
        (1 - 1 / MANY, Severity.everywhere),
    ],
)
def test_a_promise_that_still_grows_at_the_largest_n_fails_so_far(failing, severity):
    found = verdicts.probability(failing, MANY, "n", 2.0)
    assert (found.verdict, found.severity) == (Verdict.fails, severity)
    assert found.text.startswith("fails as far as n = 1024: n^2 P(failure) is ")
    assert found.power == "a growth of n^2 P(failure) faster than a power of 0.25 of n from 512 to 1024"


def test_what_never_fails_holds_without_a_constant():
    assert verdicts.probability(np.zeros(len(MANY)), MANY, "n", 2.0).verdict == Verdict.holds
    # And what has vanished to the last digit has turned.
    assert verdicts.probability((MANY < 10) * 0.5, MANY, "n", 2.0).high == 0.5 * 81


def test_a_probability_at_one_n_decides_nothing_and_at_none_is_not_defined():
    assert verdicts.probability(np.array([0.1]), np.array([8.0]), "n", 2.0).verdict == Verdict.fails
    assert verdicts.probability(np.array([np.nan]), np.array([8.0]), "n", 2.0).verdict == Verdict.not_defined


# ---- constant and order ---------------------------------------------------------------------------------------------


@given(st.floats(-2, 2).filter(lambda p: abs(abs(p) - trends.HALF_WAY) > 1e-6), st.floats(-3, 3))
def test_a_constant_must_not_grow_like_a_power_and_an_order_not_drift(power, log_size):
    """Exact powers with one draw a level, so that the fitted one is their own to rounding."""
    n = np.array([2.0, 4, 8, 16])
    ratio = 10**log_size * n**power
    grows = power > trends.HALF_WAY
    found = verdicts.constant(ratio, {"n": n})
    assert found.verdict == (Verdict.fails if grows else Verdict.holds_with_constant)
    assert (f"(n)^{power:.2f}" in found.text) == grows
    assert f"{ratio.max():.3g}" in found.text
    # A scale that nothing can exceed needs no more than C = 1.
    natural = verdicts.constant(ratio, {"n": n}, natural=True)
    assert natural.verdict == (Verdict.fails if grows and ratio.max() > 1 else Verdict.holds_with_constant)
    drifts = abs(power) > trends.HALF_WAY
    found = verdicts.order(ratio, {"n": n})
    assert found.verdict == (Verdict.fails if drifts else Verdict.holds_with_constant)
    assert (f"(n)^{power:.2f}" in found.text) == drifts


def test_a_constant_is_that_of_the_worst_draws_and_an_order_that_of_the_median():
    """One draw of each level's 25 grows, by 8 in all, the others stay: the constant grows, the order of magnitude not."""
    ratio = SPREAD.copy()
    ratio[::25] = N[::25] / 8
    assert verdicts.constant(ratio, {"n": N}).verdict == Verdict.fails
    assert verdicts.order(ratio, {"n": N}).verdict == Verdict.holds_with_constant


@given(st.floats(-3, 3), st.integers(0, 99))
def test_an_order_of_magnitude_is_that_of_every_draw(decades, place):
    """Of one draw among 100 that are 1: beyond a factor 10, on either side, it is of another."""
    ratio = np.ones(len(N))
    ratio[place] = 10**decades
    found = verdicts.order(ratio, {"n": N})
    assert found.verdict == (Verdict.fails if abs(decades) > 1 else Verdict.holds_with_constant)


def test_an_order_of_magnitude_that_fails_for_some_says_where():
    found = verdicts.order(np.where((N == 4) & (np.arange(100) % 25 < 5), 50.0, 1.0), {"n": N})
    assert found.text == "fails where n ≤ 4 (100 % of the failures, 21 % of the rest): from 1 to 50, around 1"


def test_what_hardly_varies_or_is_no_scale_shows_no_power():
    ratio = np.where(N > 8, 10.0, 1.0)
    for condition in (np.where(N > 8, 1.9, 1.0), N - 4, -N, np.full(len(N), 3.0)):
        assert verdicts.constant(ratio, {"x": condition}).verdict == Verdict.holds_with_constant
    assert verdicts.constant(ratio, {"x": np.where(N > 8, 2.0, 1.0)}).verdict == Verdict.fails
    assert verdicts.constant(ratio, {}).verdict == Verdict.holds_with_constant


def test_each_condition_along_which_a_constant_grows_is_named():
    grid = np.array([(n, d) for n in (2.0, 4, 8) for d in (10.0, 100)])
    n, d = grid.T
    found = verdicts.constant(n * d**0.5, {"n": n, "d": d, "1/d": 1 / d})
    assert found.text.startswith("fails: the constant grows as (n)^1.00 · (d)^0.50, up to ")


def test_a_constant_of_zeros_holds():
    """A measured 0 is within any scale, and its logarithm does not get in the way."""
    assert verdicts.constant(np.zeros(len(N)), {"n": N}).verdict == Verdict.holds_with_constant


@pytest.mark.parametrize(("form", "value"), [(verdicts.constant, np.inf), (verdicts.order, 0.0)])
def test_no_constant_is_infinite_and_none_from_below_is_zero(form, value):
    ratio = np.where(N.max() == N, value, 1.0) if value else np.zeros(len(N))
    assert form(ratio, {"n": N}).verdict == Verdict.fails


# ---- at least -------------------------------------------------------------------------------------------------------

SCALES = np.repeat([1e2, 1e6, 1e10, 1e14, 1e18], 20)
SCATTER = np.random.default_rng(1).uniform(0.7, 1.3, len(SCALES))


@pytest.mark.parametrize(
    ("ratio", "verdict"),
    [
        (SCATTER, Verdict.holds_with_constant),
        (SCATTER * np.log(SCALES), Verdict.holds_with_constant),  # it grows: a constant from below is left
        (SCATTER * SCALES**0.5, Verdict.holds_with_constant),
        (SCATTER / np.log(SCALES), Verdict.holds_up_to_logarithms),  # to nothing: no constant does
        (SCATTER * SCALES**-0.5, Verdict.fails),
        (np.where(SCALES < 1e6, 0.0, SCATTER), Verdict.fails),
        # What falls at first and then stays leaves a constant, half of its start.
        (SCATTER * (1 + 1 / np.log10(SCALES)), Verdict.holds_with_constant),
    ],
    ids=["constant", "grows by a logarithm", "grows", "falls by a logarithm", "falls", "nothing", "ends above nothing"],
)
def test_a_constant_from_below_does_not_fall_to_nothing(ratio, verdict):
    found = verdicts.at_least(ratio, {"s": SCALES})
    assert found.verdict == verdict, found.text
    assert (found.measured, found.low, found.high) == (np.median(ratio), ratio.min(), ratio.max())
    # Of numbers that are shuffled against the scale, nothing falls along it.
    if verdict != Verdict.holds_with_constant and ratio.min() > 0:
        mixed = verdicts.at_least(np.random.default_rng(2).permutation(ratio), {"s": SCALES})
        assert mixed.verdict == Verdict.holds_with_constant, mixed.text


def test_a_logarithm_is_seen_from_both_sides():
    """O holds, Ω and so Θ hold up to it only: three verdicts on one ratio that goes to nothing."""
    ratio, varied = SCATTER / np.log(SCALES), {"s": SCALES}
    assert verdicts.order(ratio, varied, "since it was planted").verdict == Verdict.holds_up_to_logarithms
    assert "since it was planted" in verdicts.order(ratio, varied, "since it was planted").text
    assert verdicts.constant(ratio, varied).verdict == Verdict.holds_with_constant
    assert "no constant c > 0 does" in verdicts.at_least(ratio, varied, "since it was planted").text


# ---- exponent -------------------------------------------------------------------------------------------------------


@given(st.floats(-2, 2), st.floats(0, 1), st.floats(-2, 2), st.floats(2, 1e6))
def test_an_exponent_holds_within_two_errors_and_up_to_logarithms_within_a_quarter(measured, error, stated, span):
    judged = verdicts.exponent(measured, error, stated, span, "for a reason")
    off = abs(measured - stated)
    least = max(2 * error, np.log(1.05) / np.log(span))
    assume(abs(off - least) > 1e-12)  # rounding decides at the border
    if off < least:
        expected = Verdict.holds
    else:
        expected = Verdict.holds_up_to_logarithms if off <= 0.25 else Verdict.fails
        assert ("for a reason" in judged.text) == (off <= 0.25)
    assert judged.verdict == expected
    assert (judged.measured, judged.low, judged.high) == (measured, measured - error, measured + error)
    assert judged.expected == stated


def test_neighbouring_exponents_are_told_apart():
    """Statements have multiples of ½: at most one of them is granted to an exponent that was fitted sharply."""
    for found in np.linspace(-1, 1, 41):
        granted = [
            claimed
            for claimed in (-1, -0.5, 0, 0.5, 1)
            if verdicts.exponent(found + 1e-9, 1e-6, claimed, 1e3).verdict != Verdict.fails
        ]
        assert len(granted) == 1


# ---- agreement and number -------------------------------------------------------------------------------------------


@given(RATIOS, st.floats(1e-6, 1e6))
def test_a_formula_agrees_where_every_draw_is_within_its_tolerance(error, tolerance):
    found = verdicts.agreement(error, tolerance, "the step", {})
    assert found.verdict == (Verdict.holds if error.max() <= tolerance else Verdict.fails)
    assert found.expected == tolerance
    assert "allowed (the step)" in found.text
    assert verdicts.agreement(np.append(error, np.inf), tolerance, "the step", {}).verdict == Verdict.fails


def test_a_formula_that_fails_says_where_and_for_how_many():
    found = verdicts.agreement(np.where(N > 16, 0.3, 0.01), 0.1, "the step", {"n": N})
    assert found.text == (
        "fails where n > 16 (100 % of the failures, 0 % of the rest): off by 0.01 in the median, 0.3 at most; "
        "0.1 allowed (the step), 75 % of draws within"
    )


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        (0.9, Verdict.holds),
        (1.1, Verdict.holds),
        (0.8, Verdict.fails),
        (1.2, Verdict.fails),
        (np.nan, Verdict.not_defined),
    ],
)
def test_a_number_is_right_on_both_sides_within_its_tolerance(found, verdict):
    judged = verdicts.number(found, 0.5, 1.5, 1.0, 0.15, "sampling")
    assert judged.verdict == verdict
    if verdict != Verdict.not_defined:
        assert (judged.measured, judged.low, judged.high, judged.expected) == (found, 0.5, 1.5, 1.0)
        assert judged.text.startswith(verdict.name + ": ")


# ---- where ----------------------------------------------------------------------------------------------------------


@given(st.permutations(range(40)), st.integers(1, 38), st.booleans())
def test_where_finds_a_planted_threshold_among_other_conditions(order, place, low):
    """The condition that decides among three, at whatever place of its 40 values; the others are in no relation to it."""
    values = np.arange(40.0)
    decides = values[list(order)]
    failing = decides <= place if low else decides > place
    other = np.tile([1.0, 2.0], 20)
    text = verdicts.where(failing, {"a": np.full(40, 7.0), "b": decides, "c": np.where(failing, 1.0, 1.0) * other})
    # The other condition could tell as well only where it agrees with all 40 of them.
    if not (np.array_equal(failing, other == 1) or np.array_equal(failing, other == 2)):
        assert text == f"where b {'≤' if low else '>'} {place} (100 % of the failures, 0 % of the rest)"


def test_few_failures_are_found_among_many():
    """Two failures of 1000, with 10 % of the others beyond the threshold as well: balanced, it tells 95 %."""
    values = np.arange(1000.0)
    failing = np.isin(values, [900, 950])
    text = verdicts.where(failing, {"x": values})
    assert text == "where x > 899 (100 % of the failures, 10 % of the rest)"


def test_where_names_no_setting_by_chance():
    failing = np.tile([True, False], 50)
    assert verdicts.where(failing, {"n": N}) == "at no setting in particular"
    assert verdicts.where(failing, {}) == "at no setting in particular"
    assert verdicts.where(np.ones(100, dtype=bool), {"n": N}) == "everywhere"
    # 3 of 4 failures and a quarter of the rest: told by ¾ exactly, which is not better than that.
    x = np.array([1.0, 1, 1, 2, 1, 2, 2, 2])
    assert verdicts.where(np.arange(8) < 4, {"x": x}) == "at no setting in particular"


# ---- words ----------------------------------------------------------------------------------------------------------


@given(st.integers(1, 10**6 - 1))
def test_a_share_in_per_cent_is_told_from_none_and_all(draws):
    share = draws / 10**6
    number, sign = trends.percent(share).split(" ")
    assert sign == "%" and 0 < float(number) < 100
    # No more digits than that takes, and half of the last one off at most.
    digits = len(number.partition(".")[2])
    assert digits == 0 or float(f"{100 * share:.{digits - 1}f}") in (0, 100)
    assert abs(float(number) - 100 * share) <= 0.5 * 10.0**-digits * (1 + 1e-9)


def test_none_and_all_in_per_cent():
    assert (trends.percent(0.0), trends.percent(1.0), trends.percent(0.5)) == ("0 %", "100 %", "50 %")


# ---- planted claims: of every kind a true one and a false one -------------------------------------------------------

X = np.repeat(np.logspace(0, 4, 9), 20)  # what is varied, 20 draws at each of its levels
NOISE = np.exp(0.05 * RNG.standard_normal(len(X)))  # 5 %, as draws of networks scatter
LEVEL = {"x": X}
DENSE = np.arange(10.0, 200.0)
TWO = {"x": np.repeat([1.0, 10.0], len(X) // 2)}


def constant_of(number):
    return f"C = {number}"


@pytest.mark.parametrize(
    ("judge", "true", "false"),
    [
        # measured ≤ 1: at most 0.9; beyond it for x > 100.
        (
            lambda values: verdicts.bound(values, 1.0, LEVEL),
            np.minimum(0.8 * NOISE, 0.95),
            np.where(X > 100, 50.0, 0.5),
        ),
        # measured ≤ C: does not grow; grows as x^½.
        (lambda values: verdicts.constant(values, LEVEL), 3 * NOISE, 3 * NOISE * np.sqrt(X)),
        # measured ≍ 1: within a factor; falls as x^−½.
        (lambda values: verdicts.order(values, LEVEL), 0.2 * NOISE, 0.2 * NOISE / np.sqrt(X)),
        # measured = formula, to 10 %.
        (
            lambda values: verdicts.agreement(values, 0.1, "the step", LEVEL),
            np.abs(NOISE - 1) / 3,
            np.full(len(X), 5.0),
        ),
        # true of every draw.
        (lambda values: verdicts.always(values > 0, np.isfinite(values), LEVEL), NOISE, np.where(X > 100, -1.0, 1.0)),
        # with probability 0.9.
        (
            lambda values: verdicts.shares(values < 1, TWO, np.full(len(X), 0.9)),
            np.where(np.arange(len(X)) % 20 == 0, 2.0, 0.5),
            np.where(np.arange(len(X)) % 2 == 0, 2.0, 0.5),
        ),
        # with probability 1 − O(x⁻²): P(failure) as x⁻², whatever the constant; as x^−1.5.
        (lambda values: verdicts.probability(values, DENSE, "x", 2.0), 70 * DENSE**-2, 0.7 * DENSE**-1.5),
        # holds where x ≥ C: from x = 100 on; up to x = 100 only.
        (lambda values: verdicts.threshold(values < 1, X, constant_of), 1 / (X / 100), X / 100),
    ],
    ids=["bound", "constant", "order", "agreement", "always", "shares", "probability", "threshold"],
)
def test_a_true_claim_is_granted_and_a_false_one_refused(judge, true, false):
    if true is not None:
        assert judge(true).verdict in (Verdict.holds, Verdict.holds_with_constant)
        assert judge(true).severity == Severity.none
    if false is not None:
        assert judge(false).verdict == Verdict.fails
        assert judge(false).severity != Severity.none


@pytest.mark.parametrize("factor", [1.0, 1e-3, 1e3])
def test_a_logarithm_is_told_from_a_constant_and_from_a_power(factor):
    """A ratio that falls as 1/log is no constant, and no other statement either; true constants scatter by 5 %."""
    falling = factor * NOISE / (1 + np.log(X))
    judged = verdicts.order(falling, LEVEL, "because of a logarithm")
    assert judged.verdict == Verdict.holds_up_to_logarithms
    assert "because of a logarithm" in judged.text
    assert verdicts.order(factor * NOISE, LEVEL).verdict == Verdict.holds_with_constant
    assert verdicts.order(factor * NOISE * X**0.3, LEVEL).verdict == Verdict.fails


def test_a_bound_that_grows_as_a_logarithm_has_no_constant():
    growing = NOISE * (1 + np.log(X))
    assert verdicts.constant(growing, LEVEL).verdict == Verdict.holds_up_to_logarithms
    assert verdicts.constant(1 / growing, LEVEL).verdict == Verdict.holds_with_constant
    assert verdicts.constant(growing / 100, LEVEL, natural=True).verdict == Verdict.holds_with_constant


@pytest.mark.parametrize(
    ("excess", "severity"),
    [
        (np.where(X > 100, 2.0, 0.5), Severity.constant),
        (np.full(len(X), 3.0), Severity.constant),
        (np.where(X > 100, 30.0, 0.5), Severity.region),
        (np.full(len(X), 30.0), Severity.everywhere),
        # Up to 5 times what is allowed, but growing as a power: another constant would not do for larger x.
        (0.1 * X**0.43, Severity.region),
    ],
)
def test_a_failure_is_by_a_constant_in_a_region_or_everywhere(excess, severity):
    assert verdicts.bound(excess, 1.0, LEVEL).severity == severity
    # A formula has no constant to change.
    of_formula = Severity.everywhere if (excess > 1).all() else Severity.region
    assert verdicts.agreement(excess, 1.0, "the step", LEVEL).severity == of_formula


def test_what_nobody_claims_neither_holds_nor_fails():
    def judge(inside):
        return verdicts.bound(np.where(X > 100, 50.0, 0.5)[inside], 1.0, {"x": X[inside]})

    assert verdicts.claimed(X > 1e9, judge, "x is not large").verdict == Verdict.not_claimed
    assert verdicts.claimed(X <= 100, judge, "x is not large").verdict == Verdict.holds
    assert verdicts.claimed(X > 0, judge, "x is not large").verdict == Verdict.fails


@pytest.mark.parametrize("slack", [1.5, 4.0])
def test_the_power_of_a_bound_is_the_factor_that_turns_it(slack):
    values = np.linspace(0.1, 1.0, 50) / slack
    judged = verdicts.bound(values, 1.0, {})
    assert f"{slack:g} times as large" in judged.power
    assert verdicts.bound(values * slack * 0.99, 1.0, {}).verdict == Verdict.holds
    assert verdicts.bound(values * slack * 1.01, 1.0, {}).verdict == Verdict.fails


def test_failures_that_are_rarer_than_the_power_says_may_go_unseen():
    """A failure in a share 3/N of draws shows at least once in N of them with 95 %: binomial."""
    draws = 300
    judged = verdicts.always(np.ones(draws, dtype=bool), np.ones(draws, dtype=bool), {})
    assert judged.power == "failures in 1 % of draws"
    assert stats.binom(draws, 0.01).sf(0) >= 0.95
    assert stats.binom(draws, 0.005).sf(0) < 0.95


# ---- where a statement stands after all -----------------------------------------------------------------------------


def test_a_failure_through_large_first_layers_alone_is_said_to_need_small_ones():
    failing = verdicts.bound(np.where(X > 100, 50.0, 0.5), 1.0, LEVEL)
    granted = verdicts.bound(np.full(len(X), 0.5), 1.0, LEVEL)
    assert standing(failing, None) == Standing.fails_in_part
    assert standing(failing, failing) == Standing.fails_in_part
    assert standing(failing, granted) == Standing.needs_small_sigma
    assert standing(granted, failing) == Standing.stands
    nothing = verdicts.bound(np.full(len(X), np.nan), 1.0, LEVEL)
    assert standing(failing, nothing) == Standing.fails_in_part
    assert standing(nothing, None) == Standing.not_defined


# ---- threshold ------------------------------------------------------------------------------------------------------


RATIO = np.arange(1.0, 101.0)


@given(st.just(0) | st.integers(4, 80), st.permutations(range(100)))
def test_a_condition_holds_with_the_smallest_constant_from_which_on_all_draws_hold(place, order):
    """Below a planted constant every draw fails, from there on none; in whatever order they come.

    One to three failures of a hundred may be last by luck: 0.97⁹⁷ is more than 5 %.
    """
    ratio = RATIO[list(order)]
    found = verdicts.threshold(ratio > place, ratio, constant_of)
    assert (found.verdict == Verdict.holds) == (place == 0)
    assert f"C = {place + 1}" in found.text
    if place:
        assert found.verdict == Verdict.holds_with_constant and found.severity == Severity.none
        assert f"in all of {100 - place} cases within, which are the ones measured; up to C = {place} it" in found.text
        assert (found.low, found.high) == (place + 1, 100)


def test_one_failure_below_the_constant_moves_it():
    """Draws below the constant may hold: it is the last failure that counts."""
    found = verdicts.threshold(RATIO != 40, RATIO, constant_of)
    # 60 draws hold beyond it: 0.99⁶⁰ = 55 % of the time they would without a condition, too.
    assert found.verdict == Verdict.fails
    found = verdicts.threshold(~np.isin(RATIO, np.arange(1, 41, 4)), RATIO, constant_of)
    # 0.9⁶³ = 0.1 %.
    assert found.verdict == Verdict.holds_with_constant and "C = 38," in found.text


@given(st.integers(0, 2**32 - 1), st.sampled_from([0.1, 0.3, 0.6]))
def test_a_condition_that_has_nothing_to_do_with_failures_is_none(seed, share):
    """Failures at random: a constant would be found in one case of twenty, by the rule's own level."""
    rng = np.random.default_rng(seed)
    found = [verdicts.threshold(rng.permutation(100) >= 100 * share, RATIO, constant_of).verdict for _ in range(100)]
    # Binomial: 17 or more of 100 at 5 % have a chance of 10⁻⁵.
    assert np.sum([verdict != Verdict.fails for verdict in found]) < 17


@pytest.mark.parametrize(
    ("holding", "severity"), [(RATIO < 90, Severity.region), (RATIO < 0, Severity.everywhere)], ids=["upward", "never"]
)
def test_a_condition_that_does_not_help_fails(holding, severity):
    found = verdicts.threshold(holding, RATIO, constant_of)
    assert found.verdict == Verdict.fails and found.severity == severity
    assert found.text.startswith("fails: in ")


def test_a_threshold_is_about_what_was_measured_beyond_it():
    error = np.where(RATIO > 20, 0.01, 0.5)
    error[50] = np.nan  # a draw that says nothing
    found = verdicts.threshold(error <= 0.05, RATIO, constant_of, error)
    assert (found.measured, found.low, found.high) == (0.01, 0.01, 0.01)
    assert "in all of 79 cases" in found.text
    assert verdicts.threshold(error <= 1, np.full(100, np.nan), constant_of).verdict == Verdict.not_defined


def test_a_constant_from_above_is_the_largest_up_to_which_all_hold():
    """Ratios 1 … 100 are C = 1 … 1/100; those from 1/20 on fail, the next that is tried is 1/21."""
    found = verdicts.threshold(RATIO > 20, RATIO, constant_of, upper=True)
    assert found.text.startswith(
        "holds with constant up to C = 0.0476, which the statement leaves unnamed: in all of 80 "
    )
    assert found.text.endswith("; from C = 0.05 on it fails in some")
    assert found.low == 21
    # Where nothing fails, the constant that says most: the largest from above, the smallest from below.
    everywhere = np.ones(100, dtype=bool)
    assert verdicts.threshold(everywhere, RATIO / 8, constant_of, upper=True).text.endswith(" cases, even with C = 8")
    assert verdicts.threshold(everywhere, RATIO / 8, constant_of).text.endswith(" cases, already with C = 0.125")


@pytest.mark.parametrize("upper", [False, True])
def test_two_constants_in_a_text_are_never_the_same_number(upper):
    """The last that fails and the first that is enough differ by 10⁻⁵ of themselves, as draws at one setting do."""
    ratio = 1.29 + 1e-5 * RATIO
    text = verdicts.threshold(RATIO > 40, ratio, constant_of, upper=upper).text
    enough, short = re.findall(r"C = ([\d.]+)", text)
    assert enough != short
    assert (float(enough) > float(short)) != upper
    numbers = 1 / ratio if upper else ratio
    assert (float(enough), float(short)) == pytest.approx((numbers[40], numbers[39]), abs=5e-5)  # half a digit
