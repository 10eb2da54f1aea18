"""The reasons to contact a customer, in words: label, evidence, and a line an advisor says aloud.

A reason is a code with evidence (plain JSON values). The words are made here, when they are shown,
in the reader's language and as of the day of reading, so a stored follow-up never says "in 3 days"
about a day long past.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from web import formats

Text = str | Promise


@dataclass(frozen=True)
class ReasonKind:
    """One kind of reason.

    ``evidence`` and ``opening`` are alternatives: the first whose names are all known is used.
    ``duty`` reasons (safety, complaints) need no marketing consent and are never held out.
    """

    code: str
    label: Text
    evidence: tuple[Text, ...]
    opening: tuple[Text, ...]
    icon: str
    red: bool = False
    duty: bool = False


# In order of precedence: the red ones outrank any sales reason.
KINDS: tuple[ReasonKind, ...] = (
    ReasonKind(
        "complaint",
        _("Open complaint"),
        (
            _("Complaint of %(happened_on)s is still open: %(what)s"),
            _("Complaint of %(happened_on)s is still open"),
        ),
        (
            _(
                "I am calling about what you told us on %(happened_on)s: I want to say where we"
                " stand"
                " and what happens next."
            ),
        ),
        "alert",
        red=True,
        duty=True,
    ),
    ReasonKind(
        "recall",
        _("Open recall"),
        (
            _("Recall notice of %(happened_on)s is not done yet: %(what)s"),
            _("Recall notice of %(happened_on)s is not done yet"),
        ),
        (
            _(
                "Your car is part of a manufacturer's recall. The work is free and concerns safety;"
                " which day may I book for you?"
            ),
        ),
        "shield",
        red=True,
        duty=True,
    ),
    ReasonKind(
        "comeback",
        _("Comeback"),
        (
            _("Came back on %(happened_on)s for work done before: %(what)s"),
            _("Came back on %(happened_on)s for work done before"),
        ),
        (
            _(
                "You had to come back on %(happened_on)s, and I am sorry for that. Is everything in"
                " order with the car now?"
            ),
        ),
        "history",
        red=True,
        duty=True,
    ),
    ReasonKind(
        "low_nps",
        _("Low NPS"),
        (
            _("Gave %(score)s of 10 on %(happened_on)s: %(what)s"),
            _("Gave %(score)s of 10 on %(happened_on)s"),
        ),
        (
            _(
                "You told us that your last visit was not as it should be. What would have made it"
                " better?"
            ),
        ),
        "chat",
        duty=True,
    ),
    ReasonKind(
        "first_service",
        _("First service"),
        (
            _(
                "First service due on %(due_on)s, %(overdue_days)s days overdue; bought"
                " %(bought_on)s"
            ),
            _("First service due on %(due_on)s, in %(days_ahead)s days; bought %(bought_on)s"),
            _("First service due on %(due_on)s"),
        ),
        (
            _(
                "Your new car has its first service coming up; it keeps the warranty in force."
                " Which day"
                " suits you this week?"
            ),
        ),
        "wrench",
    ),
    ReasonKind(
        "due",
        _("Periodic service"),
        (
            _(
                "Last service %(months_since)s months ago (%(last_on)s); due on %(due_on)s,"
                " %(overdue_days)s days overdue"
            ),
            _(
                "Last service %(months_since)s months ago (%(last_on)s); due on %(due_on)s, in"
                " %(days_ahead)s days"
            ),
            _("Service due on %(due_on)s, %(overdue_days)s days overdue"),
            _("Service due on %(due_on)s, in %(days_ahead)s days"),
        ),
        (
            _(
                "Your car had its last service on %(last_on)s and is due again. Shall I keep a"
                " slot for"
                " you this week?"
            ),
            _("Your car is due for its service. Shall I keep a slot for you this week?"),
        ),
        "wrench",
    ),
    ReasonKind(
        "insurance_renewal",
        _("Insurance renewal"),
        (
            _("Insurance ended on %(until_on)s, %(overdue_days)s days ago"),
            _("Insurance ends today, %(ends_today_on)s"),
            _("Insurance ends on %(until_on)s, in %(days_ahead)s days"),
        ),
        (
            _(
                "Your car insurance ends on %(until_on)s. I can have this year's offers ready"
                " for you;"
                " would you like to compare them?"
            ),
        ),
        "shield",
    ),
    ReasonKind(
        "warranty_ending",
        _("Warranty ending"),
        (
            _("Warranty ended on %(until_on)s, %(overdue_days)s days ago"),
            _("Warranty ends today, %(ends_today_on)s"),
            _("Warranty ends on %(until_on)s, in %(days_ahead)s days"),
        ),
        (
            _(
                "Your warranty ends on %(until_on)s. Let us check the car before that day, so that"
                " anything found is still covered."
            ),
        ),
        "shield",
    ),
    ReasonKind(
        "declined_work",
        _("Declined work"),
        (_("Not done on %(happened_on)s: %(what)s"), _("Work was declined on %(happened_on)s")),
        (
            _(
                "At your last visit we noted: %(what)s. How is it now? I can look at it when you"
                " pass"
                " by."
            ),
            _("At your last visit some work was left open. How is the car now?"),
        ),
        "list",
    ),
    ReasonKind(
        "package_balance",
        _("Prepaid balance expiring"),
        (
            _("%(balance_fen)s prepaid and not used; ends on %(until_on)s, in %(days_ahead)s days"),
            _("%(balance_fen)s prepaid and not used; ended on %(until_on)s"),
        ),
        (
            _(
                "You still have %(balance_fen)s of prepaid service that ends on %(until_on)s."
                " Shall I"
                " book it in before then?"
            ),
        ),
        "coins",
    ),
    ReasonKind(
        "lost",
        _("Away 12 to 24 months"),
        (
            _("Last visit %(months_since)s months ago (%(last_on)s)"),
            _("No visit since the purchase on %(bought_on)s"),
        ),
        (
            _(
                "We have not seen your car since %(last_on)s. Do you still drive it? I would"
                " like to"
                " offer you a free check."
            ),
            _(
                "We have not seen your car for a while. Do you still drive it? I would like to"
                " offer you"
                " a free check."
            ),
        ),
        "clock",
    ),
    ReasonKind(
        "lost_pool",
        _("Away over 24 months"),
        (
            _("Last visit %(months_since)s months ago (%(last_on)s)"),
            _("No visit since the purchase on %(bought_on)s"),
        ),
        (
            _(
                "It is long since we saw your car. Do you still drive it? I would like to offer"
                " you a"
                " free check."
            ),
        ),
        "clock",
    ),
    ReasonKind(
        "model_risk",
        _("Churn risk"),
        (
            _("The model sees a high risk of losing this customer: %(signs)s"),
            _("The model sees a high risk of losing this customer"),
        ),
        (
            _(
                "I am your advisor and wanted to hear how the car is running. Is there anything"
                " we could"
                " do better for you?"
            ),
        ),
        "trend",
    ),
    ReasonKind(
        "other",
        _("Other reason"),
        (_("See the customer's history"),),
        (_("I wanted to hear how the car is running."),),
        "dot",
    ),
)
BY_CODE: dict[str, ReasonKind] = {kind.code: kind for kind in KINDS}
RANK: dict[str, int] = {kind.code: rank for rank, kind in enumerate(KINDS)}
# What the churn model points at, as phrases; names in them come from the reason's own evidence.
SIGNS: dict[str, tuple[Text, ...]] = {
    "silent_beyond_rhythm": (
        _("silent for %(days_since_visit)s days, usually every %(mean_gap)s"),
        _("silent for longer than usual"),
    ),
    "never_came": (_("has never come for service"),),
    "long_silence": (
        _("silent for %(days_since_visit)s days"),
        _("silent for a long time"),
    ),
    "service_overdue": (
        _("service %(days_past_due)s days past due"),
        _("service past due"),
    ),
    "long_interval": (_("long service interval"),),
    "drives_little": (_("drives %(km_per_day)s km a day"), _("drives little")),
    "sold_vehicle": (_("has parted with the vehicle"),),
    "ageing_vehicle": (_("vehicle %(vehicle_age)s years old"), _("ageing vehicle")),
    "warranty_ended": (_("warranty has ended"),),
    "warranty_ending": (
        _("warranty ends in %(months_to_warranty_end)s months"),
        _("warranty ends soon"),
    ),
    "fewer_visits": (
        _("%(visits_12m)s visits in 12 months, %(visits_24m)s in 24"),
        _("visits have become rarer"),
    ),
    "few_visits": (_("less than one visit a year"),),
    "seldom_pays": (_("seldom pays for work himself"),),
    "spends_less": (_("spends less than the year before"),),
    "insurance_elsewhere": (_("insured elsewhere"),),
    "new_customer": (_("customer for less than a year"),),
    "lives_far_away": (_("lives %(distance_km)s away"), _("lives far away")),
    "complained": (_("has complained"),),
    "rated_low": (_("last NPS score %(nps_last)s"), _("low NPS score")),
    "came_back": (_("had to come back for the same work"),),
    "declined_work": (_("declined recommended work"),),
    "missed_appointment": (_("missed an appointment"),),
}
OTHER_SIGN: Text = _("a pattern in the visits that the model has learnt")


DUTIES: tuple[str, ...] = tuple(kind.code for kind in KINDS if kind.duty)


def kind_of(code: str) -> ReasonKind:
    """The kind of a code; a code of an older or newer version is shown as "other reason"."""
    return BY_CODE.get(code, BY_CODE["other"])


def evidence_text(code: str, evidence: Mapping[str, Any], today: date) -> str:
    """The evidence in one line, in the active language."""
    return _first_complete(kind_of(code).evidence, words(evidence, today))


def opening_line(code: str, evidence: Mapping[str, Any], today: date) -> str:
    """What the advisor may say first, in the active language."""
    return _first_complete(kind_of(code).opening, words(evidence, today))


def signs(reasons: Sequence[Any]) -> list[str]:
    """A model's reasons as at most three phrases, each once.

    A reason is a code, or a mapping with "code" and "evidence"; a code that this version does not
    know gets a general phrase.
    """
    phrases = []
    for reason in reasons:
        given: Mapping[str, Any] = reason if isinstance(reason, Mapping) else {"code": reason}
        evidence: Mapping[str, Any] = given.get("evidence") or {}
        known = {name: _word(name, value) for name, value in evidence.items() if value is not None}
        phrases.append(_first_complete(SIGNS.get(str(given.get("code")), (OTHER_SIGN,)), known))
    return list(dict.fromkeys(phrases))[:3]


def words(evidence: Mapping[str, Any], today: date) -> dict[str, str]:
    """Evidence as people read it.

    Names end in their unit: ``_on`` an ISO date, ``_fen`` money, ``_km`` a distance. Of ``due_on``
    and ``until_on`` the distance from ``today`` is added, of ``last_on`` the months since.
    """
    known = {name: value for name, value in evidence.items() if value not in (None, "", [])}
    shown = {name: _word(name, value) for name, value in known.items()}
    limit = known.get("due_on") or known.get("until_on")
    if limit:
        past = (today - date.fromisoformat(limit)).days
        if past == 0:
            shown["ends_today_on"] = formats.date(today)
        shown["overdue_days" if past > 0 else "days_ahead"] = formats.integer(abs(past))
    if "last_on" in known:
        months = (today - date.fromisoformat(known["last_on"])).days / 30.4375
        shown["months_since"] = formats.integer(months)
    return shown


def _word(name: str, value: Any) -> str:
    if name.endswith("_on"):
        return formats.date(date.fromisoformat(value))
    if name.endswith("_fen"):
        return formats.money(value)
    if name.endswith("_km"):
        return formats.km(value)
    if name == "signs":
        return ("；" if formats.in_chinese() else "; ").join(signs(value))
    if isinstance(value, float):
        return formats.decimal(value, 0)
    return str(value)


def _first_complete(templates: Sequence[Text], known: Mapping[str, str]) -> str:
    for template in templates[:-1]:
        try:
            return str(template) % known
        except KeyError:
            continue
    try:
        return str(templates[-1]) % known
    except KeyError:
        # Evidence written by another version: say what it is about rather than nothing.
        return ""
