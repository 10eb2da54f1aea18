"""Keys of persons: wrapped by master keys from outside the database, rotated, destroyed."""

import base64
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.fernet import Fernet, InvalidToken
from django.core.management import CommandError, call_command
from django.db import connection

from customers.models import ContactPoint, ImportRun, PersonKey, RejectedRow
from customers.person_keys import ciphers, unsealed
from customers.privacy.rotation import rotate_keys
from organization.access import Access, entered
from organization.sealing import blind_index, newest_master, read_keys, seal, unseal
from tests.customers.records import make_contact
from tests.factories import Group, make_customer

NEW = Fernet.generate_key().decode()


@pytest.fixture
def sealed(group: Group, system: Access) -> ContactPoint:
    return make_contact(make_customer(group), "13912345678")


def test_a_number_is_read_with_its_key(system: Access, sealed: ContactPoint) -> None:
    assert unsealed(system, [sealed.sealed, None]) == ["13912345678", None]


def test_equal_numbers_do_not_look_equal(group: Group, system: Access) -> None:
    one = make_contact(make_customer(group), "13912345678")
    two = make_contact(make_customer(group), "13912345678")
    assert bytes(one.sealed) != bytes(two.sealed)
    assert bytes(one.lookup) == bytes(two.lookup)


def test_without_its_key_a_number_is_lost(system: Access, sealed: ContactPoint) -> None:
    PersonKey.objects.all().delete()
    assert unsealed(system, [sealed.sealed]) == [None]


def test_an_altered_value_is_not_read(system: Access, sealed: ContactPoint) -> None:
    altered = bytes(sealed.sealed)[:-1] + bytes([bytes(sealed.sealed)[-1] ^ 1])
    with pytest.raises(InvalidTag):
        unsealed(system, [altered])


def test_a_value_of_one_person_cannot_be_passed_off_as_anothers(
    group: Group, system: Access, sealed: ContactPoint
) -> None:
    other = make_contact(make_customer(group), "13700000001")
    mixed = bytes(other.sealed)[:9] + bytes(sealed.sealed)[9:]
    with pytest.raises(InvalidTag):
        unsealed(system, [mixed])


def test_another_store_has_no_key(group: Group, sealed: ContactPoint) -> None:
    store = group.units["-S2"].pk
    stranger = Access(tenant_id=group.tenant.pk, label="s2", units=frozenset({store}))
    with entered(stranger):
        assert unsealed(stranger, [sealed.sealed]) == [None]
        with connection.cursor() as cursor:
            cursor.execute("select count(*) from customers_personkey")
            assert cursor.fetchone() == (0,)


def test_a_key_is_made_once(group: Group, system: Access) -> None:
    source = make_customer(group).sources.get()
    value = ciphers(group.tenant.pk, [source.pk])[source.pk].seal("x")
    again = ciphers(group.tenant.pk, [source.pk])[source.pk].seal("y")
    assert PersonKey.objects.count() == 1
    assert unsealed(system, [value, again]) == ["x", "y"]


def test_the_database_holds_no_master_key(settings, system: Access, sealed: ContactPoint) -> None:
    raw = base64.urlsafe_b64decode(settings.PARCFOLIO_MASTER_KEY)
    key = PersonKey.objects.get()
    assert raw not in bytes(key.wrapped)
    assert len(key.master) == 16
    assert settings.PARCFOLIO_MASTER_KEY not in str(vars(key))


def test_rotation_needs_the_old_key_once(settings, group, system, sealed: ContactPoint) -> None:
    old = settings.PARCFOLIO_MASTER_KEY
    settings.PARCFOLIO_INDEX_KEY = old
    lookup = blind_index("phone", group.tenant.pk, "13912345678")
    settings.PARCFOLIO_MASTER_KEY = f"{NEW},{old}"
    assert unsealed(system, [sealed.sealed]) == ["13912345678"]
    assert list(rotate_keys(group.tenant.pk, 10)) == [1]
    settings.PARCFOLIO_MASTER_KEY = NEW
    assert unsealed(system, [sealed.sealed]) == ["13912345678"]
    assert blind_index("phone", group.tenant.pk, "13912345678") == lookup
    assert list(rotate_keys(group.tenant.pk, 10)) == []


def test_rotation_goes_on_where_it_stopped(settings, group: Group, system: Access) -> None:
    for number in range(5):
        make_contact(make_customer(group), f"1390000000{number}")
    settings.PARCFOLIO_MASTER_KEY = f"{NEW},{settings.PARCFOLIO_MASTER_KEY}"
    first = next(rotate_keys(group.tenant.pk, 2))
    assert first == 2
    assert PersonKey.objects.filter(master=newest_master()).count() == 2
    assert sum(rotate_keys(group.tenant.pk, 2)) == 3


def test_the_command_also_reseals_refused_rows(settings, group: Group, system: Access) -> None:
    run = ImportRun.objects.create(tenant=group.tenant, name="x", started_by="t")
    row = RejectedRow.objects.create(
        tenant=group.tenant, run=run, kind="visits", row=1, code="x", sealed_row=seal("{}")
    )
    settings.PARCFOLIO_MASTER_KEY = f"{NEW},{settings.PARCFOLIO_MASTER_KEY}"
    call_command("rotate_keys", "--json")
    settings.PARCFOLIO_MASTER_KEY = NEW
    row.refresh_from_db()
    assert unseal(row.sealed_row) == "{}"


def test_without_the_old_key_rotation_refuses(settings, system, sealed: ContactPoint) -> None:
    settings.PARCFOLIO_MASTER_KEY = NEW
    with pytest.raises(CommandError, match="not configured") as refusal:
        call_command("rotate_keys")
    assert refusal.value.returncode == 2
    with pytest.raises(InvalidToken):
        unsealed(system, [sealed.sealed])


def test_keys_come_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text(f"# newest first\n{NEW}\n\nold\n")
    assert read_keys("", str(file)) == f"{NEW},old"


@pytest.mark.parametrize(("listed", "file"), [("", ""), ("a", "b"), ("", "/no/such/file")])
def test_keys_come_from_one_place(listed: str, file: str) -> None:
    with pytest.raises(ValueError, match="PARCFOLIO_MASTER_KEY"):
        read_keys(listed, file)
