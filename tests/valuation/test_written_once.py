"""A cut pool and an approved valuation stay as they are: for the application and for the owner."""

import os

import psycopg
import pytest
from django.db import DatabaseError, connection, transaction

from organization.access import entered
from organization.models import Unit
from valuation.models import Approval, Export, PoolMember, ValuedUnit
from valuation.pools.basis import basis_of
from valuation.pools.cut import cut_pool
from valuation.pools.rules import PoolRules

TABLES = (
    *("assumptions", "valuation", "valuedunit", "valuedcustomer", "approval"),
    *("pool", "poolmember", "scenario", "structure"),
)
# One row of each, as the owner of the tables writes them; %(…)s are ids of those before.
ROWS = {
    "assumptions": "(tenant_id, version, values, reason, author, created_at)"
    " values (%(tenant)s, 1, '{}', '', '', now())",
    "valuation": "(tenant_id, as_of, score_set_id, assumptions_id, model_version, currency,"
    " input_hash, customers, excluded, confidence, notes, author, created_at)"
    " values (%(tenant)s, now(), %(score_set)s, %(assumptions)s, '', 'CNY', 'h', 1, '{}', 1, '{}',"
    " '', now())",
    "pool": "(tenant_id, unit_id, valuation_id, name, rules, customers, value_fen, p5_fen, p95_fen,"
    " waterfall, monthly, strata, cohorts, terms, members_hash, author, created_at)"
    " values (%(tenant)s, %(unit)s, %(valuation)s, 'p', '{}', 1, 1, 1, 1, '[]', '{}', '{}', '[]',"
    " '{}', '', '', now())",
    "poolmember": "(pool_id, tenant_id, store_id, pseudonym, value_fen, kind, first_quarter,"
    " frequency, p_alive, in_warranty, brand, grade, risk, fit, regime, cap_month, amounts, curve)"
    " values (%(pool)s, %(tenant)s, %(unit)s, gen_random_uuid(), 1, '', '', 0, 1, false, '', '',"
    " '', 0, 0, 60, '{}', '{}')",
    "approval": "(tenant_id, valuation_id, approved_by, approved_at, note)"
    " values (%(tenant)s, %(valuation)s, 'b', now(), '')",
}

# Lines of a valuation again, of customers that it does not have.
COPIED_LINES = """
insert into valuation_valuedcustomer (tenant_id, store_id, valuation_id, pseudonym, segment,
    first_quarter, value_fen, undiscounted_fen, scalars)
select c.tenant_id, c.store_id, c.valuation_id, gen_random_uuid(), c.segment, c.first_quarter,
    c.value_fen, c.undiscounted_fen, c.scalars
from valuation_valuedcustomer c where c.pseudonym::text > %s and c.valuation_id = %s
"""


@pytest.fixture
def owner(django_db_setup):
    """The owner's own connection with a pool and an approved valuation; nothing is committed."""
    url = os.environ["DATABASE_OWNER_URL"].replace("postgres://", "postgresql://", 1)
    with psycopg.connect(url) as session:

        def made(statement: str, **ids: int) -> int:
            return session.execute(f"insert into {statement} returning id", ids).fetchone()[0]

        tenant = made(
            "organization_tenant (code, name, currency, time_zone, visit_word, settings,"
            " created_at) values ('T', 'T', 'CNY', 'UTC', '', '{}', now())"
        )
        ids = {"tenant": tenant, "score_set": 0}
        ids["unit"] = made(
            "organization_unit (tenant_id, code, name, level, path, store_kind, legal_entity, city,"
            " brand) values (%(tenant)s, 'T', 'T', 'group', '{}', '', '', '', '')",
            **ids,
        )
        # Keys to other tables are checked at the commit that never comes.
        session.execute("set constraints all deferred")
        for table in ("assumptions", "valuation", "pool"):
            ids[table] = made(f"valuation_{table} {ROWS[table]}", **ids)
        session.execute(f"insert into valuation_poolmember {ROWS['poolmember']}", ids)
        session.execute(f"insert into valuation_approval {ROWS['approval']}", ids)
        session.ids = ids
        yield session
        session.rollback()


class TestOwner:
    @pytest.mark.parametrize("table", ROWS)
    @pytest.mark.parametrize("change", ["update {} set tenant_id = tenant_id", "delete from {}"])
    def test_changes_no_row(self, owner, table, change):
        with pytest.raises(psycopg.errors.IntegrityConstraintViolation, match="written once"):
            owner.execute(change.format(f"valuation_{table}"))

    @pytest.mark.parametrize("table", TABLES)
    def test_empties_no_table(self, owner, table):
        owner.rollback()
        with pytest.raises(psycopg.errors.IntegrityConstraintViolation, match="written once"):
            owner.execute(f"truncate valuation_{table} cascade")

    def test_adds_no_member_to_a_cut_pool(self, owner):
        with pytest.raises(psycopg.errors.IntegrityConstraintViolation, match="was cut with"):
            owner.execute(f"insert into valuation_poolmember {ROWS['poolmember']}", owner.ids)


