"""What the features of :mod:`ml.features` are called on pages."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

NAMES: dict[str, Promise] = {
    "days_since_visit": _("days since the last visit"),
    "silence_to_gap": _("silence against own rhythm"),
    "mean_gap": _("mean gap between visits"),
    "last_gap": _("last gap between visits"),
    "gap_variation": _("variation of the gaps"),
    "never_visited": _("never visited"),
    "days_since_maintenance": _("days since the last service"),
    "days_past_due": _("days past due"),
    "due_ratio_time": _("share of the interval in days"),
    "due_ratio_km": _("share of the interval in km"),
    "km_per_day": _("km a day"),
    "service_interval_days": _("service interval in days"),
    "visits_12m": _("visits in 12 months"),
    "visits_24m": _("visits in 24 months"),
    "visits_36m": _("visits in 36 months"),
    "visits_all": _("visits so far"),
    "visits_per_year": _("visits a year"),
    "visit_trend": _("trend of visits"),
    "maintenance_24m": _("services in 24 months"),
    "repairs_24m": _("repairs in 24 months"),
    "vehicle_age": _("age of the vehicle"),
    "odometer": _("odometer"),
    "vehicles": _("number of vehicles"),
    "bought_here": _("bought here"),
    "sold_all": _("sold all vehicles"),
    "months_to_warranty_end": _("months to the end of warranty"),
    "extended_warranty": _("extended warranty"),
    "revenue_12m": _("output in 12 months"),
    "revenue_24m": _("output in 24 months"),
    "spend_per_visit": _("output per visit"),
    "last_spend": _("output of the last visit"),
    "own_pay_share": _("share paid by the customer"),
    "warranty_share": _("share paid by the manufacturer"),
    "insurer_share": _("share paid by the insurer"),
    "accidents_24m": _("accidents in 24 months"),
    "days_since_accident": _("days since the last accident"),
    "tenure": _("years as a customer"),
    "insured_days_left": _("days of insurance left"),
    "other_contracts": _("other contracts"),
    "segment_code": _("individual or company"),
    "division_code": _("division"),
    "distance_km": _("distance to the store"),
    "nps_last": _("last NPS answer"),
    "days_since_nps": _("days since the last NPS answer"),
    "complaints_24m": _("complaints in 24 months"),
    "no_shows_24m": _("no-shows in 24 months"),
    "comebacks_24m": _("comebacks in 24 months"),
    "declined_24m": _("declined work in 24 months"),
    "wait_last": _("last waiting time"),
}


def feature_name(code: str) -> str:
    """In the language of whoever reads it; a feature of another version by its code."""
    return str(NAMES.get(code, code))
