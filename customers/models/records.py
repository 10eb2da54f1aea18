"""What the rows that arrive by the million have in common."""

from django.db import models

from organization.scoping import StoreOwned


class LoadedRecord(StoreOwned):
    """A row of one store that files bring by the million: a visit, a line, a contract, an event.

    PostgreSQL checks a foreign key row by row, which took longer than loading. So no key here is a
    constraint of that kind. Those to customer number, customer, vehicle and visit are checked by
    set, in the database, whoever writes (``customers.set_keys``). Tenant and store are not checked
    again: the importer takes both from the store that it found by its code, row-level security
    lets no row of another tenant in, and the customer number that the row hangs on has both as
    foreign keys. Deleting a unit is refused by the ORM as before.
    """

    tenant = models.ForeignKey(
        "organization.Tenant",
        on_delete=models.CASCADE,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    store = models.ForeignKey(
        "organization.Unit",
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )

    class Meta(StoreOwned.Meta):
        abstract = True
