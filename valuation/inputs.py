"""The scores that a valuation is made of, read in one pass as binary COPY into arrays.

Every column is cast to eight bytes and none may be null, so that a row has a fixed length and the
whole table is one NumPy view: a million customers in seconds instead of minutes.
"""

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from ml.curves import NODES, CurveMap
from ml.lifetime_value import alive_months
from ml.models import ModelVersion
from valuation.cash_flows import CustomerCurves
from valuation.peers import ALWAYS, NEVER, Cars
from valuation.pool_flows import CurveMaps

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

INTEGERS = {
    "customer": "customer_id",
    "store": "store_id",
    "fit": "fit_id",
    "organisation": "(segment = 'organisation')::int",
    "population": "in_churn_population::int",
    "frequency": "frequency",
    "recency_days": "recency_days",
    "age_days": "age_days",
    "cap_month": "cap_month",
}
FLOATS = {
    "p_alive": "p_alive",
    **{f"visits_{i}": f"visits_at_nodes[{i}]" for i in range(1, NODES + 1)},
    **{f"alive_{i}": f"alive_at_nodes[{i}]" for i in range(1, NODES + 1)},
    "anchor_first": "anchor_first",
    "anchor_later": "anchor_later",
    "revenue_per_visit": "revenue_per_visit",
    "margin_per_visit": "margin_per_visit",
    "accident_revenue": "accident_revenue",
    "accident_margin": "accident_margin",
}
_QUERY = "copy (select {columns} from ml_score where score_set_id = {score_set} order by customer_id) to stdout (format binary)"  # noqa: E501
_SIGNATURE = b"PGCOPY\n\xff\r\n\x00"
_HEADER, _TRAILER = 19, 2


@dataclass(frozen=True)
class Scores:
    """N customers in the order of their id; ``columns`` by the names of INTEGERS and FLOATS.

    ``digest``: SHA-256 over all of it.
    """

    columns: dict[str, NDArray[Any]]
    digest: str

    def __len__(self) -> int:
        return len(self.columns["customer"])

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self.columns[name]

    @property
    def visits(self) -> Floats:
        """Expected visits at the nodes, (N, 8)."""
        return np.column_stack([self[f"visits_{i}"] for i in range(1, NODES + 1)])

    @property
    def alive(self) -> Floats:
        """P(alive) today and at the nodes, (N, 9)."""
        nodes = [self[f"alive_{i}"] for i in range(1, NODES + 1)]
        return np.column_stack([self["p_alive"], *nodes])


def binary_row(columns: dict[str, str]) -> np.dtype[Any]:
    """One row of binary COPY whose fields all have eight bytes; ``columns``: name → f8 or i8."""
    parts: list[tuple[str, str]] = [("fields", ">i2")]
    for name, kind in columns.items():
        parts += [(f"#{name}", ">i4"), (name, f">{kind}")]
    return np.dtype(parts)


def read_binary(query: str, kinds: dict[str, str]) -> NDArray[Any]:
    """The rows of a ``copy … (format binary)`` whose fields all have eight bytes, as one view.

    Raises ``ValueError`` where a field is missing.
    """
    table, _digest = _read_binary(query, kinds)
    return table


