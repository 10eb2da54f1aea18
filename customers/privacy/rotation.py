"""Putting everything that a master key wraps under the newest one, in batches.

Persons' keys name the master key that wraps them, so the work continues where it was interrupted
and two runs beside each other do no harm. Fields of other models that a master key seals directly
are declared by ``sealed_by_master`` and sealed again each time.
"""

from collections.abc import Iterator
from typing import Any

from django.apps import apps

from customers.models import PersonKey
from organization.access import Access, entered
from organization.scoping import TenantOwned
from organization.sealing import newest_master, rotated


def rotate_keys(tenant_id: int, batch: int) -> Iterator[int]:
    """Wrap the persons' keys of one group anew; yields how many each transaction did.

    Raises:
        cryptography.fernet.InvalidToken: a key is wrapped by none of the configured master keys.
    """
    access = Access.system(tenant_id, "rotate keys")
    while True:
        with entered(access):
            keys = list(
                PersonKey.objects.visible_to(access)
                .exclude(master=newest_master())
                .order_by("pk")
                .select_for_update(skip_locked=True)[:batch]
            )
            for key in keys:
                key.wrapped, key.master = rotated(key.wrapped), newest_master()
            PersonKey.objects.bulk_update(keys, ["wrapped", "master"], batch_size=1_000)
        if not keys:
            return
        yield len(keys)


def rotate_fields(tenant_id: int, batch: int) -> Iterator[int]:
    """Seal anew what models of one group seal with a master key directly."""
    access = Access.system(tenant_id, "rotate keys")
    for model in apps.get_models():
        for field in getattr(model, "sealed_by_master", ()) if _owned(model) else ():
            last = 0
            while rows := _next(access, model, field, last, batch):
                last = rows[-1].pk
                yield len(rows)


def _owned(model: type[Any]) -> bool:
    return issubclass(model, TenantOwned)


def _next(access: Access, model: Any, field: str, last: int, batch: int) -> list[Any]:
    with entered(access):
        rows = list(
            model.objects.visible_to(access)
            .filter(pk__gt=last)
            .exclude(**{field: None})
            .order_by("pk")
            .select_for_update()[:batch]
        )
        for row in rows:
            setattr(row, field, rotated(getattr(row, field)))
        model.objects.bulk_update(rows, [field], batch_size=1_000)
    return rows
