"""Why a unit's value changed from one valuation to a later one: the bridge, kept and drawn."""

from hashlib import blake2b

from django.core.cache import cache
from django.utils.translation import gettext as _

from valuation.engine import CODE_VERSION
from valuation.models import Valuation, ValuedUnit
from valuation.roll_forward import STEPS, Step, roll_forward
from valuation.shown import Shown
from web import charts

_KEPT_SECONDS = 30 * 86_400


def valuation_before(shown: Shown) -> Valuation | None:
    """The newest valuation of an earlier date that has the unit; of several for one day the last
    made."""
    having = ValuedUnit.objects.visible_to(shown.access).filter(unit=shown.unit)
    before: Valuation | None = (
        Valuation.objects.visible_to(shown.access)
        .filter(pk__in=having.values("valuation_id"), as_of__lt=shown.valuation.as_of)
        .select_related("assumptions", "score_set")
        .order_by("-as_of", "-created_at")
        .first()
    )
    return before


def steps_between(older: Valuation, newer: Valuation, shown: Shown) -> list[Step]:
    """:func:`~valuation.roll_forward.roll_forward` for the shown unit and the stores in view.

    Both valuations are immutable, so that the bars are kept: at a million customers they take
    seconds. Raises :class:`~valuation.refusals.Refused` unless ``older`` is of an earlier date.
    """
    stores = sorted(one.unit.pk for one in shown.stores) or [shown.unit.pk]
    place = blake2b(repr((shown.unit.pk, stores)).encode(), digest_size=8).hexdigest()
    key = f"bridge-{CODE_VERSION}-{older.pk}-{newer.pk}-{place}"
    kept: list[tuple[str, int]] | None = cache.get(key)
    if kept is None:
        steps = roll_forward(older, newer, shown.unit.pk, stores)
        kept = [(one.step, one.amount_fen) for one in steps]
        cache.set(key, kept, _KEPT_SECONDS)
    return [Step(*one) for one in kept]


def picture(title: str, steps: list[Step]) -> charts.Figure:
    """The bars of ``steps``; those of nothing are left out."""
    first, *changes, last = steps
    return charts.bridge(
        title,
        (_(STEPS[first.step]), first.amount_fen),
        [(_(STEPS[one.step]), one.amount_fen) for one in changes if one.amount_fen],
        _(STEPS[last.step]),
    )
