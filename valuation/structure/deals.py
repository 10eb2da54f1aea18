"""What a securitization deal may say: its terms, and the refusal of terms that make no sense.

Rates are annual fractions, money is yuan, lists run over periods (months) 1..n. The terms are
those of the priority of payments in :mod:`valuation.structure.waterfall`.
"""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from valuation.refusals import (
    MISSING,
    Refusal,
    Refused,
    as_fraction,
    gettext_noop,
    whole,
    within,
)

MAX_PERIODS = 600
MAX_AMOUNT = 1e13
MAX_OC_THRESHOLD = 10.0
MAX_TRIGGERS = 8
MAX_RUN = 12
MEASURES = ("dscr", "collections")
CONSEQUENCES = ("turbo", "stop_revolving")

NOT_AN_OBJECT = gettext_noop("%(field)s must be an object with named values.")
NOT_A_LIST = gettext_noop("%(field)s must be a list of numbers.")
NOT_A_TRUTH = gettext_noop("%(field)s must be true or false, not %(value)s.")
UNKNOWN_KEY = gettext_noop("%(field)s is not a known key.")
UNKNOWN_KEY_NEAR = gettext_noop("%(field)s is not a known key (did you mean %(near)s?).")
PERIODS = gettext_noop("%(field)s must hold 1 to %(high)s periods, not %(value)s.")
WRONG_LENGTH = gettext_noop(
    "%(field)s must hold one value for each of the %(periods)s collections, not %(value)s."
)
RISING = gettext_noop(
    "%(field)s must never rise: %(value)s follows %(before)s (start from the balance)."
)
SURVIVAL_START = gettext_noop("%(field)s must lie above 0 and not above 1, not %(value)s.")
ONE_OF = gettext_noop("%(field)s needs exactly one of asset_rate and asset_value.")
NOT_ONE_OF = gettext_noop("%(field)s must be one of %(known)s, not %(value)s.")
TRIGGERS = gettext_noop("%(field)s must be a list of at most %(high)s triggers.")
TRIGGER_TWICE = gettext_noop("%(field)s repeats the trigger on %(value)s.")
REVOLVES_TOO_LONG = gettext_noop(
    "%(field)s must leave at least one month to repay: 1 to %(high)s, not %(value)s."
)


@dataclass(frozen=True)
class Tranche:
    """Opening balance, annual coupon, and target balance per period (``None``: turbo)."""

    balance: float
    coupon: float
    target: tuple[float, ...] | None = None


@dataclass(frozen=True)
class Reserve:
    """Cash at closing; its target is 0 once A is repaid, else max(pct x A, floor)."""

    initial: float = 0.0
    pct: float = 0.0
    floor: float = 0.0


@dataclass(frozen=True)
class OverCollateralisation:
    """The test OC < threshold, on the PV at ``asset_rate`` or on given asset values."""

    threshold: float
    curable: bool = False
    asset_rate: float | None = None
    asset_value: tuple[float, ...] | None = None


@dataclass(frozen=True)
class Support:
    """The originator's undertaking to make good what fees, A's interest and A's principal down to
    its target fall short of, up to ``cap`` yuan in all. Headline figures leave it out."""

    cap: float


@dataclass(frozen=True)
class Revolving:
    """For ``periods`` months nothing is repaid; what would be residual buys new customers.

    ``eligible``: share of that money for which the month's re-test finds eligible customers;
    ``price_rate``: annual rate at which their expected flows are paid for.
    """

    periods: int
    eligible: float
    price_rate: float


@dataclass(frozen=True)
class Trigger:
    """Trips after ``after`` months running below ``level``; ``cure`` months running at or above it
    end it (0: irrevocable). ``consequence``: turbo (as a breached OC test) or stop_revolving."""

    measure: str
    level: float
    after: int = 1
    cure: int = 0
    consequence: str = "turbo"


@dataclass(frozen=True)
class Deal:
    """Terms of a deal and its base-case collections, validated by :func:`parse_deal`.

    ``survival`` is the pool's S(t) behind the collections, in (0, 1] and never rising; only the
    attrition multiple needs it.
    """

    senior: Tranche
    collections: tuple[float, ...]
    junior: Tranche = Tranche(0.0, 0.0)
    fee_fixed: float = 0.0
    fee_pct: float = 0.0
    reserve: Reserve = Reserve()
    oc: OverCollateralisation | None = None
    interest_on_interest: bool = False
    survival: tuple[float, ...] | None = None
    support: Support | None = None
    revolving: Revolving | None = None
    triggers: tuple[Trigger, ...] = ()


