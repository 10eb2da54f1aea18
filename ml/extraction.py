"""From the group's records to the frames that models are made of.

One query a topic, fetched as CSV through COPY (visit days in binary: :mod:`ml.visit_rows`). A
credit nets its original, on the original's day, whenever it was written: an as-of date looks at
what happened before it with today's corrections. Cancelled orders, internal and pre-delivery
work, test customers, insurers and the group's own entries are left out.
"""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from django.db import connection

from customers.margins import scaled_margin
from ml.records import Records
from ml.remarks import Remark
from ml.visit_rows import read_visit_days
from organization.access import current_access
from organization.models import Tenant

LEFT_OUT = """select id from customers_customer
    where is_test or kind in ('insurer', 'internal')"""

CUSTOMERS = """
select c.id as customer, c.kind, c.home_store_id as store, min(s.distance_km) as distance_km
from customers_customer c join customers_customersource s on s.customer_id = c.id
where not c.is_test and c.kind not in ('insurer', 'internal') group by 1
"""

VEHICLES = """
select o.customer_id as customer, o.store_id as store, o.vehicle_id as vehicle,
    o.owned_from, o.owned_to, o.sold_on, v.built_on, v.warranty_until,
    coalesce(v.extended_warranty, false)::int as extended_warranty, v.service_interval_days,
    v.service_interval_km, o.km_at_sale, v.model, v.energy
from customers_ownership o join customers_vehicle v on v.id = o.vehicle_id
where coalesce(o.owned_from, o.sold_on, {as_of} - 1) < {as_of}
    and o.customer_id not in ({left_out})
"""

DECLINED = """
select v.customer_id as customer, v.day, count(*) as declined
from customers_visitline l join customers_visit v on v.id = l.visit_id
where l.declined and v.day < {as_of} group by 1, 2
"""

SURVEYS = """
select customer_id as customer, (answered_at at time zone '{zone}')::date as day, score
from customers_survey where customer_id is not null and score is not null
    and answered_at is not null and answered_at < {as_of}::timestamp at time zone '{zone}'
"""

EVENTS = """
select customer_id as customer, day, kind from customers_event
where customer_id is not null and day < {as_of}
    and kind in ('complaint', 'no_show', 'recall_notice')
"""

CONTRACTS = """
select customer_id as customer, type, starts_on, ends_on from customers_contract
where coalesce(starts_on, {as_of}) < {as_of} and coalesce(status, '') <> 'cancelled'
"""

POLICIES = """
select unit_id as division, model, valid_from, service_interval_days, service_interval_km,
    first_service_days, first_service_km, margin_rate_fallback
from customers_brandpolicy order by valid_from
"""

LEDGER = """
select unit_id as store, month, revenue_fen as revenue,
    revenue_fen - coalesce(parts_cost_fen, 0) - coalesce(labour_cost_fen, 0)
        - coalesce(site_cost_fen, 0) as margin
from customers_monthlyfinancials where scope = 'after_sales' and month < {as_of}
    and revenue_fen > 0 and parts_cost_fen is not null
"""

READINGS = """
select vehicle_id, day, max(mileage_km) as km,
    max((kind in ('maintenance', 'first_service'))::int) as maintenance
from customers_visit where vehicle_id is not null and status in ('open', 'closed')
    and day < {as_of} group by 1, 2
"""

UNITS = "select id as unit, code, level, path from organization_unit"


class NotEnoughData(Exception):
    """There is nothing to learn from; the message says what is lacking."""


@dataclass(frozen=True)
class Extract:
    """The frames of one group as of a day.

    ``records``: see :class:`ml.records.Records`; its ``customers`` frame also carries ``store``
    (home store as of the day, unit id) and ``kind``. ``margin_factors``: per store and month, the
    factor that scales repair-order margin to the ledger's, with both sides. ``readings``: one row
    a vehicle and visit day: ``vehicle_id, day, km, maintenance``. ``policies``: see POLICIES.
    """

    as_of: date
    records: Records
    margin_factors: pd.DataFrame
    readings: pd.DataFrame
    policies: pd.DataFrame


