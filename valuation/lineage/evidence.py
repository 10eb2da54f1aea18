"""The rows of one store from which a figure recomputes: what each adds above and below the line.

The rows are counted by the functions that made the stored counters, over the records as they stand
now; where records changed since, the page shows both figures.
"""

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from django.utils.translation import gettext_lazy as _

from ml.extraction import visit_days
from organization.unit_set import ALL_UNITS, UnitSet
from valuation import books
from valuation.history import History, quarter_ordinal
from valuation.indicators import formulas
from valuation.indicators import reading as records
from valuation.indicators.definition import Definition
from valuation.indicators.ledger import (
    EBITDA,
    GROSS,
    NET,
    REACH,
    Ledger,
    month_name,
    month_number,
)
from valuation.indicators.measuring import past_until
from valuation.indicators.records import MoatInput
from valuation.lineage import reading
from valuation.lineage.anchors import Anchor
from valuation.lineage.listing import Evidence, Listing
from valuation.lineage.parts_evidence import OF_ANY_LEVEL, PARTS_EVIDENCE
from valuation.models import ValuedUnit
from web.shell import Text

ELSEWHERE = -1
"""In the place of a customer: all amounts at stores that the reader may not see, in one line."""


Lister = Callable[[Definition, Anchor, "Scope"], list[Listing]]


def evidence_of(
    definition: Definition,
    anchor: Anchor,
    cohort: tuple[str, int] | None = None,
    seen: UnitSet = ALL_UNITS,
) -> Evidence:
    """The rows behind the figure of a store; call inside the system's access.

    Of a unit above the store the rows are its parts, as they were stored. ``seen``: the stores
    whose amounts may be listed by customer; what was spent elsewhere is one line without a name.
    """
    if definition.shape == "payback":
        return _payback(anchor)
    if anchor.children and definition.evidence not in OF_ANY_LEVEL:
        return Evidence([_units(definition, anchor)])
    if definition.evidence in PARTS_EVIDENCE:
        return PARTS_EVIDENCE[definition.evidence](definition, anchor)
    return Evidence(LISTERS[definition.evidence](definition, anchor, Scope(cohort, seen)))


@dataclass(frozen=True)
class Scope:
    """Which cell of the cohorts, and the stores whose amounts may be listed by customer."""

    cohort: tuple[str, int] | None = None
    seen: UnitSet = ALL_UNITS


def _payback(anchor: Anchor) -> Evidence:
    """The discounted margin of a mean customer by month, until it covers the CAC."""
    valued = ValuedUnit.objects.filter(valuation=anchor.valuation, unit=anchor.unit).first()
    cac = formulas.acquisition_cost(
        anchor.counters.get("cac_spend_fen", 0), anchor.counters.get("new", 0)
    )
    if valued is None or not valued.customers or not cac:
        return Evidence([], lambda _parts: None)
    flow = np.array(valued.monthly["present_value_fen"], dtype=float) / valued.customers
    frame = pd.DataFrame(
        {
            "month": [str(number) for number in range(1, len(flow) + 1)],
            "above": np.rint(flow).astype(np.int64),
            "below": np.rint(np.cumsum(flow)).astype(np.int64),
        }
    )
    months = formulas.payback_months(cac, flow.tolist())
    return Evidence([Listing("curve", frame)], lambda _parts: months)


def _units(definition: Definition, anchor: Anchor) -> Listing:
    rows = [
        (unit.pk, *definition.parts(counters), definition.value(counters))
        for unit, counters in anchor.children
    ]
    frame = pd.DataFrame(rows, columns=["unit", "above", "below", "figure"])
    if not definition.denominator:
        frame["below"] = 0
    return Listing("units", frame)


@dataclass(frozen=True)
class Home:
    """The home customers of a store and what they did before the end of the windows."""

    ids: np.ndarray
    value_fen: np.ndarray
    past: History
    visits: pd.DataFrame


