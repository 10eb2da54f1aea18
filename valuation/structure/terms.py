"""A structure as people set it: shares of the pool's value, percentages, switches.

The terms are flat and small, so that they fit in an address: a link reproduces the view. Amounts
that depend on the pool are shares of its value, so that one structure can be laid over another
pool; :func:`deal_of` turns them into the JSON of :func:`valuation.structure.deals.parse_deal`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from valuation.refusals import (
    Refusal,
    Refused,
    as_fraction,
    as_number,
    gettext_noop,
    whole,
    within,
)
from valuation.structure.deals import MAX_PERIODS, MAX_RUN, Deal, parse_deal
from valuation.structure.stresses import Loss, Stress
from valuation.structure.waterfall import values_after

MIN_RETAINED = 0.05
"""The share of the pool that the originator holds as residual at the least."""

PROFILES = ("sculpted", "level", "balloon", "turbo")
MAX_COUPON = 0.36

RETAINED = gettext_noop(
    "%(field)s: A and B together are %(value)s of the pool; the originator keeps at least 5%%."
)
NOT_A_PERCENTAGE = gettext_noop(
    "%(field)s is a percentage in whole numbers: 0, or %(low)s to %(high)s (5%% is written 5),"
    " not %(value)s."
)
UNKNOWN_TERM = gettext_noop("%(field)s is not a term of a structure.")
UNKNOWN_PROFILE = gettext_noop(
    "%(field)s must be sculpted, level, balloon or turbo, not %(value)s."
)


@dataclass(frozen=True)
class Terms:
    """Fractions, annual; months. The defaults are the preset that a new structure begins with.

    ``a_share``, ``b_share``: opening balances as shares of the pool's value at ``asset_rate``.
    ``profile``: A's schedule over ``months``: sculpted (in step with the pool's value), level
    (equal amounts), balloon (level to half, the rest at the end), or turbo (none, all that comes).
    ``support_cap``: share of A.
    """

    horizon: int = 60
    asset_rate: float = 0.08
    a_share: float = 0.55
    a_coupon: float = 0.045
    profile: str = "sculpted"
    months: int = 48
    b_share: float = 0.15
    b_coupon: float = 0.075
    fee_pct: float = 0.01
    fee_fixed: float = 0.0
    reserve_initial: float = 0.02
    reserve_pct: float = 0.02
    oc: float = 1.10
    oc_curable: bool = False
    dscr: float = 0.0
    dscr_after: int = 3
    dscr_cure: int = 3
    plan: float = 0.0
    plan_after: int = 3
    ioi: bool = False
    support: bool = False
    support_cap: float = 0.10
    revolving: int = 0
    eligible: float = 0.80


WHOLE_LIMITS = {
    "horizon": (1, MAX_PERIODS),
    "months": (1, MAX_PERIODS),
    "dscr_after": (1, MAX_RUN),
    "dscr_cure": (0, MAX_RUN),
    "plan_after": (1, MAX_RUN),
    "revolving": (0, MAX_PERIODS),
}
SHARES = ("a_share", "b_share", "fee_pct", "reserve_initial", "reserve_pct", "eligible")
RATES = ("asset_rate", "a_coupon", "b_coupon")
LEVELS = {"oc": 10.0, "dscr": 10.0, "plan": 1.0, "support_cap": 1.0}
SWITCHES = ("oc_curable", "ioi", "support")


def parse_terms(data: Mapping[str, Any]) -> Terms:
    """Terms from decoded JSON; what is left out has its default.

    Raises :class:`valuation.refusals.Refused` naming every field at fault and its range.
    """
    out: list[Refusal] = []
    known = {one.name for one in fields(Terms)}
    out += [Refusal(key, UNKNOWN_TERM) for key in data if key not in known]
    values: dict[str, Any] = {}

    def put(name: str, value: float | Refusal) -> None:
        if isinstance(value, Refusal):
            out.append(value)
        else:
            values[name] = int(value) if name in WHOLE_LIMITS else value

    given = {name: data[name] for name in data if name in known}
    for name, value in given.items():
        if name in WHOLE_LIMITS:
            put(name, whole(name, value, *WHOLE_LIMITS[name]))
        elif name in SHARES:
            put(name, as_fraction(name, value, closed=True))
        elif name in RATES:
            put(name, within(name, value, 0.0, MAX_COUPON))
        elif name in LEVELS:
            put(name, within(name, value, 0.0, LEVELS[name]))
        elif name == "fee_fixed":
            put(name, within(name, value, 0.0, 1e9))
        elif name in SWITCHES:
            values[name] = bool(value)
        elif value in PROFILES:
            values[name] = value
        else:
            out.append(Refusal(name, UNKNOWN_PROFILE, {"value": repr(value)}))
    terms = Terms(**values) if not out else Terms()
    sold = terms.a_share + terms.b_share
    if not out and sold > 1.0 - MIN_RETAINED + 1e-9:
        out.append(Refusal("b_share", RETAINED, {"value": f"{sold:.1%}"}))
    if out:
        raise Refused(out)
    return terms


def as_json(terms: Terms) -> dict[str, Any]:
    return asdict(terms)


def pool_value(collections: Sequence[float], rate: float) -> float:
    """Value of n monthly amounts at closing, at an annual effective rate."""
    return values_after((0.0, *collections), rate)[0]


def schedule(
    balance: float, profile: str, months: int, collections: Sequence[float], rate: float
) -> list[float] | None:
    """Target balances of a tranche after each month of ``collections``; None for turbo.

    sculpted: balance x (V_t - V_m) / (V_0 - V_m), V_t the value of what comes after t and m the
    last month of the schedule, so that the cover of the scheduled debt service stays level.
    """
    if profile == "turbo":
        return None
    periods = len(collections)
    months = min(months, periods)
    if profile == "sculpted":
        values = values_after((0.0, *collections), rate)
        end, whole_value = values[months], values[0]
        paid_by = [(value - end) / (whole_value - end) for value in values[1:]]
        shares = [paid_by[t] if t < months - 1 else 0.0 for t in range(periods)]
    else:
        left = 0.5 if profile == "balloon" else 0.0
        shares = [
            1.0 - (1.0 - left) * t / months if t < months else 0.0 for t in range(1, periods + 1)
        ]
    targets, before = [], balance
    for share in shares:
        before = min(before, balance * share)
        targets.append(before)
    return targets


def deal_json(
    terms: Terms, collections: Sequence[float], survival: Sequence[float] | None = None
) -> dict[str, Any]:
    """The contract's JSON of a deal: ``terms`` laid over ``collections`` (yuan a month).

    The revolving period comes before A's schedule. B has none: what is left once A stands at its
    target repays B before anything is residual.
    """
    amounts = list(collections[: terms.horizon])
    periods = len(amounts)
    value = pool_value(amounts, terms.asset_rate)
    a, b = (round(terms.a_share * value, 2), round(terms.b_share * value, 2))
    wait = min(terms.revolving, periods - 1)
    targets = schedule(a, terms.profile, terms.months, amounts[wait:], terms.asset_rate)
    deal: dict[str, Any] = {
        "A": {"balance": a, "coupon": terms.a_coupon},
        "collections": amounts,
        "fee_pct": terms.fee_pct,
        "fee_fixed": terms.fee_fixed,
        "reserve": {
            "initial": round(terms.reserve_initial * a, 2),
            "pct": terms.reserve_pct,
            "floor": 0.0,
        },
        "ioi": terms.ioi,
    }
    if targets is not None:
        deal["A"]["target"] = ([a] * wait + targets)[:periods]
    if b > 0.0:
        deal["B"] = {"balance": b, "coupon": terms.b_coupon}
    if terms.oc > 0.0:
        deal["oc"] = {
            "threshold": terms.oc,
            "curable": terms.oc_curable,
            "asset_rate": terms.asset_rate,
        }
    triggers = _triggers(terms)
    if triggers:
        deal["triggers"] = triggers
    if terms.support:
        deal["support"] = {"cap": round(terms.support_cap * a, 2)}
    if wait:
        deal["revolving"] = {
            "periods": wait,
            "eligible": terms.eligible,
            "price_rate": terms.asset_rate,
        }
    if survival is not None:
        deal["survival"] = list(survival[:periods])
    return deal


def _triggers(terms: Terms) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    if terms.dscr > 0.0:
        found.append(
            {
                "measure": "dscr",
                "level": terms.dscr,
                "after": terms.dscr_after,
                "cure": terms.dscr_cure,
                "consequence": "turbo",
            }
        )
    if terms.plan > 0.0:
        found.append(
            {
                "measure": "collections",
                "level": terms.plan,
                "after": terms.plan_after,
                "consequence": "stop_revolving" if terms.revolving else "turbo",
            }
        )
    return found


def deal_of(
    terms: Terms, collections: Sequence[float], survival: Sequence[float] | None = None
) -> Deal:
    """The validated deal; raises :class:`valuation.refusals.Refused` as ``parse_deal`` does."""
    return parse_deal(deal_json(terms, collections, survival))


def percentage(name: str, value: object, low: float, high: float) -> float | Refusal:
    """A typed percentage as a fraction; 0.05 for 5% is refused, and so is 600.

    ``low`` and ``high`` are fractions. What lies between 0 and ``low`` is taken for a fraction
    that was typed as such: no question has a meaningful answer there.
    """
    number = as_number(name, value)
    if isinstance(number, Refusal):
        return number
    if number == 0.0 or low * 100.0 <= number <= high * 100.0:
        return number / 100.0
    params = {"low": f"{low * 100.0:g}", "high": f"{high * 100.0:g}", "value": f"{number:g}"}
    return Refusal(name, NOT_A_PERCENTAGE, params)


def stress_of(data: Mapping[str, Any]) -> Stress:
    """A stress from flat what-if values, as they stand in an address."""
    return Stress(
        attrition=data.get("attrition", 1.0),
        margin=data.get("margin", 0.0),
        volume=data.get("volume", 0.0),
        delay=data.get("delay", 0),
        store=Loss(data.get("store_share", 0.0), data.get("store_month", 13)),
        brand=Loss(data.get("brand_share", 0.0), data.get("brand_month", 25)),
    )
