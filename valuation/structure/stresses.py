"""Stresses of a pool's collections, and the library of them that every structure is shown under.

A stress changes the base case month by month, in this order: attrition (S becomes S^m), a store's
closure and the brand's exit (a share of the pool is gone from a month on), volume and margin (both
scale the money; they are kept apart because they are argued apart), delay (everything arrives
months later; what would arrive after the horizon is lost to the deal).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from valuation.refusals import Refusal, as_fraction, gettext_noop, refuse_any, whole, within
from valuation.structure.deals import MAX_PERIODS

MAX_ATTRITION = 10.0
MAX_DELAY = 24
NO_SURVIVAL = gettext_noop(
    "%(field)s needs the survival curve of the pool, which these collections do not have."
)


@dataclass(frozen=True)
class Loss:
    """``share`` of the collections is gone from month ``month`` (1..n) on."""

    share: float = 0.0
    month: int = 1

    def kept(self, t: int) -> float:
        return 1.0 - self.share if t >= self.month else 1.0


@dataclass(frozen=True)
class Stress:
    """All of them at once; the default stresses nothing.

    ``attrition`` is the multiple m of S^m, ``margin`` and ``volume`` are haircuts (shares lost),
    ``delay`` is in months.
    """

    attrition: float = 1.0
    margin: float = 0.0
    volume: float = 0.0
    delay: int = 0
    store: Loss = field(default_factory=Loss)
    brand: Loss = field(default_factory=Loss)

    @property
    def is_base(self) -> bool:
        lost = self.store.share or self.brand.share
        plain = Stress(store=self.store, brand=self.brand)
        return not lost and self == plain


def check(stress: Stress) -> None:
    """Raise :class:`valuation.refusals.Refused` naming every part that is out of range."""
    refuse_any(
        [
            within("attrition", stress.attrition, 0.0, MAX_ATTRITION),
            as_fraction("margin", stress.margin, closed=True),
            as_fraction("volume", stress.volume, closed=True),
            whole("delay", stress.delay, 0, MAX_DELAY),
            as_fraction("store.share", stress.store.share, closed=True),
            whole("store.month", stress.store.month, 1, MAX_PERIODS),
            as_fraction("brand.share", stress.brand.share, closed=True),
            whole("brand.month", stress.brand.month, 1, MAX_PERIODS),
        ]
    )


def stressed(
    collections: Sequence[float], survival: Sequence[float] | None, stress: Stress
) -> tuple[float, ...]:
    """``collections`` (n yuan amounts) under ``stress``; ``survival`` is S(1..n) of the pool.

    Raises :class:`valuation.refusals.Refused` for an attrition multiple without a survival curve.
    """
    check(stress)
    if stress.attrition != 1.0 and survival is None:
        refuse_any([Refusal("attrition", NO_SURVIVAL)])
    kept = (1.0 - stress.margin) * (1.0 - stress.volume)
    extra = stress.attrition - 1.0
    amounts = []
    for t, amount in enumerate(collections, start=1):
        left = survival[t - 1] ** extra if survival is not None and extra else 1.0
        amounts.append(amount * kept * left * stress.store.kept(t) * stress.brand.kept(t))
    late = [0.0] * min(stress.delay, len(amounts))
    return (*late, *amounts[: len(amounts) - len(late)])


@dataclass(frozen=True)
class Scenario:
    """A named stress; ``why`` says what it stands for."""

    key: str
    name: str
    stress: Stress
    why: str


def library(
    largest_store: float, brand: float, *, with_survival: bool = True
) -> tuple[Scenario, ...]:
    """The scenarios every structure is shown under, mildest first.

    ``largest_store`` and ``brand``: shares of the collections of the largest store and of the
    largest brand that a store's closure and a brand's exit would take.
    """
    severe = Stress(attrition=2.0 if with_survival else 1.0, margin=0.20, volume=0.15, delay=1)
    scenarios = (
        Scenario("base", gettext_noop("Base"), Stress(), gettext_noop("the expected flows")),
        Scenario(
            "attrition_1_5",
            gettext_noop("Attrition × 1.5"),
            Stress(attrition=1.5),
            gettext_noop("customers leave half as fast again: S becomes S^1.5"),
        ),
        Scenario(
            "attrition_2",
            gettext_noop("Attrition × 2"),
            Stress(attrition=2.0),
            gettext_noop("customers leave twice as fast: S becomes S²"),
        ),
        Scenario(
            "margin_20",
            gettext_noop("Margin −20%"),
            Stress(margin=0.20),
            gettext_noop("parts and labour prices fall, or costs rise"),
        ),
        Scenario(
            "volume_15",
            gettext_noop("Volume −15%"),
            Stress(volume=0.15),
            gettext_noop("longer service intervals, fewer kilometres, more electric cars"),
        ),
        Scenario(
            "delay_3",
            gettext_noop("Three months late"),
            Stress(delay=3),
            gettext_noop("closed workshops or late settlement"),
        ),
        Scenario(
            "store_closes",
            gettext_noop("Largest store closes after 12 months"),
            Stress(store=Loss(largest_store, 13)),
            gettext_noop("its customers are taken as lost altogether"),
        ),
        Scenario(
            "brand_exits",
            gettext_noop("Largest brand ends the authorisation after 24 months"),
            Stress(brand=Loss(brand, 25)),
            gettext_noop("nothing of its customers is kept"),
        ),
        Scenario(
            "severe",
            gettext_noop("Severe: all together"),
            severe,
            gettext_noop("attrition × 2, margin −20%, volume −15%, one month late"),
        ),
    )
    if with_survival:
        return scenarios
    return tuple(one for one in scenarios if one.stress.attrition == 1.0)