def _home(anchor: Anchor, *, with_margin: bool = False) -> Home:
    """``with_margin``: orders are scaled by all of a store's, so all of them are read."""
    as_of = anchor.valuation.as_of
    ids, _store, value = records.valued_customers(anchor.valuation.pk, [anchor.unit.pk])
    visits, _factors = visit_days(as_of, customers=ids.tolist())
    if with_margin:
        served = [int(one) for one in visits["store"].unique()]
        visits, _factors = visit_days(as_of, stores=served)
        visits = visits[visits["customer"].isin(ids)]
    visits = visits[["customer", "store", "day", "revenue", "margin"]]
    visits = visits[visits["day"] < pd.Timestamp(anchor.end)]
    bought = books.purchases(anchor.valuation.as_of)
    bought = bought[bought["customer"].isin(ids)]
    return Home(ids, value, past_until(ids, visits, bought, anchor.end), visits)


def _weights(home: Home, cohort: tuple[str, int] | None) -> dict[str, np.ndarray]:
    """What each customer adds to the counters of that name."""
    past = home.past
    opening, came, base = past.active[:, 1], past.active[:, 0], past.base(0)
    new = past.first_seen_in(0)
    found = {
        "active": came,
        "active_before": opening,
        "opening": opening,
        "retained": opening & came,
        "base": base,
        "returned": base & came,
        "new": new,
        "new_valued": new,
        "new_value_fen": home.value_fen * new,
        "ndr_opening_fen": past.revenue_fen[:, 1] * opening,
        "ndr_now_fen": past.revenue_fen[:, 0] * opening,
        "value_fen": home.value_fen,
        "customers": np.ones(len(home.ids)),
    }
    if cohort is not None:
        found |= _cohort_weights(home, *cohort)
    return {name: np.asarray(column, dtype=np.int64) for name, column in found.items()}


def _cohort_weights(home: Home, quarter: str, elapsed: int) -> dict[str, np.ndarray]:
    year, number = quarter.split("-Q")
    first = int(year) * 4 + int(number) - 1
    member = home.past.first_quarter == first
    quarters = quarter_ordinal(home.visits["day"])
    then, until = home.visits[quarters == first + elapsed], home.visits[quarters <= first + elapsed]
    return {
        "cohort_customers": member,
        "cohort_active": member & np.isin(home.ids, then["customer"]),
        "cohort_revenue_fen": _by_customer(home, then, "revenue") * member,
        "cohort_margin_fen": _by_customer(home, until, "margin") * member,
    }


def _by_customer(home: Home, visits: pd.DataFrame, column: str) -> np.ndarray:
    """Sum of a column in fen over the visits of each home customer, (N,)."""
    total = np.zeros(len(home.ids), dtype=np.int64)
    place = np.searchsorted(home.ids, visits["customer"].to_numpy(dtype=np.int64))
    fen = np.rint(visits[column].to_numpy(dtype=float) * 100).astype(np.int64)
    np.add.at(total, place, fen)
    return total


def _customers(definition: Definition, anchor: Anchor, scope: Scope) -> list[Listing]:
    home = _home(anchor, with_margin="cohort_margin_fen" in definition.numerator)
    weights = _weights(home, scope.cohort)
    listing = _customer_listing(home, weights, definition.numerator, definition.denominator)
    money = any(name.endswith("_fen") for name in definition.numerator)
    if not money or scope.seen.everything:
        return [listing]
    return [_amounts_elsewhere_apart(listing, home, definition, anchor, scope)]


def _amounts_elsewhere_apart(
    listing: Listing, home: Home, definition: Definition, anchor: Anchor, scope: Scope
) -> Listing:
    """The same sums, by customer only as far as the visits were at stores that may be seen."""
    here = home.visits[home.visits["store"].isin([int(one) for one in scope.seen.ids])]
    none_bought = here[["customer", "day"]].iloc[:0]
    seen = replace(home, visits=here, past=past_until(home.ids, here, none_bought, anchor.end))
    weights = _weights(home, scope.cohort)
    spent = _money_weights(seen, home, scope)
    weights |= {name: spent[name] for name in weights if name in spent}
    visible = _customer_listing(home, weights, definition.numerator, definition.denominator)
    rest = {"customer": ELSEWHERE, "visits_before": 0, "visits_now": 0, "value_fen": 0}
    rest |= {"above": listing.above - visible.above, "below": listing.below - visible.below}
    if not rest["above"] and not rest["below"]:
        return visible
    frame = pd.concat([visible.frame, pd.DataFrame([rest])], ignore_index=True)
    return Listing(visible.kind, frame, visible.excluded)


