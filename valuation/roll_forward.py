"""The bridge between any two valuations of a unit, from what both have stored.

With g = (1 + d)^t at the older rate, and per customer months alive dm, visits dv (both discounted),
rate lambda = dv/dm, margin a visit m, accident margin a month a, service cost s, retention cost c:

    opening              V of the older valuation
    unwinding            V (g - 1)
    cash realised        - margin since, of the customers valued then, less the expected costs
    experience variance  cash realised - cash expected, so that together they take out what the
                         older valuation expected to have fallen due
    customers out        - the older value, rolled forward, of those who are no longer in the unit
    customers in         the newer value of those who were not
    discount rate        newer undiscounted flows x (newer - older factors), for those in both
    model change         newer value x (1 - value under the older parameters / under the newer),
                         the same newer histories and trees, on a sample of those in both; what of
                         it is by visits a month alive is taken out of frequency, the rest of
                         retention
    data corrections     rolled value x (restated ÷ stored - 1), by visits and margin a visit, of
                         the last twelve months that both valuations report
    margin               sum [dv' (m' - m) + dm' (a' - a)] (1 - s), less the correction of margin
    frequency            sum (dv' - dm' lambda) m (1 - s), less the model's part and the
                         correction of visits
    costs                - (s' - s) margin' - (c' - c) dm'
    horizon moves on     newer flows of the last t months, which the older valuation did not reach
    retention            months alive against those expected: what is left of the change
    closing              V of the newer valuation

Bars are integers in fen and sum exactly: retention closes the sum.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from django.db import connection

from ml.models import ModelVersion
from ml.transaction_models import AnyParameters, parameters_from
from valuation.assumptions import Terms, terms_of
from valuation.discounting import discount_factors
from valuation.model_effect import Effect, effect
from valuation.models import Valuation, ValuedUnit
from valuation.refusals import Refusal, Refused, gettext_noop
from valuation.rounding import to_fen
from valuation.sensitivities import Histories

STEPS = {
    "opening": gettext_noop("Older valuation"),
    "unwinding": gettext_noop("Unwinding of the discount"),
    "cash_realised": gettext_noop("Cash realised"),
    "experience_variance": gettext_noop("Experience variance"),
    "customers_out": gettext_noop("Customers no longer counted"),
    "customers_in": gettext_noop("Customers new here"),
    "retention": gettext_noop("Retention"),
    "frequency": gettext_noop("Frequency"),
    "margin": gettext_noop("Margin"),
    "costs": gettext_noop("Costs"),
    "horizon": gettext_noop("Horizon moves on"),
    "discount_rate": gettext_noop("Discount rate"),
    "model_change": gettext_noop("Model change"),
    "data_corrections": gettext_noop("Data corrections"),
    "closing": gettext_noop("Newer valuation"),
}
ORDER = gettext_noop("%(field)s must be of an earlier date than the newer one.")
SAMPLE = 6_000

_JOINED = """
with older as (select pseudonym, value_fen, scalars from valuation_valuedcustomer
        where valuation_id = %(older)s and store_id = any(%(stores)s)),
    newer as (select pseudonym, value_fen, scalars from valuation_valuedcustomer
        where valuation_id = %(newer)s and store_id = any(%(stores)s))
select
    coalesce(sum(o.value_fen) filter (where n.pseudonym is null), 0)::bigint,
    coalesce(sum(n.value_fen) filter (where o.pseudonym is null), 0)::bigint,
    coalesce(sum(o.value_fen) filter (where n.pseudonym is not null), 0)::bigint,
    coalesce(sum(n.value_fen) filter (where o.pseudonym is not null), 0)::bigint,
    coalesce(sum(n.scalars[1] * (n.scalars[5] - o.scalars[5])
        + n.scalars[2] * (n.scalars[6] - o.scalars[6])), 0),
    coalesce(sum((n.scalars[1]
        - n.scalars[2] * o.scalars[1] / nullif(o.scalars[2], 0)) * o.scalars[5]), 0),
    coalesce(sum(n.scalars[1] * n.scalars[5] + n.scalars[2] * n.scalars[6])
        filter (where o.pseudonym is not null), 0),
    coalesce(sum(n.scalars[2]) filter (where o.pseudonym is not null), 0)
