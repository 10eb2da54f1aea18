"""The rules of a pool: read from an address or a form, refused with field and range, told as SQL.

Rules are asked in the order of :data:`RULES`; the first that a customer fails is the reason of its
exclusion, so that the waterfall of exclusions counts everybody once.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from valuation.refusals import Refusal, Refused, gettext_noop, refuse_any, whole, within

CHOICES: dict[str, tuple[str, ...]] = {
    "kind": ("", "person", "organisation"),
    "warranty": ("", "in", "out"),
}
GRADES = ("A", "B", "C", "D")
RISKS = ("low", "medium", "high")
MAX_MONTHS = 60
# Percentages are typed as such: 20 means 20%.
LIMITS = ("limit_store", "limit_brand", "limit_region", "limit_customer")
_WHOLE = {
    "visits_min": (0, 1000),
    "vehicle_months_max": (1, 600),
    "recency_days_max": (1, 3660),
    "months": (1, MAX_MONTHS),
}
_LISTS: dict[str, tuple[str, ...]] = {"grade": GRADES, "risk": RISKS}
NOT_A_CHOICE = gettext_noop("%(field)s must be one of %(choices)s, not %(value)s.")
TOO_LONG = gettext_noop("%(field)s may have at most %(most)s characters.")


@dataclass(frozen=True)
class PoolRules:
    """What a customer must fulfil; None or empty asks nothing.

    ``limit_…`` are percentages of the pool's value from 0.01 to 100, ``p_alive_min`` is one from 0
    to 100; ``months`` of flows from 1 to 60.
    """

    kind: str = ""
    consent: bool = False
    visits_min: int | None = None
    recency_days_max: int | None = None
    p_alive_min: float | None = None
    vehicle_months_max: int | None = None
    warranty: str = ""
    brand: str = ""
    grade: tuple[str, ...] = ()
    risk: tuple[str, ...] = ()
    tag: str = ""
    limit_store: float | None = None
    limit_brand: float | None = None
    limit_region: float | None = None
    limit_customer: float | None = None
    months: int = MAX_MONTHS

    def __post_init__(self) -> None:
        checks: list[float | Refusal] = []
        for name, (low, high) in _WHOLE.items():
            if (value := getattr(self, name)) is not None:
                checks.append(whole(name, value, low, high))
        if self.p_alive_min is not None:
            checks.append(_percentage("p_alive_min", self.p_alive_min, 0.0))
        for name in LIMITS:
            if (value := getattr(self, name)) is not None:
                checks.append(_percentage(name, value, 1.0))
        for name, choices in CHOICES.items():
            checks += _chosen(name, [getattr(self, name)], choices)
        for name, listed in _LISTS.items():
            checks += _chosen(name, getattr(self, name), listed)
        checks += [
            Refusal(name, TOO_LONG, {"most": 60})
            for name in ("brand", "tag")
            if len(getattr(self, name)) > 60
        ]
        refuse_any(checks)

    @property
    def limits(self) -> dict[str, float]:
        """The declared limits as shares of one, by the name of the field."""
        return {name: getattr(self, name) / 100 for name in LIMITS if getattr(self, name)}

    def as_dict(self) -> dict[str, Any]:
        """What is set, as it is stored and as an address says it."""
        stored = asdict(self)
        return {
            one.name: list(v) if isinstance(v, tuple) else v
            for one in fields(self)
            if (v := stored[one.name]) not in (None, "", (), False) and v != one.default
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> "PoolRules":
        values: dict[str, Any] = {
            k: tuple(v) if isinstance(v, list) else v for k, v in stored.items()
        }
        return cls(**values)


PERCENTAGE = gettext_noop(
    "%(field)s is a percentage from %(low)s to 100 (20 means 20%%), not %(value)s."
)


def _percentage(name: str, value: object, low: float) -> float | Refusal:
    number = within(name, value, low, 100.0)
    if isinstance(number, Refusal):
        return Refusal(name, PERCENTAGE, {"low": f"{low:g}", "value": repr(value)})
    return number


def _chosen(name: str, values: Any, choices: tuple[str, ...]) -> list[Refusal]:
    listed = ", ".join(one for one in choices if one)
    return [
        Refusal(name, NOT_A_CHOICE, {"choices": listed, "value": repr(value)})
        for value in values
        if value not in choices
    ]


def read_rules(query: Mapping[str, Any]) -> PoolRules:
    """Rules out of an address (a ``QueryDict``).

    Raises :class:`valuation.refusals.Refused` naming every field that cannot be read.
    """
    lists = getattr(query, "getlist", lambda name: list(query.get(name, ())))
    values: dict[str, Any] = {
        name: tuple(sorted({one for one in lists(name) if one})) for name in _LISTS
    }
    values |= {name: str(query.get(name, "")).strip() for name in ("kind", "warranty")}
    values |= {name: str(query.get(name, "")).strip() for name in ("brand", "tag")}
    values["consent"] = query.get("consent", "") in ("1", "on", "true", True)
    refused = []
    for name in (*_WHOLE, "p_alive_min", *LIMITS):
        text = str(query.get(name) or "").strip()
        if not text:
            continue
        number = _number(text)
        if number is None:
            low, high = _WHOLE.get(name, (0, 100))
            refused.append(within(name, text, low, high))
        else:
            values[name] = int(number) if name in _WHOLE and number == int(number) else number
    found: list[Refusal] = [one for one in refused if isinstance(one, Refusal)]
    try:
        rules = PoolRules(**values)
    except Refused as refusal:
        raise Refused([*found, *refusal.refusals]) from refusal
    if found:
        raise Refused(found)
    return rules


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if abs(number) < 1e12 else None


@dataclass(frozen=True)
class Rule:
    """``asked``: whether the rules ask it; ``sql``: what a candidate ``c`` must fulfil."""

    name: str
    label: str
    asked: Callable[[PoolRules], bool]
    sql: str


def _set(name: str) -> Callable[[PoolRules], bool]:
    return lambda rules: getattr(rules, name) not in (None, "", (), False, 0)


_PERSON = "c.kind in ('person', 'employee')"
RULES = (
    Rule(
        "kind",
        gettext_noop("Kind of customer"),
        _set("kind"),
        f"({_PERSON}) = (%(kind)s = 'person')",
    ),
    Rule("consent", gettext_noop("Consent to contact"), _set("consent"), "c.consented"),
    Rule(
        "visits_min",
        gettext_noop("Repeat visits, at least"),
        _set("visits_min"),
        "c.frequency >= %(visits_min)s",
    ),
    Rule(
        "recency_days_max",
        gettext_noop("Days since the last visit, at most"),
        _set("recency_days_max"),
        "c.last_visit_on >= %(as_of)s::date - %(recency_days_max)s",
    ),
    Rule(
        "p_alive_min",
        gettext_noop("Probability alive, at least (%)"),
        _set("p_alive_min"),
        "c.p_alive * 100 >= %(p_alive_min)s",
    ),
    Rule(
        "vehicle_months_max",
        gettext_noop("Age of the vehicle in months, at most"),
        _set("vehicle_months_max"),
        "c.vehicle_months <= %(vehicle_months_max)s",
    ),
    Rule(
        "warranty",
        gettext_noop("Warranty status"),
        _set("warranty"),
        "(c.warranty_until >= %(as_of)s::date) = (%(warranty)s = 'in')",
    ),
    Rule("brand", gettext_noop("Brand of the vehicle"), _set("brand"), "c.brand = %(brand)s"),
    Rule("grade", gettext_noop("Customer grade"), _set("grade"), "c.grade = any(%(grade)s)"),
    Rule("risk", gettext_noop("Churn risk"), _set("risk"), "c.risk = any(%(risk)s)"),
    Rule("tag", gettext_noop("Tag"), _set("tag"), "%(tag)s = any(c.tags)"),
)
LIMIT_LABELS = {
    "limit_customer": gettext_noop("Largest share of one customer (%)"),
    "limit_store": gettext_noop("Largest share of one store (%)"),
    "limit_region": gettext_noop("Largest share of one region (%)"),
    "limit_brand": gettext_noop("Largest share of one brand division (%)"),
}


def asked(rules: PoolRules) -> list[Rule]:
    """The rules that ask something, in the order in which they exclude."""
    return [rule for rule in RULES if rule.asked(rules)]


def condition(rules: PoolRules) -> str:
    """SQL that is true for candidates ``c`` whom no rule excludes; not known is not fulfilled."""
    return " and ".join(["true", *(f"({rule.sql})" for rule in asked(rules))])


def first_reason(rules: PoolRules) -> str:
    """SQL of the position in :data:`RULES` of the first rule that ``c`` fails, -1 for none."""
    found = [
        f"when ({rule.sql}) is not true then {position}"
        for position, rule in enumerate(RULES)
        if rule.asked(rules)
    ]
    return f"case {' '.join(found)} else -1 end" if found else "-1"


def parameters(rules: PoolRules) -> dict[str, Any]:
    """Values of the marks in the SQL above, ``as_of`` aside."""
    stored = asdict(rules)
    return {k: list(v) if isinstance(v, tuple) else v for k, v in stored.items()}