def _money_weights(seen: Home, home: Home, scope: Scope) -> dict[str, np.ndarray]:
    """Amounts at the stores that may be seen, of the customers whom all their visits make count."""
    opening = home.past.active[:, 1]
    found = {
        "ndr_opening_fen": seen.past.revenue_fen[:, 1] * opening,
        "ndr_now_fen": seen.past.revenue_fen[:, 0] * opening,
    }
    if scope.cohort is not None:
        first = replace(seen, past=replace(seen.past, first_quarter=home.past.first_quarter))
        cell = _cohort_weights(first, *scope.cohort)
        found |= {name: cell[name] for name in ("cohort_revenue_fen", "cohort_margin_fen")}
    return found


def _customer_listing(
    home: Home,
    weights: dict[str, np.ndarray],
    numerator: Iterable[str],
    denominator: Iterable[str],
) -> Listing:
    nothing = np.zeros(len(home.ids), dtype=np.int64)
    above = sum((weights[name] for name in numerator if name in weights), nothing)
    below = sum((weights[name] for name in denominator if name in weights), nothing)
    frame = pd.DataFrame(
        {
            "customer": home.ids,
            "visits_before": home.past.visits[:, 1],
            "visits_now": home.past.visits[:, 0],
            "value_fen": home.value_fen,
            "above": above,
            "below": below,
        }
    )
    counts = (above != 0) | (below != 0)
    frame = frame[counts].sort_values(["above", "customer"], ascending=[True, True])
    left = int((~counts).sum())
    excluded: dict[Text, int] = {_("home customers whom the figure does not count"): left}
    return Listing("customers", frame, excluded)


def _visit_days(definition: Definition, anchor: Anchor, _scope: Scope) -> list[Listing]:
    visits, _factors = visit_days(anchor.valuation.as_of, stores=[anchor.unit.pk])
    end = pd.Timestamp(anchor.end.replace(day=1))  # the last complete month of a valuation
    inside = (visits["day"] < end) & (visits["day"] >= end - pd.DateOffset(months=1))
    rows = visits[inside]
    found = {
        "month_visits": np.ones(len(rows), dtype=np.int64),
        "month_revenue_fen": np.rint(rows["revenue"].to_numpy(float) * 100).astype(np.int64),
        "month_margin_fen": np.rint(rows["margin"].to_numpy(float) * 100).astype(np.int64),
    }
    (above,) = definition.numerator
    frame = pd.DataFrame(
        {
            "customer": rows["customer"].to_numpy(),
            "day": rows["day"].dt.date.to_numpy(),
            "revenue_fen": found["month_revenue_fen"],
            "margin_fen": found["month_margin_fen"],
            "above": found[above],
            "below": sum((found[name] for name in definition.denominator), 0 * found[above]),
        }
    )
    return [Listing("visit_days", frame.sort_values(["day", "customer"]))]


def _answers(definition: Definition, anchor: Anchor, _scope: Scope) -> list[Listing]:
    frame = reading.surveys(anchor.unit.pk, anchor.end)
    score = frame["score"].astype("int64")
    frame["above"] = (score >= 9).astype("int64") - (score <= 6).astype("int64")
    frame["below"] = 1
    return [Listing("answers", frame)]


def _policies(definition: Definition, anchor: Anchor, _scope: Scope) -> list[Listing]:
    frame = reading.policies(anchor.unit.pk, anchor.end)
    return [Listing("policies", frame.assign(above=frame["renewed"].astype("int64"), below=1))]


def _spend(anchor: Anchor, *, above: bool) -> Listing:
    frame = reading.marketing(anchor.unit.pk, anchor.end)
    amount = frame["amount_fen"].astype("int64")
    return Listing(
        "spend", frame.assign(above=amount if above else 0, below=0 if above else amount)
    )


def _marketing(definition: Definition, anchor: Anchor, _scope: Scope) -> list[Listing]:
    home = _home(anchor)
    new = _customer_listing(home, _weights(home, None), (), ("new",))
    return [_spend(anchor, above=True), new]


def _valued(definition: Definition, anchor: Anchor, _scope: Scope) -> list[Listing]:
    home = _home(anchor)
    weights = _weights(home, None)
    if definition.key == "undiscounted":
        weights["undiscounted_fen"] = records.undiscounted(anchor.valuation.pk, home.ids)
    listing = _customer_listing(home, weights, definition.numerator, definition.denominator)
    if "spend_of_valued_fen" in definition.denominator:
        return [listing, _spend(anchor, above=False)]
    return [listing]