from older o full join newer n using (pseudonym)
"""
_REVENUE = """
select coalesce(sum(v.pay_customer_fen + v.pay_insurance_fen + v.pay_warranty_fen), 0)::bigint
from valuation_valuedcustomer o
join valuation_pseudonym p on p.pseudonym = o.pseudonym
join customers_visit v on v.customer_id = p.customer_id
where o.valuation_id = %(older)s and o.store_id = any(%(stores)s)
    and v.status in ('open', 'closed') and v.day >= %(since)s and v.day < %(until)s
"""
_HISTORIES = """
select s.fit_id, s.frequency, s.recency_days, s.age_days, s.cap_month, s.margin_per_visit,
    s.accident_margin, s.anchor_first, s.anchor_later
from ml_score s where s.score_set_id = %(score_set)s and s.store_id = any(%(stores)s)
    and mod(hashint8(s.customer_id), %(every)s) = 0 order by s.customer_id
"""
_ANCHORED = """
select distinct s.fit_id from ml_score s
where s.score_set_id = %(score_set)s and s.store_id = any(%(stores)s)
    and mod(hashint8(s.customer_id), %(every)s) = 0 and s.anchor_first <> 1
"""


@dataclass(frozen=True)
class Step:
    """One bar: its key in STEPS and its amount."""

    step: str
    amount_fen: int


def roll_forward(older: Valuation, newer: Valuation, unit_id: int, stores: list[int]) -> list[Step]:
    """Bars from ``older`` to ``newer`` for the unit with these stores, in an entered access.

    Raises :class:`Refused` unless ``older`` is of an earlier date.
    """
    if older.as_of >= newer.as_of:
        raise Refused([Refusal("older", ORDER)])
    before = ValuedUnit.objects.get(valuation=older, unit_id=unit_id)
    after = ValuedUnit.objects.get(valuation=newer, unit_id=unit_id)
    terms, later = (terms_of(one.assumptions.values) for one in (older, newer))
    values: dict[str, Any] = {"older": older.pk, "newer": newer.pk, "stores": stores}
    with connection.cursor() as cursor:
        cursor.execute(_JOINED, values)
        gone, come, stayed, still, margin, frequency, earned, months = cursor.fetchone()
    years = (newer.as_of - older.as_of).days / 365.25
    growth = (1.0 + terms.discount.rate) ** years
    opening, closing = before.expected_fen, after.expected_fen
    due = _first(before.monthly["present_value_fen"], years * 12.0)
    realised = _realised(older, newer, before, after, stores, years)
    rolled = opening * growth - due * growth
    share = rolled / opening if opening else 0.0
    by_visits, by_margin = _corrections(before, after, stayed * share)
    kept = 1.0 - terms.service_cost_rate
    model, by_rate = (share * still for share in _model_change(older, newer, stores, terms))
    ratio = still / closing if closing else 0.0
    rate = _rate_effect(after, terms, later) * ratio
    own, costs = margin * 100 * kept, _costs(older, newer, terms, later, earned, months)
    found = {
        "opening": opening,
        "unwinding": opening * (growth - 1.0),
        "cash_realised": -realised * growth,
        "experience_variance": realised * growth - due * growth,
        "customers_out": -gone * share,
        "customers_in": come,
        "retention": 0,
        "frequency": frequency * 100 * kept - by_rate - by_visits,
        "margin": own - by_margin,
        "costs": costs,
        "horizon": _beyond(after.monthly, years * 12.0) * ratio,
        "discount_rate": rate,
        "model_change": model,
        "data_corrections": by_visits + by_margin,
    }
    whole = {name: int(to_fen(value / 100.0)) for name, value in found.items()}
    whole["retention"] = closing - sum(whole.values())
    return [*(Step(name, amount) for name, amount in whole.items()), Step("closing", closing)]


def _first(lines: list[int], months: float) -> float:
    """Sum of the first ``months`` lines, the last of them in part."""
    whole = min(int(months), len(lines))
    part = lines[whole] * (months - whole) if whole < len(lines) else 0.0
    return float(sum(lines[:whole]) + part)


def _beyond(monthly: dict[str, Any], months: float) -> float:
    """Present value of the last ``months`` lines."""
    return _first(monthly["present_value_fen"][::-1], months)


def _realised(
    older: Valuation,
    newer: Valuation,
    before: ValuedUnit,
    after: ValuedUnit,
    stores: list[int],
    years: float,
) -> float:
    """Margin of the customers valued then, scaled to the books, less expected costs, as of the
    older date: the middle of the time between discounts it."""
    values: dict[str, Any] = {"older": older.pk, "stores": stores}
    values |= {"since": older.as_of, "until": newer.as_of}
    with connection.cursor() as cursor:
        cursor.execute(_REVENUE, values)
        revenue = int(cursor.fetchone()[0])
    sold, earned = sum(after.operations["revenue_fen"]), sum(after.operations["margin_fen"])
    months = years * 12.0
    margin = _first(before.monthly["margin_fen"], months)
    cost = _first(before.monthly["cost_fen"], months)
    gross = revenue * (earned / sold) if sold else 0.0
    costs = cost / margin * gross if margin else cost
    rate = terms_of(older.assumptions.values).discount.rate
    return float((gross - costs) / (1.0 + rate) ** (years / 2.0))


def _corrections(before: ValuedUnit, after: ValuedUnit, rolled: float) -> tuple[float, float]:
    """What the records of the months that both report have changed, by visits and by margin."""
    stored = {name: before.operations[name] for name in ("months", "visits", "margin_fen")}
    again = {name: after.operations[name] for name in ("months", "visits", "margin_fen")}
    common = [month for month in stored["months"] if month in again["months"]][-12:]

    def total(of: dict[str, Any], name: str) -> float:
        at = {month: i for i, month in enumerate(of["months"])}
        return float(sum(of[name][at[month]] for month in common))

    visits, margin = total(stored, "visits"), total(stored, "margin_fen")
    if visits <= 0 or margin <= 0:
        return 0.0, 0.0
    by_visits = total(again, "visits") / visits - 1.0
    by_margin = (total(again, "margin_fen") / margin) / (1.0 + by_visits) - 1.0
    return rolled * by_visits, rolled * (1.0 + by_visits) * by_margin


def _costs(
    older: Valuation,
    newer: Valuation,
    terms: Terms,
    later: Terms,
    earned: float,
    months: float,
) -> float:
    upkeep, before = (float(one.notes["retention_cost_per_month"]) for one in (newer, older))
    service = later.service_cost_rate - terms.service_cost_rate
    return -100.0 * (service * earned + (upkeep - before) * months)


def _rate_effect(after: ValuedUnit, terms: Terms, later: Terms) -> float:
    """Of all of the newer flows, in fen."""
    margin, cost = (
        np.array(after.monthly[name], dtype=float) for name in ("margin_fen", "cost_fen")
    )
    old, new = (
        discount_factors(one.discount.rate, len(margin), mid_month=one.mid_month)
        * (1.0 - one.tax_rate)
        for one in (terms, later)
    )
    return float(((margin - cost) * (new - old)).sum())


def _model_change(
    older: Valuation, newer: Valuation, stores: list[int], terms: Terms
) -> tuple[float, float]:
    """Shares of the newer value that the newer parameters make, against the older ones.

    All of it, and the part of it by visits a month alive; the rest is by months alive.
    """
    every = max(newer.customers // SAMPLE, 1)
    values: dict[str, Any] = {"score_set": newer.score_set_id, "stores": stores, "every": every}
    before: dict[str, Any] = {"score_set": older.score_set_id, "stores": stores, "every": every}
    with connection.cursor() as cursor:
        cursor.execute(_HISTORIES, values)
        rows = np.array(cursor.fetchall(), dtype=float).reshape(-1, 9)
        cursor.execute(_ANCHORED, before)
        anchored = {int(fit) for (fit,) in cursor.fetchall()}
    now, then = _parameters(newer), _parameters(older)
    names = {pk: name for name, (pk, _) in now.items()}
    discount = discount_factors(terms.discount.rate, newer.score_set.horizon_months)
    total = Effect(0.0, 0.0, 0.0)
    for fit in np.unique(rows[:, 0]):
        name = names.get(int(fit), "")
        if name not in then:
            continue
        x, t_x, age, cap, margin, accident, *anchors = rows[rows[:, 0] == fit, 1:].T
        total += effect(
            then[name][1],
            now[name][1],
            Histories(x, t_x, age, cap.astype(np.int64), margin, accident),
            np.column_stack(anchors),
            discount,
            anchored_before=then[name][0] in anchored,
        )
    return (total.change / total.value, total.by_rate / total.value) if total.value else (0.0, 0.0)


def _parameters(valuation: Valuation) -> dict[str, tuple[int, AnyParameters]]:
    """By the fit's name: its id and parameters."""
    rows = ModelVersion.objects.filter(
        pk__in=[int(one) for one in valuation.notes.get("parameter_covariance", {})]
    ).defer("file")
    return {row.name: (row.pk, parameters_from(row.parameters["chosen"]["params"])) for row in rows}
