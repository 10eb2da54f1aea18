"""The assumption set of a group: each part with its source; a change is a new version."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from valuation.discounting import DiscountRate, RatePart, course_preset
from valuation.models import Assumptions
from valuation.refusals import (
    MISSING,
    Refusal,
    Refused,
    as_fraction,
    gettext_noop,
    refuse_any,
    whole,
    within,
)
from valuation.uncertainty import CommonShocks

FIRST_REASON = gettext_noop("Preset of the first valuation: to be replaced by the group's own.")
MEASURED = "measured"
NOT_DECLARED = gettext_noop("not declared: every authorisation is taken as renewed")
# A valuation whose data confidence (0-100) is lower, or whose date is older, is not approved.
LOWEST_CONFIDENCE = 60.0
OLDEST_DAYS = 62
SHOCKS = ("attrition", "margin", "volume", "store_correlation")


@dataclass(frozen=True)
class Terms:
    """Assumptions ready for arithmetic. Rates are fractions a year.

    ``retention_cost_per_month``: yuan per month in which a customer is alive, None where it is
    measured: retention marketing of the last 12 months ÷ months of customers alive.
    ``spend_variation``: coefficient of variation of the margin of one visit.
    """

    discount: DiscountRate
    service_cost_rate: float
    retention_cost_per_month: float | None
    tax_rate: float
    mid_month: bool
    shocks: CommonShocks
    spend_variation: float
    seed: int
    premiums: Mapping[str, RatePart] = field(default_factory=dict)
    renewal_probability: float = 1.0
    lowest_confidence: float = LOWEST_CONFIDENCE
    oldest_days: int = OLDEST_DAYS

    def __post_init__(self) -> None:
        checks: list[float | Refusal] = [
            as_fraction("service_cost_rate", self.service_cost_rate),
            as_fraction("tax_rate", self.tax_rate),
            within("spend_variation", self.spend_variation, 0.0, 10.0),
            as_fraction("renewal_probability", self.renewal_probability, closed=True),
            within("lowest_confidence", self.lowest_confidence, 0.0, 100.0),
            whole("oldest_days", self.oldest_days, 1, 366),
        ]
        if self.retention_cost_per_month is not None:
            checks.append(within("retention_cost_per_month", self.retention_cost_per_month, 0, 1e5))
        refuse_any(checks)

    def discount_of(self, division: str) -> DiscountRate:
        """The rate of a division: its own premium where one is declared, else the group's."""
        own = self.premiums.get(division)
        return self.discount if own is None else replace(self.discount, premium=own)


def preset(dated: dt.date) -> dict[str, Any]:
    """The values of version 1, as they are stored."""
    rate = course_preset(dated)
    return {
        "discount": {
            "risk_free": _part(rate.risk_free),
            "premium": _part(rate.premium),
            "wacc": rate.wacc,
            "premiums": {},
        },
        "authorisation": {"renewal_probability": 1.0, "source": NOT_DECLARED},
        "approval": {"lowest_confidence": LOWEST_CONFIDENCE, "oldest_days": OLDEST_DAYS},
        "service_cost_rate": 0.10,
        "service_cost_source": "assumption of the preset, not measured",
        "retention_cost_per_month": None,
        "retention_cost_source": MEASURED,
        "tax_rate": 0.0,
        "mid_month": False,
        "shocks": {name: getattr(CommonShocks(), name) for name in SHOCKS},
        "shocks_source": CommonShocks().source,
        "spend_variation": 1.0,
        "seed": 1,
    }


def _part(part: RatePart) -> dict[str, Any]:
    return {
        "rate": part.rate,
        "source": part.source,
        "dated": part.dated.isoformat(),
        "reason": part.reason,
    }


def terms_of(values: dict[str, Any]) -> Terms:
    """Read stored values.

    Raises :class:`valuation.refusals.Refused` naming each field that is out of range.
    """

    def part(name: str, stored: dict[str, Any]) -> RatePart:
        return RatePart(
            name,
            stored["rate"],
            stored["source"],
            dt.date.fromisoformat(stored["dated"]),
            stored.get("reason", ""),
        )

    parts = values["discount"]
    # Versions from before these could be declared say nothing of them: nothing was declared.
    approval = values.get("approval", {})
    premiums = {code: part(f"premium {code}", one) for code, one in _premiums(parts).items()}
    return Terms(
        discount=DiscountRate(
            part("risk_free", parts["risk_free"]), part("premium", parts["premium"]), parts["wacc"]
        ),
        service_cost_rate=values["service_cost_rate"],
        retention_cost_per_month=values["retention_cost_per_month"],
        tax_rate=values["tax_rate"],
        mid_month=values["mid_month"],
        shocks=CommonShocks(
            **{name: values["shocks"][name] for name in SHOCKS}, source=values["shocks_source"]
        ),
        spend_variation=values["spend_variation"],
        seed=values["seed"],
        premiums=premiums,
        renewal_probability=values.get("authorisation", {}).get("renewal_probability", 1.0),
        lowest_confidence=approval.get("lowest_confidence", LOWEST_CONFIDENCE),
        oldest_days=approval.get("oldest_days", OLDEST_DAYS),
    )


def _premiums(parts: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = parts.get("premiums", {})
    unexplained = [code for code, one in found.items() if not str(one.get("reason", "")).strip()]
    if unexplained:
        raise Refused([Refusal(f"premium {code}.reason", MISSING) for code in unexplained])
    return found


def current_assumptions(tenant_id: int, author: str, dated: dt.date) -> Assumptions:
    """The newest version; version 1 is made of the preset where there is none.

    Call inside an entered access.
    """
    newest: Assumptions | None = Assumptions.objects.order_by("-version").first()
    if newest is not None:
        return newest
    return add_version(tenant_id, preset(dated), reason=FIRST_REASON, author=author)


def add_version(tenant_id: int, values: dict[str, Any], *, reason: str, author: str) -> Assumptions:
    """Store ``values`` as the next version after checking them."""
    terms_of(values)
    last: int = (
        Assumptions.objects.order_by("-version").values_list("version", flat=True).first() or 0
    )
    created: Assumptions = Assumptions.objects.create(
        tenant_id=tenant_id, version=last + 1, values=values, reason=reason, author=author[:80]
    )
    return created
