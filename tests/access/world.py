"""Two groups with a row of every model at each of their stores, every text marked by its place.

``Place.marks`` are the strings that only rows of that place hold: whoever finds one in an answer
knows which store or group it leaked from.
"""

import secrets
import uuid
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
from django.apps import apps
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.contrib.postgres.fields import ArrayField
from django.db import connections, models
from django.utils import timezone

from customers.importing.bookkeeping import REJECTS_DIR
from customers.models import ImportRun, MergeProposal
from customers.quality import report as quality
from ml.models import ModelVersion
from ml.movement import COLUMNS, moved
from organization.access import entered
from organization.models import Account, Assignment, Role, Staff
from tests.customers.records import (
    make_consent,
    make_event,
    make_follow_up,
    make_regular,
    make_survey,
    make_tag,
)
from tests.factories import Group, add_person, make_customer, make_group
from tests.valuation.score_sets import MAP, PARAMETERS, make_score, make_score_set
from valuation.engine import create_valuation
from valuation.indicators.recording import record
from valuation.pools.basis import basis_of
from valuation.pools.cut import cut_pool
from valuation.pools.rules import PoolRules
from valuation.pools.tape import salt_of

OURS = ("organization", "customers", "ml", "valuation")
STORES = ("-S1", "-S2", "-S3", "-S4")
# What a plain value cannot be made up for, by model.
GIVEN: dict[str, dict[str, Any]] = {
    # An export begins without a file.
    "valuation.Export": {"file_name": "", "sha256": ""},
    "organization.Grant": {
        "capability": "see_value",
        "valid_to": lambda place: timezone.localdate() + timedelta(days=30),
        "granted_by": lambda place: place.group.staff["admin"],
    },
    "customers.ImportProfile": {"kind": "visits"},
    "customers.ImportRun": {"dry_run": True, "status": "done"},
    "customers.RejectedRow": {"code": "nul_byte"},
    "customers.BeforeMerge": {"stores": lambda place: [place.group.units[place.suffix].pk]},
    "ml.BackTest": {"division": lambda place: place.group.units[place.suffix]},
    "ml.ChampionChange": {
        "division": lambda place: place.group.units[place.suffix],
        "result": lambda place: {**moved(pd.DataFrame(columns=list(COLUMNS))), "rungs": {}},
    },
    "valuation.Structure": {
        "source": {"kind": "given", "label": "", "amounts": [9.0, 8.0, 7.0], "survival": None},
        "terms": {"horizon": 3},
    },
}


def models_of_ours() -> list[type[models.Model]]:
    return [model for model in apps.get_models() if model._meta.app_label in OURS]


def is_owned(model: type[models.Model]) -> bool:
    """Whether its rows belong to a group; others are found before a group is known."""
    return getattr(model, "row_scope", "none") != "none"


@dataclass
class Place:
    """One store of one group, and what stands there."""

    group: Group
    suffix: str
    rows: dict[str, Any] = field(default_factory=dict)
    marks: set[str] = field(default_factory=set)

    @property
    def token(self) -> str:
        return f"mark{self.group.tenant.code}{self.suffix[1:]}"

    def row(self, label: str) -> Any:
        return self.rows[label]


@dataclass
class World:
    """``mine`` holds the people who ask; ``theirs`` is the group that nothing may leak from."""

    mine: Group
    theirs: Group
    places: dict[tuple[str, str], Place]
    people: dict[tuple[str, str], Account]
    # What was asked and answered, by person: kept for the tests that look at it.
    answers: dict[str, list[Any]] = field(default_factory=dict)

    def place(self, target: str) -> Place:
        """own, sibling (same region), parent (elsewhere under the division), foreign (group)."""
        if target == "foreign":
            return self.places[self.theirs.tenant.code, "-S1"]
        suffix = {"own": "-S1", "sibling": "-S2", "parent": "-S3"}[target]
        return self.places[self.mine.tenant.code, suffix]

    def marks_beyond(self, account: Account) -> set[str]:
        """What must stand in no answer to that person."""
        group_wide = account.username.endswith("_group")
        hidden: set[str] = set()
        for (code, suffix), place in self.places.items():
            if code != self.mine.tenant.code or not (group_wide or suffix == "-S1"):
                hidden |= place.marks
        if not group_wide:
            hidden |= {self.mine.units["-JV"].code, "424,202"}
        return hidden | {f"shared{self.theirs.tenant.code}"}


def _plain(field_: Any, token: str) -> Any:
    """A plausible value by the kind of field; texts are the token."""
    if field_.choices:
        return next(iter(field_.choices))[0]
    match field_:
        case models.CharField() | models.TextField():
            return token[: field_.max_length]
        case models.UUIDField():
            return uuid.uuid4()
        case models.DateTimeField():
            return timezone.now()
        case models.DateField():
            return timezone.localdate()
        case models.BooleanField():
            return False
        case models.JSONField():
            return {}
        case models.BinaryField():
            return secrets.token_bytes(16)
        case ArrayField():
            return []
        case _:
            return 1


