"""Back-tests of a group: which days, carried out and kept."""

from collections.abc import Sequence
from datetime import date

from django.db import transaction

from ml.backtest import DivisionResult, back_test
from ml.churn import YEAR
from ml.churn import NotEnoughData as NotEnoughForModel
from ml.configuration import DEFAULTS
from ml.extraction import Extract, NotEnoughData, extract
from ml.models import BackTest
from ml.rung_history import HALF_A_YEAR
from organization import audit
from organization.access import Access, entered
from organization.models import Unit

ORIGINS = 3


def origins(as_of: date, count: int = ORIGINS) -> list[date]:
    """The days one, two, … years before ``as_of``."""
    return [as_of - years * YEAR for years in range(1, count + 1)]


def carry_out(access: Access, as_of: date, count: int = ORIGINS) -> list[date]:
    """Back-test the group at its rolling origins and keep the results; the days judged.

    An origin with too little before it is left out, with those before. Kept results within half a
    year of an origin are replaced; those farther away stay, they were true then.

    Raises:
        NotEnoughData: not even the latest origin can be judged.
    """
    with entered(access):
        data = extract(as_of)
    judged: list[date] = []
    for origin in origins(as_of, count):
        try:
            results = back_test(data, origin, DEFAULTS)
        except (NotEnoughData, NotEnoughForModel, ValueError) as lacking:
            if not judged:
                raise NotEnoughData(f"No back-test at {origin}: {lacking}") from lacking
            break
        _keep(access, data, origin, results)
        judged.append(origin)
    return judged


def _keep(access: Access, data: Extract, origin: date, results: Sequence[DivisionResult]) -> None:
    with entered(access), transaction.atomic():
        ids = dict(Unit.objects.filter(level__in=["division", "group"]).values_list("code", "pk"))
        near = (origin - HALF_A_YEAR, origin + HALF_A_YEAR)
        BackTest.objects.filter(origin__range=near).delete()
        BackTest.objects.bulk_create(
            BackTest(
                tenant_id=access.tenant_id,
                division_id=None if one.division is None else ids[one.division],
                origin=origin,
                as_of=data.as_of,
                rung=one.rung,
                result=one.result,
            )
            for one in results
        )
        audit.record(access, "backtest.kept", f"origin:{origin}", as_of=str(data.as_of))
