"""A seeded sample of valued customers with every input of their values and where it is from.

Read for the sampled customers alone, whatever the size of the population: its order is worked out
by the database, and nothing but the sample is held here.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from django.db import connection
from django.utils.translation import gettext as _

from ml.models import ModelVersion
from organization.access import current_access
from valuation.archive import SCALARS
from valuation.models import Valuation

FieldKind = Literal["money", "count", "date", "figure"]
SHOWN_ORDERS = 12
NODES = 8

POPULATION = """
select count(*), coalesce(sum(value_fen), 0)::bigint from valuation_valuedcustomer
where valuation_id = %(valuation)s and store_id = any(%(stores)s)
"""
SAMPLE = """
select t.pseudonym::text, u.code, t.segment, t.first_quarter, t.value_fen, t.undiscounted_fen,
    t.scalars, p.customer_id
from (
    select c.*, row_number() over (order by c.pseudonym) - 1 as place
    from valuation_valuedcustomer c
    where c.valuation_id = %(valuation)s and c.store_id = any(%(stores)s)
) t join organization_unit u on u.id = t.store_id
left join valuation_pseudonym p on p.pseudonym = t.pseudonym
where t.place = any(%(places)s::bigint[]) order by t.place
"""
ORDERS = """
select v.customer_id, u.code, v.ro_no, v.day, v.status, v.pay_customer_fen, v.pay_insurance_fen,
    v.pay_warranty_fen, v.cost_fen, v.original_ro_no
from customers_visit v join organization_unit u on u.id = v.store_id
where v.customer_id = any(%(customers)s) and v.day < %(as_of)s
order by v.customer_id, v.day, v.ro_no
"""
SCORES = """
select customer_id, fit_id, frequency, recency_days, age_days, born_on, p_alive, visits_at_nodes,
    alive_at_nodes, anchor_first, anchor_later, cap_month, revenue_per_visit, margin_per_visit,
    accident_revenue, accident_margin