class TestApplication:
    @pytest.fixture
    def pool(self, portfolio, valued):
        group = portfolio.group
        with entered(group.system) as system:
            return cut_pool(system, basis_of(valued), PoolRules(), group.units[""], "fixed")

    def test_adds_no_member_to_a_cut_pool(self, portfolio, pool):
        with entered(portfolio.group.system):
            member = PoolMember.objects.filter(pool=pool).first()
            member.pseudonym = "00000000-0000-4000-8000-000000000001"
            with pytest.raises(DatabaseError, match="was cut with"), transaction.atomic():
                PoolMember.objects.bulk_create([member])

    def test_adds_no_unit_to_an_approved_valuation(self, portfolio, valued):
        group = portfolio.group
        with entered(group.system):
            Approval.objects.create(tenant=group.tenant, valuation=valued, approved_by="b")
            unit = ValuedUnit.objects.filter(valuation=valued).first()
            unit.pk = None
            unit.unit = Unit.objects.create(
                tenant=group.tenant,
                parent=group.units[""],
                code="XQ-NEW",
                name="新店",
                level=Unit.Level.STORE,
            )
            with pytest.raises(DatabaseError, match="is approved"), transaction.atomic():
                unit.save(force_insert=True)

    def lines(self, cursor) -> int:
        cursor.execute("select count(*) from valuation_valuedcustomer")
        return cursor.fetchone()[0]

    def test_adds_no_customer_to_an_approved_valuation(self, portfolio, valued):
        group = portfolio.group
        with entered(group.system), connection.cursor() as cursor:
            Approval.objects.create(tenant=group.tenant, valuation=valued, approved_by="b")
            before = self.lines(cursor)
            with pytest.raises(DatabaseError, match="is approved"), transaction.atomic():
                cursor.execute(COPIED_LINES, ["", valued.pk])
            assert self.lines(cursor) == before == valued.customers

    @pytest.mark.parametrize("least", ["", "00000000-0000-0000-0000-000000000000"])
    def test_adds_no_customer_to_a_valuation_before_its_approval(self, portfolio, valued, least):
        with entered(portfolio.group.system), connection.cursor() as cursor:
            before = self.lines(cursor)
            with pytest.raises(DatabaseError, match="was made with"), transaction.atomic():
                cursor.execute(COPIED_LINES, [least, valued.pk])
            assert self.lines(cursor) == before

    def test_adds_no_customer_to_a_valuation_that_there_is_not(self, portfolio, valued):
        statement = COPIED_LINES.replace("c.valuation_id,", "0,", 1)
        with (
            entered(portfolio.group.system),
            connection.cursor() as cursor,
            pytest.raises(DatabaseError, match="was made with"),
            transaction.atomic(),
        ):
            cursor.execute(statement, ["", valued.pk])

    @pytest.mark.parametrize("table", TABLES)
    def test_changes_nothing(self, portfolio, pool, table):
        with entered(portfolio.group.system), connection.cursor() as cursor:
            for change in ("update {} set tenant_id = 0", "delete from {}", "truncate {}"):
                with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
                    cursor.execute(change.format(f"valuation_{table}"))


class TestExport:
    """What was handed out stays on record as it was; by the application's own SQL."""

    @pytest.fixture
    def export(self, portfolio, valued):
        group = portfolio.group
        with entered(group.system):
            Approval.objects.create(tenant=group.tenant, valuation=valued, approved_by="b")
            return Export.objects.create(
                tenant=group.tenant,
                unit=group.units[""],
                kind=Export.Kind.MONTHLY_PDF,
                valuation=valued,
                language="en",
                requested_by="a",
            )

    @pytest.fixture
    def done(self, portfolio, export):
        with entered(portfolio.group.system):
            rows = Export.objects.filter(pk=export.pk)
            rows.update(status="running")
            rows.update(status="done", file_name="a.pdf", size=1, sha256="0" * 64)
        return export

    def refused(self, portfolio, statement, said):
        with entered(portfolio.group.system), connection.cursor() as cursor:
            cursor.execute("select e::text from valuation_export e order by id")
            before = cursor.fetchall()
            with pytest.raises(DatabaseError, match=said), transaction.atomic():
                cursor.execute(statement)
            cursor.execute("select e::text from valuation_export e order by id")
            assert cursor.fetchall() == before

    @pytest.mark.parametrize(
        "change",
        [
            "update valuation_export set sha256 = repeat('1', 64)",
            "update valuation_export set status = 'queued'",
            "update valuation_export set valuation_id = valuation_id + 1",
            "delete from valuation_export",
        ],
    )
    def test_a_finished_one_does_not_change(self, portfolio, done, change):
        self.refused(portfolio, change, "has ended")

    @pytest.mark.parametrize("column", ["requested_by", "language", "kind"])
    def test_a_queued_one_is_built_as_asked(self, portfolio, export, column):
        self.refused(
            portfolio, f"update valuation_export set {column} = 'other'", "as it was asked for"
        )

    def test_a_queued_one_is_not_deleted(self, portfolio, export):
        self.refused(portfolio, "delete from valuation_export", "stays on record")

    def test_none_is_written_as_finished(self, portfolio, done):
        statement = """
            insert into valuation_export (tenant_id, unit_id, kind, valuation_id, language,
                parameters, status, message, file_name, requested_by, created_at, sha256)
            select tenant_id, unit_id, kind, valuation_id, language, parameters, status, message,
                file_name, requested_by, created_at, sha256 from valuation_export
        """
        self.refused(portfolio, statement, "begins in the queue")
