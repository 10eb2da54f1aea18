"""What has passed its period goes; a dry run counts the same and deletes nothing."""

import json
import os
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.utils import timezone

from customers.importing.running import import_path
from customers.models import ContactPoint, Customer, ImportRun, RejectedRow
from customers.privacy.retention import apply_retention, sweep_orphans
from organization.access import entered
from tests.customers.records import ago, make_contact
from tests.factories import Group, make_customer, make_visit
from tests.importing.deliveries import POLICY, TREE, customer, system, visit, write

NOW = timezone.now()


def run_of(group: Group, days: int, **values: object) -> ImportRun:
    run = ImportRun.objects.create(
        tenant=group.tenant, name="x", started_by="t", status="done", **values
    )
    ImportRun.objects.filter(pk=run.pk).update(created_at=NOW - timedelta(days=days))
    RejectedRow.objects.create(tenant=group.tenant, run=run, kind="visits", row=1, code="x")
    return run


def folder(root: Path, name: str) -> Path:
    made = root / name
    made.mkdir(parents=True)
    (made / "visits.csv").write_text("x")
    return made


@pytest.mark.parametrize(("days", "left"), [(29, 1), (31, 0)])
def test_refused_rows_and_files_are_kept_for_30_days(group, system, days: int, left: int) -> None:
    rejects = folder(Path(settings.VAR_DIR) / "rejects", f"r{days}")
    upload = folder(Path(settings.UPLOAD_DIR), f"u{days}")
    run = run_of(group, days, rejects_file=str(rejects / "visits.csv"), folder=str(upload))
    apply_retention(group.tenant.pk, NOW)
    run.refresh_from_db()
    assert RejectedRow.objects.count() == left
    assert [rejects.exists(), upload.exists(), bool(run.rejects_file)] == [bool(left)] * 3


def test_folders_of_the_command_line_are_not_ours(group, system, tmp_path: Path) -> None:
    theirs = folder(tmp_path, "delivery")
    run_of(group, 400, folder=str(theirs))
    apply_retention(group.tenant.pk, NOW)
    assert theirs.exists()


def test_a_group_may_keep_them_for_less(group: Group, system) -> None:
    group.tenant.settings = {"privacy": {"refusal_days": 7}}
    group.tenant.save()
    run_of(group, 8)
    assert apply_retention(group.tenant.pk, NOW).refused_rows == 1


def test_a_dry_run_deletes_nothing(group: Group, system) -> None:
    run_of(group, 31)
    lost = make_customer(group, created_on=ago(4000))
    make_contact(lost, "13912345678")
    counted = apply_retention(group.tenant.pk, NOW, dry_run=True)
    assert RejectedRow.objects.exists()
    assert ContactPoint.objects.exists()
    assert apply_retention(group.tenant.pk, NOW) == counted
    assert not RejectedRow.objects.exists()
    assert not ContactPoint.objects.exists()
    assert apply_retention(group.tenant.pk, NOW).as_json() == dict.fromkeys(counted.as_json(), 0)


@pytest.mark.parametrize(("days", "kept"), [(365 * 5 - 10, True), (365 * 5 + 10, False)])
def test_contact_data_of_lost_customers_expire(group, system, days: int, kept: bool) -> None:
    lost = make_customer(group, created_on=ago(4000))
    make_contact(lost, "13912345678")
    make_visit(group, lost, ago(days))
    apply_retention(group.tenant.pk, NOW)
    assert ContactPoint.objects.exists() is kept
    lost.refresh_from_db()
    assert lost.name
    assert (lost.contact_expired_on is None) is kept


def test_a_fleet_is_no_person(group: Group, system) -> None:
    make_contact(make_customer(group, kind="fleet", created_on=ago(4000)), "13912345678")
    assert apply_retention(group.tenant.pk, NOW).customers_expired == 0


def test_a_feed_brings_it_back_only_after_a_new_visit(db: None, tmp_path: Path) -> None:
    def load(name: str, **files: object) -> None:
        import_path(
            write(tmp_path / name, {"org_units": TREE, "policies": POLICY, **files}), group="HX"
        )

    gone = [customer(created_on="2010-01-01")]
    load("a", customers=gone, visits=[visit("R1", "2012-01-01")])
    with entered(system()) as access:
        tenant = access.tenant_id
    apply_retention(tenant, NOW)
    load("b", customers=gone)
    with entered(system()):
        assert not ContactPoint.objects.exists()
    load("c", visits=[visit("R2", ago(0).isoformat())], customers=gone)
    assert apply_retention(tenant, NOW).customers_back == 1
    load("d", customers=gone)
    with entered(system()):
        assert ContactPoint.objects.exists()
        assert Customer.objects.get().contact_expired_on is None


def test_folders_that_nobody_names_are_swept(tmp_path: Path) -> None:
    old, new = (folder(Path(settings.UPLOAD_DIR), name) for name in ("old", "new"))
    past = (NOW - timedelta(days=31)).timestamp()
    os.utime(old, (past, past))
    assert sweep_orphans(30, dry_run=True) == 1
    assert old.exists()
    assert sweep_orphans(30) == 1
    assert (old.exists(), new.exists()) == (False, True)


def test_the_command_counts_in_json(group: Group, system, capsys) -> None:
    run_of(group, 31)
    call_command("apply_retention", "--dry-run", "--json", "--group", "XQ")
    counts = json.loads(capsys.readouterr().out)
    assert (counts["group"], counts["dry_run"], counts["refused_rows"]) == ("XQ", True, 1)


def test_a_policy_that_is_none_is_refused(group: Group, system) -> None:
    group.tenant.settings = {"privacy": {"refusal_days": 9999}}
    group.tenant.save()
    with pytest.raises(CommandError, match="refusal_days") as refusal:
        call_command("apply_retention", "--group", "XQ")
    assert refusal.value.returncode == 2