from ml_score where score_set_id = %(score_set)s and customer_id = any(%(customers)s)
"""


def drawn(population: int, size: int, seed: int) -> list[int]:
    """Positions of a simple random sample without replacement, ascending; the same for a seed.

    PCG64 as NumPy defines it, so that an auditor can draw it again without this product.
    """
    generator = np.random.Generator(np.random.PCG64(seed))
    chosen = generator.choice(population, size=min(size, population), replace=False)
    return sorted(int(one) for one in chosen)


@dataclass(frozen=True)
class Order:
    """One repair order of a sampled customer; money in yuan as delivered, net of VAT."""

    number: int
    pseudonym: str
    store: str
    ro_no: str
    day: dt.date
    status: str
    customer: float
    insurer: float
    manufacturer: float
    cost: float | None
    credits: str


@dataclass(frozen=True)
class Field:
    """A valued input: ``value`` is the product's (dates as dates, money in yuan), ``source`` names
    the document or record to hold it against."""

    group: str
    label: str
    value: float | int | dt.date | None
    kind: FieldKind
    source: str


@dataclass(frozen=True)
class Sampled:
    """One valued customer: pseudonym, store code, segment, cohort, values in fen, scalars."""

    number: int
    pseudonym: str
    store: str
    segment: str
    first_quarter: str
    value_fen: int
    undiscounted_fen: int
    scalars: Sequence[float]
    fields: Sequence[Field] = ()
    orders: Sequence[Order] = ()


@dataclass(frozen=True)
class Population:
    customers: int
    value_fen: int


@dataclass(frozen=True)
class Terms:
    """Assumptions that every customer of the valuation has."""

    version: int
    service_cost_rate: float
    retention_cost_per_month: float
    discount_rate: float
    sources: Mapping[str, str] = field(default_factory=dict)


def population_of(valuation: Valuation, stores: Sequence[int]) -> Population:
    """How many customers there are to draw from, and what they are worth."""
    row = _rows(POPULATION, valuation=valuation.pk, stores=list(stores))[0]
    return Population(int(row[0]), int(row[1]))


def read_sample(
    valuation: Valuation, stores: Sequence[int], places: Sequence[int], terms: Terms
) -> list[Sampled]:
    """The customers at ``places`` in the order of their pseudonyms, with fields and orders."""
    rows = _rows(SAMPLE, valuation=valuation.pk, stores=list(stores), places=list(places))
    customers = [row[7] for row in rows if row[7] is not None]
    orders = _orders(valuation, customers)
    scores = _scores(valuation, customers)
    fits = ModelVersion.objects.in_bulk({one["fit_id"] for one in scores.values()})
    found = []
    for number, row in enumerate(rows, start=1):
        pseudonym, store, segment, quarter, value, whole, scalars, customer = row
        own = [Order(number, pseudonym, *_order(one)) for one in orders.get(customer, [])]
        score = scores.get(customer)
        fit = fits.get(score["fit_id"]) if score else None
        sampled = Sampled(
            *(number, pseudonym, store, segment, quarter, int(value), int(whole), scalars),
            orders=own,
        )
        fields = [
            *_counted(own, customer is None),
            *_modelled(score, fit),
            *_valued(sampled, terms),
        ]
        found.append(Sampled(**{**vars(sampled), "fields": fields}))
    return found


def _rows(query: str, **values: Any) -> list[tuple[Any, ...]]:
    current_access()
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return cursor.fetchall()


def _orders(valuation: Valuation, customers: list[int]) -> dict[int, list[tuple[Any, ...]]]:
    found: dict[int, list[tuple[Any, ...]]] = {}
    for row in _rows(ORDERS, customers=customers, as_of=valuation.as_of):
        found.setdefault(row[0], []).append(row[1:])
    return found


def _order(row: tuple[Any, ...]) -> tuple[Any, ...]:
    store, ro_no, day, status, customer, insurer, maker, cost, original = row
    yuan = [None if fen is None else fen / 100 for fen in (customer, insurer, maker, cost)]
    return (store, ro_no, day, status, *yuan, original)


def _scores(valuation: Valuation, customers: list[int]) -> dict[int, dict[str, Any]]:
    rows = _rows(SCORES, score_set=valuation.score_set_id, customers=customers)
    names = (
        *("customer_id", "fit_id", "frequency", "recency_days", "age_days", "born_on", "p_alive"),
        *("visits_at_nodes", "alive_at_nodes", "anchor_first", "anchor_later", "cap_month"),
        *("revenue_per_visit", "margin_per_visit", "accident_revenue", "accident_margin"),
    )
    return {row[0]: dict(zip(names, row, strict=True)) for row in rows}


def _counted(orders: Sequence[Order], erased: bool) -> list[Field]:
    """What the repair orders say: visit days, first and last, revenue by payer."""
    group = _("Repair orders")
    if erased:
        return [Field(group, _("erased since: only the figures are left"), None, "count", "")]
    live = [one for one in orders if one.status in ("open", "closed")]
    credited: dict[tuple[str, str], list[float]] = {}
    for one in orders:
        if one.status == "credit" and one.credits:
            held = credited.setdefault((one.store, one.credits), [0.0, 0.0, 0.0])
            for place, amount in enumerate((one.customer, one.insurer, one.manufacturer)):
                held[place] += abs(amount)
    net = {
        one: [
            amount - taken
            for amount, taken in zip(
                (one.customer, one.insurer, one.manufacturer),
                credited.get((one.store, one.ro_no), (0.0, 0.0, 0.0)),
                strict=True,
            )
        ]
        for one in live
    }
    paid = [one for one in live if sum(net[one]) > 0]
    days = sorted({one.day for one in paid})
    cost = [one.cost for one in paid if one.cost is not None]
    listed = _listed(paid)
    sums = [sum(net[one][place] for one in paid) for place in range(3)]
    return [
        Field(group, _("Visit days counted"), len(days), "count", listed),
        Field(group, _("First visit day"), days[0] if days else None, "date", _of(paid[:1])),
        Field(group, _("Last visit day"), days[-1] if days else None, "date", _of(paid[-1:])),
        Field(group, _("Revenue from the customer"), sums[0], "money", listed),
        Field(group, _("Revenue from insurers"), sums[1], "money", listed),
        Field(group, _("Revenue from manufacturers"), sums[2], "money", listed),
        Field(group, _("Cost of the orders"), sum(cost) if cost else None, "money", listed),
    ]


def _listed(orders: Sequence[Order]) -> str:
    names = [f"{one.store} {one.ro_no}" for one in orders]
    more = len(names) - SHOWN_ORDERS
    text = ", ".join(names[:SHOWN_ORDERS])
    return text + (" " + _("and %(count)s more") % {"count": more} if more > 0 else "")


def _of(orders: Sequence[Order]) -> str:
    return f"{orders[0].store} {orders[0].ro_no}" if orders else ""


def _modelled(score: Mapping[str, Any] | None, fit: ModelVersion | None) -> list[Field]:
    """The history that the model saw, its parameters, and what it expects at the nodes."""
    if score is None:
        return []
    group = _("History as the model saw it")
    records = _("repair orders and purchases")
    found = [
        Field(group, _("Born on (first purchase or visit)"), score["born_on"], "date", records),
        Field(group, _("Repeat visit days x"), score["frequency"], "count", records),
        Field(group, _("Recency t_x, days"), score["recency_days"], "count", records),
        Field(group, _("Age T, days"), score["age_days"], "count", records),
    ]
    model = _("Model")
    if fit is not None:
        chosen = fit.parameters["chosen"]
        name = f"{chosen['model']} · {fit.name} {fit.version}"
        found += [
            Field(model, _("Parameter %(name)s") % {"name": key}, float(value), "figure", name)
            for key, value in chosen["params"].items()
            if isinstance(value, int | float) and not isinstance(value, bool)
        ]
        source = f"{fit.name} {fit.version}"
    else:
        source = ""
    found.append(Field(model, _("P(alive) at the date"), score["p_alive"], "figure", source))
    for place in range(NODES):
        label = _("Expected visits up to node %(number)s") % {"number": place + 1}
        value = float(score["visits_at_nodes"][place])
        found.append(Field(model, label, value, "figure", source))
    for place in range(NODES):
        label = _("P(alive) at node %(number)s") % {"number": place + 1}
        found.append(Field(model, label, float(score["alive_at_nodes"][place]), "figure", source))
    flows = {
        "anchor_first": _("Anchor factor, first year"),
        "anchor_later": _("Anchor factor, later"),
        "revenue_per_visit": _("Revenue a visit"),
        "accident_revenue": _("Accident revenue a month alive"),
    }
    for key, label in flows.items():
        kind: FieldKind = "figure" if key.startswith("anchor") else "money"
        found.append(Field(model, label, float(score[key]), kind, source))
    return found


def _valued(one: Sampled, terms: Terms) -> list[Field]:
    """From the expected visits to the value: what is summed, at which rates, by stream."""
    named = dict(zip(SCALARS, one.scalars, strict=True))
    group = _("Value")
    version = _("assumption set v%(number)s") % {"number": terms.version}
    recomputed = _("sheet “Sample”, recomputed by formulas")
    accident = (
        named["discounted_months"]
        * named["accident_margin_per_month"]
        * (1.0 - terms.service_cost_rate)
    )
    company = one.segment == "organisation"
    streams = {
        _("Value of regular work"): 0.0 if company else one.value_fen / 100 - accident,
        _("Value of accident work"): 0.0 if company else accident,
        _("Value of a fleet or company"): one.value_fen / 100 if company else 0.0,
    }
    return [
        Field(
            group, _("Margin a visit"), named["margin_per_visit"], "money", _("orders and books")
        ),
        Field(
            group,
            _("Accident margin a month alive"),
            named["accident_margin_per_month"],
            "money",
            _("orders and books"),
        ),
        Field(group, _("Last month of the vehicle"), int(named["cap_month"]), "count", ""),
        Field(group, _("Visits over the horizon"), named["visits"], "figure", recomputed),
        Field(group, _("Visits, discounted"), named["discounted_visits"], "figure", recomputed),
        Field(group, _("Months alive"), named["months"], "figure", recomputed),
        Field(
            group, _("Months alive, discounted"), named["discounted_months"], "figure", recomputed
        ),
        Field(group, _("Discount rate a year"), terms.discount_rate, "figure", version),
        Field(
            group, _("Service cost, share of margin"), terms.service_cost_rate, "figure", version
        ),
        Field(
            group,
            _("Retention cost a month, yuan"),
            terms.retention_cost_per_month,
            "money",
            version,
        ),
        *(Field(group, label, amount, "money", recomputed) for label, amount in streams.items()),
        Field(group, _("Value, yuan"), one.value_fen / 100, "money", recomputed),
        Field(group, _("Undiscounted, yuan"), one.undiscounted_fen / 100, "money", recomputed),
    ]
