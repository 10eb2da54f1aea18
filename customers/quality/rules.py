"""What is looked at, how much each thing counts, and from where on it counts as bad: as data."""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

Text = str | Promise


@dataclass(frozen=True)
class Kind:
    """A kind of data that a group may deliver.

    ``tolerated_days``: how old the last row may be without lowering timeliness; None for kinds
    that carry no date of delivery. ``monthly``: delivered month by month.
    """

    code: str
    label: Text
    weight: float
    tolerated_days: int | None = None
    monthly: bool = False


@dataclass(frozen=True)
class Field:
    """A field that figures rest on.

    ``enough`` is the filled share that counts as complete. ``may_be_empty``: whether the filled
    share says anything; ``is_checked``: whether the valid share does.
    """

    code: str
    label: Text
    counted: Text
    rests_on: Text
    invalid: Text
    weight: float = 1.0
    enough: float = 1.0
    may_be_empty: bool = True
    is_checked: bool = True


@dataclass(frozen=True)
class Part:
    """A part of the data-confidence score; the weights sum to 100."""

    code: str
    label: Text
    weight: float
    rule: Text


PARTS = (
    Part(
        "completeness",
        _("Completeness"),
        30,
        _("Filled share of each field, weighted by what rests on it."),
    ),
    Part(
        "validity",
        _("Validity"),
        20,
        _(
            "Share of filled values without contradiction or duplicate; a field with 10% or more"
            " bad values counts nothing."
        ),
    ),
    Part(
        "reconciliation",
        _("Reconciliation"),
        25,
        _(
            "Months of the last twelve in which repair orders meet the books: full up to 2%"
            " apart, nothing from 10% on or without books; weighted by revenue."
        ),
    ),
    Part(
        "timeliness",
        _("Timeliness"),
        15,
        _(
            "Days since the last row of each kind: full within its tolerance, nothing 90 days"
            " later. Kinds that no store delivers are left to the next part."
        ),
    ),
    Part(
        "kinds",
        _("Kinds supplied"),
        10,
        _("Kinds of data ever supplied, weighted. A kind never supplied lowers the score only."),
    ),
)

KINDS = (
    Kind("visits", pgettext_lazy("kind of data", "Visits"), 3, tolerated_days=7),
    Kind("vehicles", pgettext_lazy("kind of data", "Vehicles"), 2),
    Kind("visit_lines", pgettext_lazy("kind of data", "Repair-order lines"), 1),
    Kind("surveys", pgettext_lazy("kind of data", "NPS surveys"), 2, tolerated_days=31),
    Kind("contracts", pgettext_lazy("kind of data", "Contracts"), 2, tolerated_days=31),
    Kind("events", pgettext_lazy("kind of data", "Events"), 1, tolerated_days=31),
    Kind(
        "financials",
        pgettext_lazy("kind of data", "Financials"),
        3,
        tolerated_days=62,
        monthly=True,
    ),
    Kind(
        "marketing",
        pgettext_lazy("kind of data", "Marketing spend"),
        1,
        tolerated_days=62,
        monthly=True,
    ),
    Kind("policies", pgettext_lazy("kind of data", "Brand policies"), 2),
    Kind("targets", pgettext_lazy("kind of data", "Targets"), 1),
)
KIND_BY_CODE = {kind.code: kind for kind in KINDS}
DATED_KINDS = tuple(kind for kind in KINDS if kind.tolerated_days is not None)

_ORDERS = _("Orders, 24 months")
_NUMBERS = _("Customer numbers")
_CARS = _("Vehicles owned today")
_SURVEYS = _("Surveys, 24 months")

FIELDS = (
    Field(
        "mobile",
        pgettext_lazy("field", "Mobile"),
        _NUMBERS,
        _("Follow-up, merging of customers"),
        _("On more than three customer numbers"),
        3,
    ),
    Field(
        "birth_date",
        pgettext_lazy("field", "Birth date"),
        _("Numbers of people"),
        _("Portraits"),
        _("Younger than 16 or older than 100"),
        0.5,
    ),
    Field(
        "distance_km",
        _("Distance to the store"),
        _NUMBERS,
        _("Churn forecast"),
        _("Beyond 500 km"),
        0.5,
    ),
    Field(
        "consent",
        _("Consent to contact"),
        _NUMBERS,
        _("Follow-up"),
        pgettext_lazy("nothing is checked", "Not checked"),
        is_checked=False,
    ),
    Field(
        "owner",
        pgettext_lazy("field", "Owner"),
        pgettext_lazy("counted records", "Ownerships"),
        _("Customer base, pool"),
        _("Two owners at once"),
        2,
        may_be_empty=False,
    ),
    Field(
        "plate",
        pgettext_lazy("field", "Plate"),
        _CARS,
        _("Reception, merging of customers"),
        _("On two vehicles at once"),
        1,
    ),
    Field(
        "warranty_until",
        pgettext_lazy("field", "Warranty end"),
        _CARS,
        _("Churn forecast, follow-up"),
        _("Before the vehicle was built, or 15 years after"),
    ),
    Field(
        "insurance_until",
        pgettext_lazy("field", "Insurance end"),
        _CARS,
        _("Renewal rate, follow-up"),
        _("Before the sale, or 5 years ahead"),
    ),
    Field(
        "visit_vin",
        _("VIN on the repair order"),
        _ORDERS,
        _("Due dates, vehicle history"),
        _("Before the vehicle was built"),
        2,
    ),
    Field(
        "mileage_km",
        pgettext_lazy("field", "Mileage"),
        _ORDERS,
        _("Due dates"),
        _("Lower than at an earlier visit"),
        2,
    ),
    Field(
        "advisor",
        pgettext_lazy("field", "Service advisor"),
        _ORDERS,
        _("Advisor figures, follow-up"),
        _("Not on the list of staff"),
    ),
    Field(
        "job_kind",
        pgettext_lazy("field", "Kind of job"),
        _ORDERS,
        _("Accident work apart, due dates"),
        pgettext_lazy("nothing is checked", "Not checked"),
        is_checked=False,
    ),
    Field(
        "cost",
        pgettext_lazy("field", "Cost"),
        _ORDERS,
        _("Margin, value"),
        _("Negative, or twice what was paid"),
        3,
    ),
    Field(
        "wait_minutes",
        pgettext_lazy("field", "Waiting time"),
        _ORDERS,
        _("Churn forecast"),
        _("Longer than a day"),
        0.5,
    ),
    Field(
        "nps_answered",
        _("NPS answered"),
        _SURVEYS,
        _("NPS, churn forecast"),
        _("Cannot be tied to a customer"),
        1,
        enough=0.3,
    ),
)
FIELD_BY_CODE = {field.code: field for field in FIELDS}

# Orders and books further apart than this block the approval of a valuation.
GAP_ALLOWED = 0.02
GAP_WORTHLESS = 0.10
INVALID_WORTHLESS = 0.10
LATE_WORTHLESS_DAYS = 90
# The books of a month are expected this many days after its end.
BOOKS_DUE_DAYS = 31
MONTHS = 12