class _Reader:
    """Reads one JSON object, collecting refusals in place of stopping at the first."""

    def __init__(self, data: object, prefix: str, known: Sequence[str], out: list[Refusal]) -> None:
        self.out = out
        self.prefix = prefix
        self.data: Mapping[str, Any] = {}
        if not isinstance(data, Mapping):
            out.append(Refusal(prefix.rstrip(".") or "deal", NOT_AN_OBJECT))
            return
        self.data = data
        for key in data:
            if key not in known:
                near = difflib.get_close_matches(str(key), known, n=1)
                msgid = UNKNOWN_KEY_NEAR if near else UNKNOWN_KEY
                params = {"near": prefix + near[0]} if near else {}
                out.append(Refusal(f"{prefix}{key}", msgid, params))

    def has(self, key: str) -> bool:
        return key in self.data

    def accept(self, value: float | Refusal) -> float:
        if isinstance(value, Refusal):
            self.out.append(value)
            return 0.0
        return value

    def require(self, key: str) -> bool:
        if key not in self.data:
            self.out.append(Refusal(self.prefix + key, MISSING))
        return key in self.data

    def amount(self, key: str, *, required: bool = False, low: float = 0.0) -> float:
        if not (self.require(key) if required else self.has(key)):
            return 0.0
        return self.accept(within(self.prefix + key, self.data[key], low, MAX_AMOUNT))

    def fraction(self, key: str, *, required: bool = False) -> float:
        if not (self.require(key) if required else self.has(key)):
            return 0.0
        return self.accept(as_fraction(self.prefix + key, self.data[key]))

    def count(self, key: str, low: int, high: int, default: int) -> int:
        if not self.has(key):
            return default
        return int(self.accept(whole(self.prefix + key, self.data[key], low, high)))

    def word(self, key: str, known: Sequence[str], default: str = "") -> str:
        value = self.data.get(key, default)
        if value not in known:
            params = {"known": ", ".join(known), "value": repr(value)}
            self.out.append(Refusal(self.prefix + key, NOT_ONE_OF, params))
            return known[0]
        return str(value)

    def truth(self, key: str) -> bool:
        value = self.data.get(key, False)
        if not isinstance(value, bool):
            self.out.append(Refusal(self.prefix + key, NOT_A_TRUTH, {"value": repr(value)}))
            return False
        return value

    def amounts(self, key: str, periods: int | None = None) -> tuple[float, ...]:
        """A list of amounts, of ``periods`` values or (``None``) of any permitted length."""
        name, value = self.prefix + key, self.data[key]
        if isinstance(value, str) or not isinstance(value, Sequence):
            self.out.append(Refusal(name, NOT_A_LIST))
            return ()
        if periods is None and not 1 <= len(value) <= MAX_PERIODS:
            self.out.append(Refusal(name, PERIODS, {"high": MAX_PERIODS, "value": len(value)}))
            return ()
        if periods is not None and len(value) != periods:
            params = {"periods": periods, "value": len(value)}
            self.out.append(Refusal(name, WRONG_LENGTH, params))
            return ()
        return tuple(
            self.accept(within(f"{name}[{t}]", item, 0.0, MAX_AMOUNT))
            for t, item in enumerate(value)
        )

    def falling(self, key: str, periods: int, start: float) -> tuple[float, ...] | None:
        """A list that never rises, beginning at or below ``start``; ``None`` where absent."""
        if not self.has(key) or self.data[key] is None:
            return None
        values = self.amounts(key, periods)
        before = start
        for t, value in enumerate(values):
            if value > before:
                params = {"value": f"{value:,.12g}", "before": f"{before:,.12g}"}
                self.out.append(Refusal(f"{self.prefix}{key}[{t}]", RISING, params))
                break
            before = value
        return values


def parse_deal(data: object) -> Deal:
    """Build a :class:`Deal` from decoded JSON.

    Keys: ``A`` {balance, coupon, target?} and ``collections`` are needed; ``B`` (as A), ``reserve``
    {initial, pct, floor}, ``oc`` {threshold, curable, asset_rate | asset_value}, ``fee_fixed``,
    ``fee_pct``, ``ioi`` (interest on unpaid interest), ``survival``, ``support`` {cap},
    ``revolving`` {periods, eligible, price_rate} and ``triggers`` [{measure, level, after, cure,
    consequence}] are optional.

    Raises :class:`valuation.refusals.Refused` naming every field at fault and its range.
    """
    out: list[Refusal] = []
    known = (
        *("A", "B", "collections", "fee_fixed", "fee_pct", "ioi", "oc", "reserve", "revolving"),
        *("support", "survival", "triggers"),
    )
    top = _Reader(data, "", known, out)
    collections = top.amounts("collections") if top.require("collections") else ()
    # Without a usable horizon, complaints about the length of other lists would only mislead.
    if out and not collections:
        raise Refused(out)
    periods = len(collections)
    junior = Tranche(0.0, 0.0)
    if top.has("B"):
        junior = _tranche(top.data["B"], "B.", periods, out, low=0.0)
    senior = junior
    if top.require("A"):
        senior = _tranche(top.data["A"], "A.", periods, out, low=0.01)
    deal = Deal(
        senior=senior,
        junior=junior,
        collections=collections,
        fee_fixed=top.amount("fee_fixed"),
        fee_pct=top.fraction("fee_pct"),
        reserve=_reserve(top.data["reserve"], out) if top.has("reserve") else Reserve(),
        oc=_oc(top.data["oc"], periods, out) if top.has("oc") else None,
        interest_on_interest=top.truth("ioi"),
        survival=_survival(top, periods),
        support=_support(top.data["support"], out) if top.has("support") else None,
        revolving=_revolving(top.data["revolving"], periods, out) if top.has("revolving") else None,
        triggers=_triggers(top.data["triggers"], out) if top.has("triggers") else (),
    )
    if out:
        raise Refused(out)
    return deal


