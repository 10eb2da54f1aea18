"""Small groups of dealers for the tests, made through the same tables as real ones."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from customers.models import Customer, CustomerSource, Ownership, Vehicle, Visit
from organization.access import Access, entered, entered_installation
from organization.models import Account, Assignment, Grant, Staff, Tenant, Unit

# username: (role, unit)
PEOPLE = {
    "ceo": ("executive", ""),
    "division_lux": ("manager", "-LUX"),
    "region_east": ("manager", "-E"),
    "store_manager": ("manager", "-S1"),
    "advisor": ("advisor", "-S1"),
    "advisor_s2": ("advisor", "-S2"),
    "analyst": ("analyst", ""),
    "steward": ("data_steward", ""),
    "auditor": ("auditor", ""),
    "admin": ("administrator", ""),
}
# suffix: (level, parent suffix)
TREE = {
    "": ("group", None),
    "-LUX": ("division", ""),
    "-JV": ("division", ""),
    "-E": ("region", "-LUX"),
    "-W": ("region", "-LUX"),
    "-N": ("region", "-JV"),
    "-S1": ("store", "-E"),
    "-S2": ("store", "-E"),
    "-S3": ("store", "-W"),
    "-S4": ("store", "-N"),
}


@dataclass
class Group:
    """A tenant and what a test needs of it; ``units`` are keyed by suffix, '' is the group."""

    tenant: Tenant
    units: dict[str, Unit] = field(default_factory=dict)
    accounts: dict[str, Account] = field(default_factory=dict)
    staff: dict[str, Staff] = field(default_factory=dict)

    @property
    def system(self) -> Access:
        return Access.system(self.tenant.pk, "test")


def make_group(code: str) -> Group:
    with entered_installation("test"):
        tenant = Tenant(code=code, name=f"Group {code}")
        tenant.save()
    group = Group(tenant)
    with entered(group.system):
        for suffix, (level, parent) in TREE.items():
            unit = Unit(
                tenant=tenant,
                code=code + suffix,
                name=f"{level} {code}{suffix}",
                level=level,
                parent=None if parent is None else group.units[parent],
                store_kind="4s" if level == "store" else "",
            )
            unit.save()
            unit.path = [*(unit.parent.path if unit.parent else []), unit.pk]
            unit.save()
            group.units[suffix] = unit
        for username, (role, suffix) in PEOPLE.items():
            add_person(group, username, role, suffix)
    return group


def add_person(group: Group, username: str, role: str, suffix: str) -> Account:
    account = Account(
        tenant=group.tenant, username=username, login=f"{username}@{group.tenant.code}".lower()
    )
    account.set_unusable_password()
    account.save()
    person = Staff.objects.create(
        tenant=group.tenant, username=username, name=username, account=account
    )
    Assignment.objects.create(
        tenant=group.tenant,
        staff=person,
        role=role,
        unit=group.units[suffix],
        valid_from=date(2020, 1, 1),
    )
    group.accounts[username], group.staff[username] = account, person
    return account


def add_assignment(
    group: Group,
    username: str,
    role: str,
    suffix: str,
    start: date = date(2021, 1, 1),
    end: date | None = None,
) -> Assignment:
    """One more assignment of a person; call inside an entered access."""
    return Assignment.objects.create(
        tenant=group.tenant,
        staff=group.staff[username],
        role=role,
        unit=group.units[suffix],
        valid_from=start,
        valid_to=end,
    )


def add_grant(group: Group, username: str, capability: str, suffix: str, **values: Any) -> Grant:
    """A grant in force, asked for by the administrator; call inside an entered access."""
    return Grant.objects.create(
        **{
            "tenant": group.tenant,
            "staff": group.staff[username],
            "capability": capability,
            "unit": group.units[suffix],
            "reason": "cover during an absence",
            "granted_by": group.staff["admin"],
            "approved_by": group.staff["ceo"],
            "valid_from": date(2021, 1, 1),
            "valid_to": date(2100, 1, 1),
            **values,
        }
    )


def make_customer(group: Group, suffix: str = "-S1", name: str = "王芳", **values: Any) -> Customer:
    """A customer with one number at one store; call inside an entered access."""
    store = group.units[suffix]
    customer = Customer.objects.create(
        tenant=group.tenant,
        name=name,
        name_key=name.lower(),
        home_store=store,
        stores=[store.pk],
        **values,
    )
    CustomerSource.objects.create(
        tenant=group.tenant,
        store=store,
        customer=customer,
        customer_no=f"C{customer.pk}",
        name=name,
        kind=customer.kind,
    )
    return customer


def make_vehicle(
    group: Group, customer: Customer, vin: str, sold_on: date | None = None, **values: Any
) -> Vehicle:
    """A vehicle owned by ``customer`` since ``sold_on``."""
    plate = values.pop("plate", "")
    vehicle = Vehicle.objects.create(
        tenant=group.tenant,
        vin=vin,
        vin_tail=vin[-6:],
        plate=plate,
        plate_tail=plate[-5:],
        stores=customer.stores,
        **values,
    )
    source = customer.sources.get()
    Ownership.objects.create(
        tenant=group.tenant,
        store=source.store,
        vehicle=vehicle,
        customer=customer,
        source=source,
        sold_on=sold_on,
        owned_from=sold_on,
    )
    return vehicle


def make_visit(
    group: Group, customer: Customer, day: date, paid_fen: int = 100_000, **values: Any
) -> Visit:
    source = customer.sources.get()
    return Visit.objects.create(
        tenant=group.tenant,
        store=source.store,
        ro_no=values.pop("ro_no", f"RO{Visit.objects.count() + 1}"),
        source=source,
        customer=customer,
        opened_at=datetime(day.year, day.month, day.day, 2, tzinfo=UTC),
        day=day,
        pay_customer_fen=paid_fen,
        **values,
    )
