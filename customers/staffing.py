"""Who of the staff is meant by what a store's system wrote down."""

from django.db.models import CharField, F, OuterRef, Subquery
from django.db.models.functions import Coalesce

from organization.access import Access
from organization.models import Staff


def staff_label(access: Access, column: str) -> Coalesce:
    """The name of the person whose user name stands in ``column``, else what stands there."""
    known = Staff.objects.visible_to(access).filter(username=OuterRef(column)).values("name")[:1]
    return Coalesce(Subquery(known, output_field=CharField()), F(column))