def _fetch(query: str, as_of: date, dates: tuple[str, ...] = ()) -> pd.DataFrame:
    literal = f"date '{as_of:%Y-%m-%d}'"
    text = query.replace("{left_out}", LEFT_OUT).replace("{as_of}", literal)
    if "{zone}" in text:
        text = text.replace("{zone}", _time_zone())
    # Millions of rows are hundreds of MB of text: on disk, since memory holds the frame.
    with tempfile.TemporaryFile() as buffer:
        with (
            connection.cursor() as cursor,
            cursor.copy(f"copy ({text}) to stdout (format csv, header)") as copy,
        ):
            for block in copy:
                buffer.write(block)
        buffer.seek(0)
        frame = pd.read_csv(buffer)
    for name in dates:
        frame[name] = pd.to_datetime(frame[name], format="%Y-%m-%d").astype("datetime64[s]")
    return frame


def _time_zone() -> str:
    """The group's; a survey's answer has an instant, and its day is the group's own.

    ``ZoneInfo`` refuses any name that is none, so nothing else can reach the query.
    """
    return ZoneInfo(Tenant.objects.get(pk=current_access().tenant_id).time_zone).key


def extract(as_of: date) -> Extract:
    """Read the frames inside the entered access context.

    Raises:
        NotEnoughData: no customer was born before ``as_of``.
    """
    current_access()
    visits = read_visit_days(as_of)
    customers = _fetch(CUSTOMERS, as_of)
    vehicles = _fetch(
        VEHICLES,
        as_of,
        ("owned_from", "owned_to", "sold_on", "built_on", "warranty_until"),
    )
    if visits.empty and vehicles["sold_on"].isna().all():
        raise NotEnoughData(Remark("nobody_born", day=as_of))
    divisions = _divisions(_fetch(UNITS, as_of))
    policies = _fetch(POLICIES, as_of, ("valid_from",))
    visits, factors = _with_margin(visits, divisions, policies, as_of)
    customers = _born(customers, visits, vehicles)
    customers["store"] = home_stores(customers, visits, vehicles, as_of)
    customers["division"] = divisions["division_code"].reindex(customers["store"]).to_numpy()
    customers["segment"] = np.where(
        customers["kind"].isin(["person", "employee"]), "person", "organisation"
    )
    declined = _fetch(DECLINED, as_of, ("day",))
    visits = visits.merge(declined, on=["customer", "day"], how="left")
    visits["declined"] = visits["declined"].astype(float).fillna(0.0)
    records = Records(
        customers=customers.set_index("customer").sort_index(),
        purchases=vehicles.loc[vehicles["sold_on"].notna(), ["customer", "sold_on"]]
        .rename(columns={"sold_on": "day"})
        .query("day < @cut", local_dict={"cut": pd.Timestamp(as_of)}),
        vehicles=_with_intervals(vehicles, divisions, policies),
        visit_days=visits,
        surveys=_fetch(SURVEYS, as_of, ("day",)),
        events=_fetch(EVENTS, as_of, ("day",)),
        contracts=_fetch(CONTRACTS, as_of, ("starts_on", "ends_on")),
    )
    return Extract(as_of, records, factors, _fetch(READINGS, as_of, ("day",)), policies)


