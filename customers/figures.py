"""The figures of the profile page, each with what stands behind it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from customers import reasons, scores, tags
from customers.dossier import Dossier
from customers.models.people import CustomerKind
from organization.access import Capability
from web import formats
from web.components import Lineage
from web.shell import Text, Tone

RISKS: dict[str, tuple[str | Promise, Tone]] = {
    "high": (gettext_lazy("High"), "bad"),
    "medium": (gettext_lazy("Medium"), "warn"),
    "low": (gettext_lazy("Low"), "good"),
}
PAYERS: dict[str, str | Promise] = {
    "customer": gettext_lazy("Customer-pay"),
    "insurance": gettext_lazy("Insurer"),
    "warranty": gettext_lazy("Manufacturer"),
}
MOST_TAGS = 8


def _day(iso: str) -> str:
    return formats.date(date.fromisoformat(iso))


# What tags rest on (customers.tags), each name with its term and how its value is written.
EVIDENCE: dict[str, tuple[str | Promise, Callable[[Any], str]]] = {
    "last_nps_score": (pgettext_lazy("evidence", "score"), formats.integer),
    "last_nps_on": (pgettext_lazy("evidence", "answered"), _day),
    "churn_12m": (gettext_lazy("Churn in 12 months"), formats.percent),
    "threshold": (pgettext_lazy("evidence", "at least"), lambda share: formats.percent(share, 0)),
    "due_on": (pgettext_lazy("evidence", "due"), _day),
    "warranty_until": (pgettext_lazy("evidence", "until"), _day),
    "last_visit_on": (gettext_lazy("Last visit"), _day),
    "ltv_fen": (gettext_lazy("Lifetime value"), formats.money),
    "threshold_fen": (pgettext_lazy("evidence", "at least"), formats.money),
    "born_on": (pgettext_lazy("evidence", "since"), _day),
    "kind": (pgettext_lazy("evidence", "kept as"), lambda kind: str(CustomerKind(kind).label)),
}


@dataclass(frozen=True)
class Figure:
    """One figure: label, value in words, lineage, and how it is to be taken."""

    label: Text
    value: Text
    lineage: Lineage
    tone: str = ""
    note: Text = ""


@dataclass(frozen=True)
class Tag:
    """A tag with the rule that set it and, where the reader may see it, the evidence."""

    label: Text
    rule: Text
    tone: str
    evidence: list[tuple[str, str]] = field(default_factory=list)


def counted(record: Dossier) -> list[Figure]:
    """What is counted from the records: days since the last visit, visits, NPS."""
    totals = record.totals
    orders = _("%(count)s repair orders that you may see") % {
        "count": formats.integer(totals["orders"])
    }

    def lineage(formula: str) -> Lineage:
        return Lineage(formula, orders, "#timeline", record.today)

    last, answer = totals["last_on"], record.last_answer
    since = formats.NOT_KNOWN if last is None else formats.integer((record.today - last).days)
    sent = _("%(count)s surveys") % {"count": formats.integer(len(record.surveys))}
    score = formats.NOT_KNOWN if answer is None else str(answer.score)
    return [
        Figure(
            _("Days since visit"),
            since,
            lineage(_("today − day of the latest repair order (open or closed)")),
            note=formats.date(last) if last else _("No visit yet"),
        ),
        Figure(
            _("12-month visits"),
            formats.integer(totals["days_12m"]),
            lineage(
                _(
                    "days in the last 365 with an order paid by customer, insurer or manufacturer;"
                    " several orders of one day count once"
                )
            ),
            note=_("%(count)s in all") % {"count": formats.integer(totals["days"])},
        ),
        Figure(
            _("Last NPS"),
            score,
            Lineage(
                _("score of the latest answered survey, 0 to 10"), sent, "#timeline", record.today
            ),
            tone=_nps_tone(answer.score if answer else None),
            note=formats.date(answer.day) if answer else _("No answer yet"),
        ),
    ]


def _nps_tone(score: int | None) -> str:
    if score is None:
        return ""
    return "bad" if score <= tags.DETRACTOR_UP_TO else "good" if score >= tags.PROMOTER_FROM else ""


@dataclass(frozen=True)
class Spend:
    """Spend of the last 12 months (fen, net of VAT) by who paid, and of all time."""

    rows: list[tuple[Text, int, int]]
    lineage: Lineage

    @property
    def total(self) -> tuple[int, int]:
        return sum(row[1] for row in self.rows), sum(row[2] for row in self.rows)


def spend(record: Dossier) -> Spend:
    totals = record.totals
    return Spend(
        [
            (label, totals[f"{payer}_12m"], totals[f"{payer}_all"])
            for payer, label in PAYERS.items()
        ],
        Lineage(
            _("sum of what each payer owes for orders, credits taken off, net of VAT"),
            _("%(count)s repair orders that you may see")
            % {"count": formats.integer(totals["orders"])},
            "#timeline",
            record.today,
        ),
    )


@dataclass(frozen=True)
class Forecast:
    """What the models say, in words for everybody, in figures for those who may see them.

    ``missing`` says why there is none; ``stale`` that it is old.
    """

    missing: Text = ""
    stale: bool = False
    as_of: Any = None
    risk: Figure | None = None
    signs: list[str] = field(default_factory=list)
    grade: Figure | None = None
    probabilities: list[Figure] = field(default_factory=list)


def forecast(record: Dossier) -> Forecast:
    score, score_set = record.score, record.score_set
    if score_set is None:
        return Forecast(_("No scores have been published for this group yet."))
    if score is None:
        return Forecast(_missing(record), as_of=score_set.as_of)

    def lineage(formula: str, rows: str) -> Lineage:
        return Lineage(formula, rows, "#timeline", score_set.as_of, score_set.model_version)

    visits = _("%(count)s repeat visit days, of all stores of the group") % {
        "count": formats.integer(score.frequency)
    }
    return Forecast(
        stale=scores.is_stale(score_set, record.today),
        as_of=score_set.as_of,
        risk=_risk(score, lineage, visits),
        signs=reasons.signs(score.reasons) if _at_risk(score) else [],
        grade=Figure(
            _("Customer grade"),
            score.grade or formats.NOT_KNOWN,
            lineage(
                _(
                    "rank by lifetime value in the group: A first 10%, B next 30%, C next 40%,"
                    " D the rest"
                ),
                visits,
            ),
        ),
        probabilities=_probabilities(score, score_set, lineage, visits)
        if record.access.may(Capability.SEE_PROBABILITIES, score.store_id)
        else [],
    )


def _at_risk(score: Any) -> bool:
    """Of a low risk there is nothing to explain."""
    return bool(score.in_churn_population and score.risk in ("high", "medium"))


def _missing(record: Dossier) -> str:
    if not record.access.covers(record.customer.home_store_id):
        return _("The forecast belongs to the home store, %(store)s.") % {
            "store": record.customer.home_store.name
        }
    return _("This customer is not in the scores of %(day)s; the next run includes him.") % {
        "day": formats.date(record.score_set.as_of) if record.score_set else ""
    }


def _risk(score: Any, lineage: Any, visits: str) -> Figure:
    formula = lineage(
        _("12-month churn model in three bands: high, medium, low (model page)"), visits
    )
    if not score.in_churn_population:
        away = _("Away for over 24 months")
        return Figure(_("Churn risk"), _("Lost"), formula, "bad", away)
    word, tone = RISKS.get(score.risk, (formats.NOT_KNOWN, "neutral"))
    return Figure(_("Churn risk"), word, formula, tone)


def _probabilities(score: Any, score_set: Any, lineage: Any, visits: str) -> list[Figure]:
    years = formats.decimal(score_set.horizon_months / 12, 0)
    return [
        Figure(
            _("Churn in 12 months"),
            formats.percent(score.churn_12m),
            lineage(_("P(no visit day within 365 days)"), visits),
        ),
        Figure(
            _("Still a customer"),
            formats.percent(score.p_alive),
            lineage(_("P(alive | frequency, recency, age)"), visits),
        ),
        Figure(
            _("Expected visits, 12 months"),
            formats.decimal(score.expected_visits_12m, 2),
            lineage(_("E[visit days in (0, 12 months]], survival included"), visits),
        ),
        Figure(
            _("Expected revenue, 12 months"),
            formats.money(score.expected_revenue_12m_fen),
            lineage(_("expected visits × expected revenue per visit, net of VAT"), visits),
        ),
        Figure(
            _("Expected margin, 12 months"),
            formats.money(score.expected_margin_12m_fen),
            lineage(_("expected visits × expected margin per visit"), visits),
        ),
        Figure(
            _("Value over %(years)s years") % {"years": years},
            formats.money(score.ltv_fen),
            lineage(_("Σ margin of month k · (1 + d)^(−k/12)"), visits),
        ),
    ]


def _evidence(evidence: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Term and value of what a tag rests on; names that this version does not know are left out."""
    return [
        (str(EVIDENCE[name][0]), EVIDENCE[name][1](value))
        for name, value in evidence.items()
        if name in EVIDENCE and value is not None
    ]


def tags_of(record: Dossier) -> list[Tag]:
    """At most eight tags in the order of the rules; forecasts' evidence for managers only."""
    held = {tag.code: tag for tag in record.tags}
    shown = []
    for rule in tags.RULES:
        if rule.code not in held:
            continue
        tag = held[rule.code]
        told = record.access.may(Capability.SEE_PROBABILITIES, tag.store_id)
        evidence = tag.evidence if told or rule.code not in tags.FORECAST_TAGS else {}
        shown.append(Tag(rule.label, rule.rule, rule.tone, _evidence(evidence)))
    return shown[:MOST_TAGS]
