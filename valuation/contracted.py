"""Flows that rest on contracts, apart from the expected ones: prepaid work, renewals, warranties.

**Prepaid** packages and stored value: the money is in; what is left of it is a liability that work
releases. Balances are released evenly up to the contract's end. Shown are liability, the cost of
the work still owed, and the margin that its release recognises, all discounted; visits that
packages pay for are in the expected flows already, so nothing of this is added to the value.

**Insurance renewals**: policies in force, renewed each year with the store's measured probability,
bring the store's mean commission: sum over years j of rho^j x commission at the policy's end. The
probability contains survival.

**Extended warranties**: when a vehicle's warranty ends, the store sells one with the probability
measured in the last year, to customers who are still alive then.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from organization.access import current_access
from valuation.books import years_back
from valuation.refusals import gettext_noop
from valuation.rounding import to_fen

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

UNKNOWN_MONTHS = 24
"""Over how many months a balance without an end is released."""

LABELS = {
    "prepaid_liability": gettext_noop("Prepaid packages and stored value: liability"),
    "prepaid_cost": gettext_noop("Prepaid: cost of the work owed"),
    "prepaid_margin": gettext_noop("Prepaid: margin on release, net of the liability"),
    "renewals": gettext_noop("Commission on insurance renewals"),
    "warranties": gettext_noop("Commission on extended warranties"),
}
_MONTHS_TO = "greatest(ceil(({column} - %(as_of)s::date) / 30.4375), 1)::int"
_PREPAID = f"""
select store_id, least(coalesce({_MONTHS_TO.format(column="ends_on")}, {UNKNOWN_MONTHS}), %(last)s),
    count(*), sum(balance_fen)::bigint
from customers_contract where type in ('package', 'stored_value') and balance_fen > 0
    and coalesce(status, '') <> 'cancelled' and coalesce(starts_on, %(year)s) < %(as_of)s
    and coalesce(ends_on, %(as_of)s) >= %(as_of)s group by 1, 2
"""  # noqa: S608
_POLICIES = f"""
select store_id, {_MONTHS_TO.format(column="ends_on")}, count(*)
from customers_contract where type = 'insurance' and coalesce(status, '') <> 'cancelled'
    and coalesce(starts_on, %(year)s) < %(as_of)s and ends_on >= %(as_of)s
    and ends_on < %(as_of)s::date + 400 group by 1, 2
"""  # noqa: S608
_COMMISSIONS = """
select store_id, avg(commission_fen) filter (where type = 'insurance'),
    avg(coalesce(commission_fen, price_fen - cost_fen)) filter (where type = 'extended_warranty'),
    count(*) filter (where type = 'extended_warranty' and starts_on >= %(year)s)
from customers_contract where type in ('insurance', 'extended_warranty')
    and coalesce(status, '') <> 'cancelled' and starts_on < %(as_of)s
    and starts_on >= %(year)s::date - 365 group by 1
"""
_WARRANTIES = f"""
select o.store_id, case when v.warranty_until < %(as_of)s then 0
    else {_MONTHS_TO.format(column="v.warranty_until")} end, count(*)
from customers_ownership o join customers_vehicle v on v.id = o.vehicle_id
where v.warranty_until >= %(year)s and v.warranty_until < %(as_of)s::date + %(last)s * 31
    and coalesce(o.owned_to, 'infinity') > %(as_of)s group by 1, 2
"""  # noqa: S608


@dataclass(frozen=True)
class ContractBook:
    """Counts by store (S, M) of months 1..M and (S,): see the module's text.

    ``warranty_rate`` and ``renewal_rate`` are 0 where nothing is measured.
    """

    balance_fen: Integers
    contracts: Integers
    policies: Integers
    ending_warranties: Integers
    renewal_rate: Floats
    renewal_fen: Floats
    warranty_rate: Floats
    warranty_fen: Floats


def read_book(
    stores: Sequence[int], as_of: dt.date, months: int, renewal_rate: Floats
) -> ContractBook:
    """Contracts in force on the day, by position in ``stores``; inside an entered access."""
    current_access()
    position = {store: i for i, store in enumerate(stores)}
    values = {"as_of": as_of, "year": years_back(as_of, 1), "last": months}
    shape = (len(stores), months)
    balance, policies = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    ending = np.zeros((len(stores), months + 1), np.int64)
    contracts = np.zeros(len(stores), np.int64)
    renewal, warranty, sold = (np.zeros(len(stores)) for _ in range(3))
    for store, month, count, amount in _rows(_PREPAID, values):
        if store in position:
            contracts[position[store]] += count
            # The rest of the division goes to the first months, so that the balance is whole.
            even, rest = divmod(int(amount), month)
            balance[position[store], :month] += even
            balance[position[store], :rest] += 1
    for store, month, count in _rows(_POLICIES, values):
        if store in position and month <= months:
            policies[position[store], month - 1] += count
    for store, month, count in _rows(_WARRANTIES, values):
        if store in position and month <= months:
            ending[position[store], month] += count
    for store, insurance, extended, count in _rows(_COMMISSIONS, values):
        if store in position:
            renewal[position[store]] = float(insurance or 0)
            warranty[position[store]] = max(float(extended or 0), 0.0)
            sold[position[store]] = count
    ended = ending[:, 0]
    rate = np.divide(sold, ended, out=np.zeros(len(stores)), where=ended > 0).clip(max=1.0)
    return ContractBook(
        *(balance, contracts, policies, ending[:, 1:], renewal_rate, renewal, rate, warranty)
    )


def _rows(query: str, values: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return cursor.fetchall()


def contracted(
    book: ContractBook, discount: Floats, alive: Floats, margin_rate: Floats
) -> dict[str, Integers]:
    """Present values in fen by store (S,), by the keys of LABELS, and counts.

    ``discount`` (S, M); ``alive`` (S, M) customers at month ends, of which only the decline from
    month to month counts; ``margin_rate`` (S,) of output.
    """
    released = book.balance_fen * discount
    left = alive / np.maximum(alive[:, :1], 1e-12)
    warranties = (
        (book.ending_warranties * left * discount).sum(axis=1)
        * book.warranty_rate
        * book.warranty_fen
    )
    return {
        "prepaid_contracts": book.contracts,
        "prepaid_liability": book.balance_fen.sum(axis=1),
        "prepaid_cost": to_fen(released.sum(axis=1) * (1 - margin_rate) / 100),
        "prepaid_margin": to_fen(released.sum(axis=1) * margin_rate / 100),
        "policies": book.policies.sum(axis=1),
        "renewals": to_fen(_renewals(book, discount) / 100),
        "warranties": to_fen(warranties / 100),
    }


def _renewals(book: ContractBook, discount: Floats) -> Floats:
    """Commission of every renewal within the months, in fen (S,)."""
    months = discount.shape[1]
    total = np.zeros(len(discount))
    for year in range(-(-months // 12)):
        later = 12 * year
        due = book.policies[:, : months - later] * discount[:, later:]
        total += book.renewal_rate ** (year + 1) * due.sum(axis=1)
    return total * book.renewal_fen
