"""Managers and base models of rows that belong to a tenant, a unit, a store or several stores."""

from typing import Any, Self, TypeVar

from django.db import models

from organization.access import Access, Capability, current_access

M = TypeVar("M", bound=models.Model, covariant=True)


class ScopedQuerySet(models.QuerySet[M]):
    """``visible_to`` is the explicit filter that finds the index; the policy stands behind."""

    def visible_to(self, access: Access, capability: Capability | None = None) -> Self:
        """Rows of the access's tenant and units; with a capability, of the units that have it."""
        rows = self.filter(tenant_id=access.tenant_id)
        units = access.reach if capability is None else access.units_for(capability)
        if capability is not None and not units:
            return rows.none()
        scope = getattr(self.model, "row_scope", "tenant")
        if units.everything or scope == "tenant":
            return rows
        if scope == "stores":
            return rows.filter(stores__overlap=list(units.ids))
        return rows.filter(**{f"{scope}_id__in": units.ids})


class ScopedManager(models.Manager.from_queryset(ScopedQuerySet)):  # type: ignore[misc]
    """Refuses to answer outside an access context (``organization.access.entered``)."""

    def get_queryset(self) -> ScopedQuerySet[Any]:
        access = current_access()
        return super().get_queryset().filter(tenant_id=access.tenant_id)


class TenantOwned(models.Model):
    """A row of one tenant (dealer group)."""

    row_scope = "tenant"
    tenant = models.ForeignKey(
        "organization.Tenant", on_delete=models.CASCADE, related_name="+", db_index=False
    )
    objects = ScopedManager()

    class Meta:
        abstract = True


class UnitOwned(TenantOwned):
    """A row of one unit of any level."""

    row_scope = "unit"
    unit = models.ForeignKey(
        "organization.Unit", on_delete=models.PROTECT, related_name="+", db_index=False
    )

    class Meta(TenantOwned.Meta):
        abstract = True


class StoreOwned(TenantOwned):
    """A row of one store."""

    row_scope = "store"
    store = models.ForeignKey(
        "organization.Unit", on_delete=models.PROTECT, related_name="+", db_index=False
    )

    class Meta(TenantOwned.Meta):
        abstract = True