def _tranche(data: object, prefix: str, periods: int, out: list[Refusal], low: float) -> Tranche:
    reader = _Reader(data, prefix, ("balance", "coupon", "target"), out)
    balance = reader.amount("balance", required=True, low=low)
    return Tranche(
        balance=balance,
        coupon=reader.fraction("coupon", required=True),
        target=reader.falling("target", periods, balance),
    )


def _reserve(data: object, out: list[Refusal]) -> Reserve:
    reader = _Reader(data, "reserve.", ("initial", "pct", "floor"), out)
    return Reserve(reader.amount("initial"), reader.fraction("pct"), reader.amount("floor"))


def _oc(data: object, periods: int, out: list[Refusal]) -> OverCollateralisation:
    reader = _Reader(data, "oc.", ("threshold", "curable", "asset_rate", "asset_value"), out)
    threshold = 0.0
    if reader.require("threshold"):
        value = within("oc.threshold", reader.data["threshold"], 0.0, MAX_OC_THRESHOLD)
        threshold = reader.accept(value)
    if reader.data and reader.has("asset_rate") == reader.has("asset_value"):
        out.append(Refusal("oc", ONE_OF))
    rate = reader.fraction("asset_rate") if reader.has("asset_rate") else None
    values = reader.amounts("asset_value", periods) if reader.has("asset_value") else None
    return OverCollateralisation(threshold, reader.truth("curable"), rate, values)


def _survival(top: _Reader, periods: int) -> tuple[float, ...] | None:
    survival = top.falling("survival", periods, 1.0)
    if survival and survival[-1] <= 0.0:
        top.out.append(Refusal("survival", SURVIVAL_START, {"value": f"{survival[-1]:g}"}))
    return survival


def _support(data: object, out: list[Refusal]) -> Support:
    return Support(_Reader(data, "support.", ("cap",), out).amount("cap", required=True))


def _revolving(data: object, periods: int, out: list[Refusal]) -> Revolving:
    reader = _Reader(data, "revolving.", ("periods", "eligible", "price_rate"), out)
    months = 0
    if reader.require("periods"):
        asked = whole("revolving.periods", reader.data["periods"], 1, MAX_PERIODS)
        months = int(reader.accept(asked))
        if months >= periods:
            params = {"high": periods - 1, "value": months}
            out.append(Refusal("revolving.periods", REVOLVES_TOO_LONG, params))
    eligible = 1.0
    if reader.has("eligible"):
        share = as_fraction("revolving.eligible", reader.data["eligible"], closed=True)
        eligible = reader.accept(share)
    return Revolving(months, eligible, reader.fraction("price_rate", required=True))


def _triggers(data: object, out: list[Refusal]) -> tuple[Trigger, ...]:
    if isinstance(data, str) or not isinstance(data, Sequence) or len(data) > MAX_TRIGGERS:
        out.append(Refusal("triggers", TRIGGERS, {"high": MAX_TRIGGERS}))
        return ()
    known = ("measure", "level", "after", "cure", "consequence")
    found: list[Trigger] = []
    for number, one in enumerate(data):
        reader = _Reader(one, f"triggers[{number}].", known, out)
        level = 0.0
        if reader.require("level"):
            allowed = within(f"triggers[{number}].level", reader.data["level"], 0.0, 10.0)
            level = reader.accept(allowed)
        trigger = Trigger(
            measure=reader.word("measure", MEASURES),
            level=level,
            after=reader.count("after", 1, MAX_RUN, 1),
            cure=reader.count("cure", 0, MAX_RUN, 0),
            consequence=reader.word("consequence", CONSEQUENCES, "turbo"),
        )
        if any((t.measure, t.consequence) == (trigger.measure, trigger.consequence) for t in found):
            params = {"value": trigger.measure}
            out.append(Refusal(f"triggers[{number}]", TRIGGER_TWICE, params))
        found.append(trigger)
    return tuple(found)