def fill(place: Place, model: type[models.Model]) -> None:
    """Add one row of ``model``; what it refers to must stand at the place already."""
    scope = getattr(model, "row_scope", "tenant")
    token = f"shared{place.group.tenant.code}{place.suffix}" if scope == "tenant" else place.token
    values: dict[str, Any] = {
        name: value(place) if callable(value) else value
        for name, value in GIVEN.get(model._meta.label, {}).items()
    }
    for one in model._meta.concrete_fields:
        if one.name in values or one.primary_key:
            continue
        if isinstance(one, models.ForeignKey):
            if one.name == "tenant":
                values["tenant"] = place.group.tenant
            elif one.name in ("store", "unit"):
                values[one.name] = place.group.units[place.suffix]
            elif not one.null:
                values[one.name] = place.row(one.related_model._meta.label)
        elif (isinstance(one, models.CharField | models.TextField) and not one.choices) or not (
            one.null or one.has_default() or getattr(one, "auto_now_add", False)
        ):
            values[one.name] = _plain(one, token)
    place.rows[model._meta.label] = model._default_manager.create(**values)


def _people_of_store(place: Place) -> None:
    """The staff and account that stand for the store in pages about people."""
    group, name = place.group, f"{place.token}staff"
    add_person(group, name, Role.ADVISOR, place.suffix)
    staff = group.staff[name]
    Staff.objects.filter(pk=staff.pk).update(name=name, email=f"{name}@example.com")
    place.rows["organization.Staff"] = staff
    place.rows["organization.Assignment"] = Assignment.objects.get(staff=staff)
    place.rows["organization.Account"] = group.accounts[name]
    place.rows["organization.Unit"] = group.units[place.suffix]
    place.rows["organization.Tenant"] = group.tenant


def _customer_of_store(place: Place, score_set: Any, fit: Any) -> None:
    number = STORES.index(place.suffix) + (0 if place.group.tenant.code == "MX" else 4)
    vin, plate, mobile = f"LMARKVIN{number:09d}", f"沪M8888{number}", f"1390000777{number}"
    customer, vehicle = make_regular(
        *(place.group, place.suffix), name=place.token, vin=vin, plate=plate, number=mobile
    )
    make_consent(customer, "marketing", True)
    make_event(customer, "complaint", timezone.localdate(), detail=place.token)
    make_survey(customer, timezone.localdate(), 9, comment=place.token)
    make_tag(customer, "at_risk")
    follow_up = make_follow_up(customer, vehicle=vehicle, note=place.token)
    make_score(score_set, fit, customer)
    place.rows |= {"customers.Customer": customer, "customers.FollowUp": follow_up}
    place.rows["customers.MergeProposal"] = MergeProposal.objects.create(
        tenant=place.group.tenant,
        source_a=customer.sources.get(),
        source_b=make_customer(place.group, place.suffix, name="").sources.get(),
        evidence=["mobile"],
        score=30,
        stores=customer.stores,
        found_at=timezone.now(),
    )
    place.marks |= {place.token, str(customer.uid), vin, plate, mobile}


def _fits(group: Group, score_set: Any) -> ModelVersion:
    """A model of the group and one for each division, as the page of models shows them."""
    status = {"status": "converged", "model": "BG/NBD", "log_likelihood": -1.0}
    fits = []
    for suffix, customers in (("", 9), ("-LUX", 424_201), ("-JV", 424_202)):
        unit = group.units[suffix]
        card = {
            "map": MAP.as_dict(),
            "division": unit.code,
            "segment": "person",
            "customers": customers,
            "repeaters": 1,
            "chosen": status | {"params": PARAMETERS},
            "baseline": status,
            "pooling": "own",
            "worth": {"spend": {"status": "converged"}, "pooled": False},
        }
        fit = ModelVersion.objects.create(
            tenant=group.tenant,
            run=score_set.run,
            kind="lifetime_value",
            name=f"{unit.code}/person",
            version="1",
            division=unit if suffix else None,
            as_of=score_set.as_of,
            data_hash="d" * 64,
            parameters=card,
            converged=True,
        )
        fits.append(fit)
    return fits[0]


def _rest(place: Place) -> None:
    """Of every other model one row, in an order in which what is referred to comes first."""
    known = place.rows
    waiting = [m for m in models_of_ours() if m._meta.label not in known and is_owned(m)]
    while waiting:
        ready = [
            m
            for m in waiting
            if not {
                f.related_model._meta.label
                for f in m._meta.concrete_fields
                if isinstance(f, models.ForeignKey) and not f.null
            }
            - set(known)
        ]
        assert ready, f"no row can be made of {waiting}: they refer to each other"
        for model in ready:
            waiting.remove(model)
            rows = model._default_manager.filter(tenant=place.group.tenant)
            scope = getattr(model, "row_scope", "tenant")
            if scope in ("store", "unit"):
                rows = rows.filter(**{scope: place.group.units[place.suffix]})
            elif scope == "stores":
                rows = rows.filter(stores__contains=[place.group.units[place.suffix].pk])
            found = rows.first()
            # One of a tenant's shared rows is enough where the model says so by a one-to-one.
            if found is not None and (scope != "tenant" or _once_a_tenant(model)):
                known[model._meta.label] = found
            else:
                fill(place, model)