def visit_days(
    as_of: date,
    *,
    customers: Sequence[int] | None = None,
    stores: Sequence[int] | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The visit days that models learn from, and the margin factors, as in :class:`Extract`.

    One row per customer, day and store (``customer, day, store``) with ``revenue, margin,
    accident_revenue, accident_margin`` in yuan net of VAT, credits netted. ``customers`` or
    ``stores``: of these ids alone. The margin of some customers' rows is not that of the whole:
    orders are scaled by all rows of their store; that of some stores is.
    """
    current_access()
    divisions = _divisions(_fetch(UNITS, as_of))
    policies = _fetch(POLICIES, as_of, ("valid_from",))
    wanted = [
        f"v.{column} = any(array[{','.join(str(int(one)) for one in ids)}]::bigint[])"
        for column, ids in (("customer_id", customers), ("store_id", stores))
        if ids is not None
    ]
    rows = read_visit_days(as_of, " and ".join(wanted) or "true")
    return _with_margin(rows, divisions, policies, as_of)


def _with_margin(
    visits: pd.DataFrame, divisions: pd.DataFrame, policies: pd.DataFrame, as_of: date
) -> tuple[pd.DataFrame, pd.DataFrame]:
    ledger = _fetch(LEDGER, as_of, ("month",))
    return scaled_margin(visits, ledger, _fallback_rates(visits, divisions, policies))


def _born(customers: pd.DataFrame, visits: pd.DataFrame, vehicles: pd.DataFrame) -> pd.DataFrame:
    """Customers with a purchase or a visit day before the cut."""
    bought = vehicles.loc[vehicles["sold_on"].notna(), "customer"]
    known = pd.concat([visits["customer"], bought]).unique()
    return customers[customers["customer"].isin(known)].copy()


def _divisions(units: pd.DataFrame) -> pd.DataFrame:
    """Per store (index): ``division`` id and ``division_code``, the group's where it has none."""
    by_id = units.set_index("unit")
    rows = {}
    for store, path in by_id.loc[by_id["level"] == "store", "path"].items():
        above = [int(part) for part in str(path).strip("{}").split(",")]
        found = [unit for unit in above if by_id.at[unit, "level"] == "division"] or above[:1]
        rows[store] = (found[0], by_id.at[found[0], "code"])
    return pd.DataFrame.from_dict(rows, orient="index", columns=["division", "division_code"])


def _fallback_rates(
    visits: pd.DataFrame, divisions: pd.DataFrame, policies: pd.DataFrame
) -> pd.Series:
    """Declared margin rate per store, NaN where its division declares none."""
    rates = (
        policies.dropna(subset=["margin_rate_fallback"])
        .groupby("division")["margin_rate_fallback"]
        .last()
    )
    return divisions["division"].map(rates).astype(float)


def _with_intervals(
    vehicles: pd.DataFrame, divisions: pd.DataFrame, policies: pd.DataFrame
) -> pd.DataFrame:
    """Service intervals: the vehicle's own, else the model's policy, else the division's."""
    general = policies[policies["model"].isna()].groupby("division").last()
    by_model = policies[policies["model"].notna()].groupby(["division", "model"]).last()
    frame = vehicles.copy()
    frame["division"] = divisions["division"].reindex(frame["store"]).to_numpy()
    keys = pd.MultiIndex.from_frame(frame[["division", "model"]])
    for name in ("service_interval_days", "service_interval_km"):
        value = frame[name].astype(float)
        if not by_model.empty:
            value = value.fillna(
                pd.Series(by_model[name].reindex(keys).to_numpy(), index=frame.index)
            )
        frame[name] = value.fillna(frame["division"].map(general[name].astype(float)))
    frame["extended_warranty"] = frame["extended_warranty"].astype(bool)
    frame["km_at_sale"] = frame["km_at_sale"].astype(float)
    return frame


def home_stores(
    customers: pd.DataFrame, visits: pd.DataFrame, vehicles: pd.DataFrame, as_of: date
) -> np.ndarray:
    """The store at which each customer counts as of the day, shape (n,), unit ids.

    Most margin in the last 24 months, then the store seen last, then the seller, then the store
    that the record names.
    """
    recent = visits[visits["day"] >= pd.Timestamp(as_of) - pd.DateOffset(months=24)]
    margin = recent.groupby(["customer", "store"], as_index=False)["margin"].sum()
    margin = margin.sort_values(["customer", "margin", "store"], ascending=[True, False, True])
    best = margin.drop_duplicates("customer").set_index("customer")["store"]
    seen = visits.sort_values(["day", "store"]).groupby("customer")["store"].last()
    sold = vehicles[vehicles["sold_on"].notna()].sort_values("sold_on")
    seller = sold.groupby("customer")["store"].last()
    index = pd.Index(customers["customer"])
    home = best.reindex(index)
    for other in (seen, seller):
        home = home.fillna(other.reindex(index))
    return np.asarray(
        home.fillna(pd.Series(customers["store"].to_numpy(), index=index)).to_numpy(dtype=np.int64)
    )
