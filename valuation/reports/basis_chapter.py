"""What the figures rest on: assumptions with their sources, who was left out, state of the data."""

from django.utils.translation import gettext as _

from organization.audit import actor_words
from valuation.assumption_page import confidence_rows, data_facts, rows_of
from valuation.assumptions import terms_of
from valuation.reports.document import Grid, Kind, Section
from valuation.reports.subject import Subject
from web import formats


def basis_section(subject: Subject) -> Section:
    """Assumption set, exclusions, data confidence and warnings of the valuation."""
    valuation = subject.valuation
    heads: list[tuple[str, Kind]] = [
        *((_("Assumption"), "text"), (_("Figure"), "figure"), (_("Source"), "text")),
    ]
    assumptions = Grid(
        _("Assumptions, version %(number)s") % {"number": valuation.assumptions.version},
        heads,
        [
            [label, figure, source]
            for label, figure, source in rows_of(valuation.assumptions.values)
        ],
        note=_(valuation.assumptions.reason) if valuation.assumptions.reason else "",
    )
    reasons = {
        "test_customers": _("test customers"),
        "insurers": _("insurers"),
        "internal": _("the group's own entries"),
        "neither_bought_nor_visited": _("neither bought nor visited before the date"),
    }
    counted = [[_("valued, in the group"), valuation.customers]]
    counted += [[reasons.get(key, key), count] for key, count in valuation.excluded.items()]
    rows: list[tuple[str, Kind]] = [(_("Counted"), "text"), (_("Customers"), "integer")]
    state: list[tuple[str, Kind]] = [(_("State of the data"), "text"), (_("Figure"), "figure")]
    facts = [*confidence_rows(valuation), *data_facts(valuation)]
    found = terms_of(valuation.assumptions.values).discount.warnings()
    return Section(
        _("What it rests on"),
        (),
        [
            assumptions,
            Grid(_("Counted and left out"), rows, counted),
            Grid(_("State of the data"), state, [list(one) for one in facts]),
        ],
        [
            *(_(one.msgid) % one.params for one in found),
            _("Valuation %(number)s, written %(when)s by %(who)s; input %(hash)s.")
            % {
                "number": valuation.pk,
                "when": formats.instant(valuation.created_at),
                "who": actor_words(valuation.author),
                "hash": valuation.input_hash[:12],
            },
        ],
    )