def _read_binary(query: str, kinds: dict[str, str]) -> tuple[NDArray[Any], str]:
    buffer = bytearray()
    with connection.cursor() as cursor, cursor.copy(query) as copy:
        for block in copy:
            buffer += block
    row = binary_row(kinds)
    body = len(buffer) - _HEADER - _TRAILER
    if not buffer.startswith(_SIGNATURE) or body % row.itemsize:
        raise ValueError("a field is missing")
    table = np.frombuffer(buffer, dtype=row, count=body // row.itemsize, offset=_HEADER)
    for name in kinds:
        if (table[f"#{name}"] != 8).any():
            raise ValueError(f"{name} is missing")
    return table, hashlib.sha256(buffer).hexdigest()


_CARS = f"""
copy (select o.customer_id::bigint,
    (coalesce(v.built_on, o.sold_on, o.owned_from) - date '1970-01-01')::bigint,
    coalesce(coalesce(o.owned_from, o.sold_on) - date '1970-01-01', {ALWAYS})::bigint,
    coalesce(o.owned_to - date '1970-01-01', {NEVER})::bigint
from customers_ownership o join customers_vehicle v on v.id = o.vehicle_id
where coalesce(v.built_on, o.sold_on, o.owned_from) is not null) to stdout (format binary)
"""  # noqa: S608


def read_cars() -> Cars:
    """Every car that somebody holds or held, inside an entered access."""
    names = ("customer", "born", "since", "until")
    table = read_binary(_CARS, dict.fromkeys(names, "i8"))
    return Cars(*(np.ascontiguousarray(table[name], dtype="=i8") for name in names))


def read_scores(score_set_id: int) -> Scores:
    """The scores of one set, inside an entered access.

    Raises ``ValueError`` where a value is missing or not finite.
    """
    kinds = dict.fromkeys(INTEGERS, "i8") | dict.fromkeys(FLOATS, "f8")
    columns = [f"({sql})::bigint" for sql in INTEGERS.values()]
    columns += [f"({sql})::float8" for sql in FLOATS.values()]
    query = _QUERY.format(columns=", ".join(columns), score_set=int(score_set_id))
    try:
        table, digest = _read_binary(query, kinds)
    except ValueError as missing:
        raise ValueError(f"score set {score_set_id}: {missing} in some score") from missing
    found = {
        name: np.ascontiguousarray(table[name], dtype="=f8" if name in FLOATS else "=i8")
        for name in kinds
    }
    for name in FLOATS:
        if not np.isfinite(found[name]).all():
            raise ValueError(f"score set {score_set_id}: {name} is not a number for some customer")
    return Scores(found, digest)


@dataclass(frozen=True)
class Fits:
    """The fits that scores refer to: ``ids`` in the order of ``maps``, with their parameters."""

    ids: list[int]
    curve_maps: list[CurveMap]
    parameters: list[dict[str, Any]]
    statuses: list[str]
    converged: list[bool]

    def index(self, fit: Integers) -> Integers:
        """Position of each fit id, shape as given."""
        order = np.argsort(self.ids)
        return np.asarray(order[np.searchsorted(np.asarray(self.ids)[order], fit)], dtype=np.int64)

    @property
    def maps(self) -> CurveMaps:
        """Visits and P(alive) by month: the alive line is the mean of a month's two ends."""
        return CurveMaps(
            visits=np.stack([one.cumulative for one in self.curve_maps]),
            alive=np.stack([alive_months(one) for one in self.curve_maps]),
        )


def read_fits(scores: Scores) -> Fits:
    """The model versions of all fits used.

    Raises ``ValueError`` if a fit is gone or its horizon differs from the others'.
    """
    wanted = [int(one) for one in np.unique(scores["fit"])]
    versions = {one.pk: one for one in ModelVersion.objects.filter(pk__in=wanted).defer("file")}
    missing = [one for one in wanted if one not in versions]
    if missing:
        raise ValueError(f"the models {missing} that scores refer to are not there")
    rows = [versions[one] for one in wanted]
    maps = [CurveMap.from_dict(row.parameters["map"]) for row in rows]
    if len({one.months for one in maps}) > 1:
        raise ValueError("the fits of one score set must have the same horizon")
    return Fits(
        wanted,
        maps,
        [row.parameters for row in rows],
        [row.status for row in rows],
        [row.converged for row in rows],
    )


def customer_curves(
    scores: Scores, fits: Fits, group: Integers, regime: Integers
) -> CustomerCurves:
    """Rows for :mod:`valuation.cash_flows`."""
    return CustomerCurves(
        expected=scores.visits,
        alive=scores.alive,
        curve=fits.index(scores["fit"]),
        cap_month=scores["cap_month"],
        anchor=np.column_stack([scores["anchor_first"], scores["anchor_later"]]),
        revenue_per_visit=scores["revenue_per_visit"],
        margin_per_visit=scores["margin_per_visit"],
        accident_revenue=scores["accident_revenue"],
        accident_margin=scores["accident_margin"],
        group=group,
        regime=regime,
    )
