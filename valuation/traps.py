"""Alarms for reports that look better than the business is.

Each function answers the reasons for its alarm, an empty tuple where there is none.
"""

from collections.abc import Mapping, Sequence

from valuation.refusals import Refusal, gettext_noop

HIGH_GROWTH = 0.10
MIN_RETENTION = 0.80
MAX_NEW_SHARE = 0.60
MAX_FORECAST_GROWTH = 0.50
FORECAST_YEARS = 3

LEAK_NEW = gettext_noop("New customers are %(value)s of all, more than 60%%.")
LEAK_FALLING = gettext_noop("Growth is %(growth)s while retention falls to %(value)s.")
LEAK_LOW = gettext_noop("Growth is %(growth)s on a retention of only %(value)s.")
FORECAST_GROWTH = gettext_noop("Growth above 50%% is forecast for %(value)s years in a row.")
FORECAST_MARGIN = gettext_noop("The gross margin is forecast to double, to %(value)s.")
VANITY = gettext_noop("The total %(field)s is shown without %(value)s.")
REDEFINED = gettext_noop("The definition of %(field)s changed since the last report.")


def leaky_bucket(
    *, growth: float, retention: float, retention_before: float | None, new_share: float
) -> tuple[Refusal, ...]:
    """Growth bought by new customers while the old ones leave (fractions).

    The source's rule, more than 60% new customers, passes its own example at 58.3%; so a
    retention below 80%, or one that falls, is an alarm as well where growth exceeds 10%.
    """
    reasons: list[Refusal] = []
    if new_share > MAX_NEW_SHARE:
        reasons.append(Refusal("new_share", LEAK_NEW, {"value": f"{new_share:.1%}"}))
    params = {"growth": f"{growth:.1%}", "value": f"{retention:.1%}"}
    if growth > HIGH_GROWTH and retention_before is not None and retention < retention_before:
        reasons.append(Refusal("retention", LEAK_FALLING, params))
    if growth > HIGH_GROWTH and retention < MIN_RETENTION:
        reasons.append(Refusal("retention", LEAK_LOW, params))
    return tuple(reasons)


def over_optimistic(
    growth_by_year: Sequence[float], margin_now: float, margin_end: float
) -> tuple[Refusal, ...]:
    """A forecast beyond what cohorts support: over 50% for 3 years running, or margin doubling."""
    reasons: list[Refusal] = []
    longest = run = 0
    for rate in growth_by_year:
        run = run + 1 if rate > MAX_FORECAST_GROWTH else 0
        longest = max(longest, run)
    if longest >= FORECAST_YEARS:
        reasons.append(Refusal("growth", FORECAST_GROWTH, {"value": longest}))
    if margin_now > 0 and margin_end >= 2 * margin_now:
        reasons.append(Refusal("gross_margin", FORECAST_MARGIN, {"value": f"{margin_end:.0%}"}))
    return tuple(reasons)


def vanity_totals(shown: Sequence[str], twins: Mapping[str, str]) -> tuple[Refusal, ...]:
    """Totals (outlets, staff) that are shown without their per-unit twin."""
    return tuple(
        Refusal(total, VANITY, {"value": twin})
        for total, twin in twins.items()
        if total in shown and twin not in shown
    )


def redefined(before: Mapping[str, str], now: Mapping[str, str]) -> tuple[Refusal, ...]:
    """Indicators whose definition differs from that of the last report."""
    changed = [name for name in now if name in before and now[name] != before[name]]
    return tuple(Refusal(name, REDEFINED) for name in changed)
