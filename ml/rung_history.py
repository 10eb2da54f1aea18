"""How the rungs did in kept back-tests: what a training counts beside its own held-out year."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import date, timedelta

from ml.lifetime_value import Key
from ml.models import BackTest
from organization.access import Access, entered

HALF_A_YEAR = timedelta(days=180)
YEARS = 2


def earlier_losses(access: Access, as_of: date) -> dict[Key, list[Mapping[str, float]]]:
    """Per cohort the deviances of the held-out years of kept back-tests, newest first.

    A back-test's choices were judged on the year before its origin; a training as of ``as_of``
    judges the year before that day itself, so only clearly earlier origins count.
    """
    with entered(access):
        rows = list(
            BackTest.objects.filter(
                rung=BackTest.Rung.CHAMPION, division=None, origin__lte=as_of - HALF_A_YEAR
            )
            .order_by("-origin")
            .values_list("result__choices", flat=True)[:YEARS]
        )
    found: dict[Key, list[Mapping[str, float]]] = defaultdict(list)
    for choices in rows:
        for name, choice in (choices or {}).items():
            division, _, segment = name.partition("/")
            found[division, segment].append(choice["losses"])
    return dict(found)