def _once_a_tenant(model: type[models.Model]) -> bool:
    label = model._meta.label
    return label in {
        *("ml.TrainingRun", "ml.ModelVersion", "ml.ScoreSet", "ml.ScoringChunk"),
        "valuation.Assumptions",
        *("valuation.Valuation", "valuation.Pseudonym", "valuation.Approval"),
        "valuation.PoolSalt",
        *("customers.QualityReport", "organization.AuditChain", "organization.AuditEvent"),
    }


def _files_of_run(place: Place) -> None:
    run: ImportRun = place.row("customers.ImportRun")
    folder = Path(settings.UPLOAD_DIR) / place.token
    refused = Path(settings.VAR_DIR) / REJECTS_DIR / f"{place.token}.csv"
    for one in (folder, refused.parent):
        one.mkdir(parents=True, exist_ok=True)
    refused.write_text(f"row,code\n1,{place.token}\n", encoding="utf-8")
    run.folder, run.rejects_file = str(folder), str(refused)
    run.save()


def build() -> World:
    """Both groups, committed; call where no transaction is open."""
    places: dict[tuple[str, str], Place] = {}
    groups = [make_group("MX"), make_group("MY")]
    for group in groups:
        with entered(group.system):
            score_set = make_score_set(group, as_of=timezone.localdate())
            fit = _fits(group, score_set)
            for suffix in STORES:
                place = places[group.tenant.code, suffix] = Place(group, suffix)
                _people_of_store(place)
                _customer_of_store(place, score_set, fit)
        valuation, _ = create_valuation(group.system, timezone.localdate())
        record(group.system, reason="test")
        with entered(group.system) as system:
            basis = basis_of(valuation)
            salt_of(group.tenant.pk)
            for suffix in STORES:
                place = places[group.tenant.code, suffix]
                pool = cut_pool(system, basis, PoolRules(), group.units[suffix], place.token)
                place.rows["valuation.Pool"] = pool
            quality.assess(system, timezone.localdate() + timedelta(days=1))
            for suffix in STORES:
                place = places[group.tenant.code, suffix]
                _rest(place)
                _files_of_run(place)
    mine, theirs = groups
    people = {}
    with entered(mine.system):
        for role in Role.values:
            for where, suffix in (("store", "-S1"), ("group", "")):
                people[role, where] = add_person(mine, f"{role}_{where}", role, suffix)
            people[role, "two stores"] = add_person(mine, f"{role}_two", role, "-S1")
            Assignment.objects.create(
                tenant=mine.tenant,
                staff=mine.staff[f"{role}_two"],
                role=Role.ADVISOR,
                unit=mine.units["-S2"],
                valid_from=date(2020, 1, 1),
            )
        Account.objects.filter(tenant=mine.tenant).update(password=make_password("known to none"))
    return World(mine, theirs, places, people)


def sweep() -> None:
    """Remove every row of ours, so that the next test finds an empty installation."""
    tables = [model._meta.db_table for model in models_of_ours()]
    with connections["owner"].cursor() as cursor:
        # What is only added to is not emptied either, also by its owner, while its guard stands.
        cursor.execute(
            "select tgrelid::regclass::text from pg_trigger where tgname = 'guard_truncate'"
        )
        guarded = [name for (name,) in cursor.fetchall()]
        for name in guarded:
            cursor.execute(f"alter table {name} disable trigger user")
        cursor.execute(f"truncate {', '.join(tables)} cascade")
        for name in guarded:
            cursor.execute(f"alter table {name} enable trigger user")
        cursor.execute("select inhrelid::regclass::text from pg_inherits")
        for (partition,) in cursor.fetchall():
            if partition.startswith("ml_score_") and "idx" not in partition:
                cursor.execute(f"drop table if exists {partition}")


# Who was refused what is noted; that is no change of what it was about.
NOTED = {"organization_auditevent", "organization_auditchain"}


def fingerprint(tenant_id: int) -> str:
    """A hash over all rows of a group as the application sees them, accounts included."""
    parts = []
    for model in models_of_ours():
        table = model._meta.db_table
        if table in NOTED or not (is_owned(model) or table == "organization_account"):
            continue
        column = "id" if model._meta.label == "organization.Tenant" else "tenant_id"
        # A sign-in stamps its account; that is no change of what the person did.
        row = "t - 'last_login'" if table == "organization_account" else "t"
        source = f"(select to_jsonb({table}) as t from {table} where {column} = {tenant_id}) s"
        parts.append(
            f"select '{table}' as n, md5(coalesce(string_agg(({row})::text, '|'"
            f" order by t::text), '')) as h from {source}"
        )
    query = f"select md5(string_agg(n || h, ',' order by n)) from ({' union all '.join(parts)}) a"
    with connections["default"].cursor() as cursor:
        cursor.execute(query)
        row = cursor.fetchone()
    assert row is not None
    return str(row[0])


def state_of(world: World) -> tuple[str, str]:
    """Fingerprints of both groups."""
    found = []
    for group in (world.mine, world.theirs):
        with entered(group.system):
            found.append(fingerprint(group.tenant.pk))
    return found[0], found[1]
