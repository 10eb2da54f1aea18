"""The monthly capital report as a document: its chapters in the order that a reader asks."""

from dataclasses import replace

from django.utils.translation import gettext as _

from valuation.reports.basis_chapter import basis_section
from valuation.reports.customer_chapter import cohort_section, concentration_section
from valuation.reports.document import Document, Section
from valuation.reports.indicator_chapter import alarm_grid, indicator_section, task_section
from valuation.reports.monthly import MonthlyReport
from valuation.reports.pool_chapter import forecast_section, pool_section
from valuation.reports.records import Facts
from valuation.reports.subject import Subject
from valuation.reports.value_chapter import change_section, value_section
from web import formats


def notice() -> str:
    return _("Management estimate, structuring simulation, not a rated or eligible asset.")


def report_of(subject: Subject, facts: Facts | None = None) -> Document:
    """Every chapter, in an entered access; in the active language. ``facts`` that were read already
    are not read again."""
    facts = facts or subject.reading.facts()
    found = MonthlyReport(subject, facts, notice())
    document = found.document()
    *figures, risk = document.sections
    sections = [
        value_section(subject),
        change_section(subject),
        *figures,
        indicator_section(subject),
        cohort_section(subject),
        concentration_section(subject),
        pool_section(subject),
        forecast_section(subject),
        _with_alarms(risk, subject),
        task_section(subject),
        basis_section(subject),
    ]
    return replace(document, sections=sections, headline=headline(subject), stamp=stamp(subject))


def _with_alarms(risk: Section, subject: Subject) -> Section:
    return replace(risk, grids=[alarm_grid(subject), *risk.grids])


def headline(subject: Subject) -> list[tuple[str, str, str]]:
    """The figures of the cover: value with band, change, customers, confidence."""
    valued = subject.valued
    band = f"P5 {formats.money(valued.p5_fen)} · P95 {formats.money(valued.p95_fen)}"
    former = subject.former[0] if subject.former else None
    moved, since = formats.NOT_KNOWN, _("first valuation")
    if former is not None and former.expected_fen > 0:
        change = valued.expected_fen / former.expected_fen - 1
        moved = formats.signed(formats.percent(change))
        since = _("since %(day)s") % {"day": formats.date(former.valuation.as_of)}
    each = valued.expected_fen / valued.customers if valued.customers else None
    return [
        (_("Value"), formats.money(valued.expected_fen), band),
        (_("Change"), moved, since),
        (
            _("Customers"),
            formats.integer(valued.customers),
            _("%(amount)s each") % {"amount": formats.money(None if each is None else round(each))},
        ),
        (
            _("Data confidence"),
            formats.decimal(subject.valuation.confidence, 1),
            _("of 100, when it was made"),
        ),
    ]


def stamp(subject: Subject) -> str:
    """What identifies the edition, at the foot of every page and sheet."""
    valuation = subject.valuation
    return _("%(unit)s · as of %(day)s · assumptions v%(version)s · input %(hash)s") % {
        "unit": subject.unit.name,
        "day": formats.date(valuation.as_of),
        "version": valuation.assumptions.version,
        "hash": valuation.input_hash[:12],
    }