Months = tuple[tuple[str, ...], Sequence[int]]
_LAST, _BEFORE = range(12), range(12, 24)
_REVENUE = ("revenue_fen",)
# Columns (the first less the others) and months back: what goes above the line and what below.
BOOK_PARTS: dict[str, tuple[Months, Months]] = {
    "revenue_growth": ((_REVENUE, _LAST), (_REVENUE, _BEFORE)),
    "organic_growth": ((_REVENUE, _LAST), (_REVENUE, _BEFORE)),
    "cagr_3": ((_REVENUE, _LAST), (_REVENUE, range(36, 48))),
    "cagr_5": ((_REVENUE, _LAST), (_REVENUE, range(60, 72))),
    "gross_margin": ((GROSS, _LAST), (_REVENUE, _LAST)),
    "ebitda_margin": ((EBITDA, _LAST), (_REVENUE, _LAST)),
    "net_margin": ((NET, _LAST), (_REVENUE, _LAST)),
    "roic": ((NET, _LAST), (("capital_fen",), [0])),
    "asset_turnover": ((_REVENUE, _LAST), (("total_assets_fen",), [0, 12])),
    "fixed_asset_turnover": ((_REVENUE, _LAST), (("fixed_assets_fen",), [0, 12])),
}


def _books(definition: Definition, anchor: Anchor, _scope: Scope) -> list[Listing]:
    if definition.key == "absorption":
        frame = reading.absorption(anchor.unit.pk, anchor.end).fillna(0)
        frame["above"] = frame["profit_fen"].astype("int64")
        frame["below"] = frame["fixed_cost_fen"].astype("int64")
        return [Listing("months", frame[["month", "above", "below"]])]
    end = (pd.Timestamp(anchor.end).replace(day=1) - pd.Timedelta(days=1)).date()
    last = month_number(end.year, end.month)
    start = last - REACH + 1
    rows = records.books(dt.date(start // 12, start % 12 + 1, 1), end)
    rows = rows[rows["store"] == anchor.unit.pk]
    if definition.gaps and anchor.counters.get(definition.gaps):
        return [Listing("months", pd.DataFrame(columns=["month", "above", "below"]))]
    table = Ledger.of(rows, [anchor.unit.pk], last, REACH)
    return [Listing("months", _book_months(definition, table, last))]


def _book_months(definition: Definition, ledger: Ledger, last: int) -> pd.DataFrame:
    (above, above_back), (below, below_back) = BOOK_PARTS[definition.key]
    rows: dict[int, list[int]] = {}
    weight = next(iter(definition.numerator.values()))
    for place, columns, months in ((0, above, above_back), (1, below, below_back)):
        for back in months:
            amount = _amount(ledger, columns, last - back)
            if amount is not None:
                line = rows.setdefault(last - back, [0, 0])
                line[place] += amount * (weight if place == 0 else 1)
    lines = [(month_name(number), *rows[number]) for number in sorted(rows)]
    return pd.DataFrame(lines, columns=["month", "above", "below"])


def _amount(ledger: Ledger, columns: Sequence[str], month: int) -> int | None:
    """The first column of the month less the others; None where the books have no row."""
    if columns == ("capital_fen",):
        columns, sign = ("fixed_assets_fen", "working_capital_fen"), 1.0
    else:
        sign = -1.0
    figures = [float(ledger.window(one, month, 1)[0, 0]) for one in columns]
    if np.isnan(figures[0]):
        return None
    return int(figures[0] + sign * float(np.nansum(figures[1:])))


def _inputs(definition: Definition, anchor: Anchor, _scope: Scope) -> list[Listing]:
    newest = (
        MoatInput.objects.filter(unit=anchor.unit, indicator=definition.key, month__lt=anchor.end)
        .order_by("-month", "-pk")
        .values_list("month", "source", "reason", "author", "above", "below")[:1]
    )
    columns = ["month", "source", "reason", "author", "above", "below"]
    frame = pd.DataFrame(list(newest), columns=columns)
    return [Listing("inputs", frame.fillna({"below": 0}))]


LISTERS: dict[str, Lister] = {
    "customers": _customers,
    "visit_days": _visit_days,
    "surveys": _answers,
    "policies": _policies,
    "marketing": _marketing,
    "valued": _valued,
    "books": _books,
    "inputs": _inputs,
}
