"""What the session and the planner are told around a load."""

from django.db import connection

# Beside a group this many times the rows of a file, they are looked up by index one by one.
_FEW = 20
_RECORDS = [
    *("customers_customersource", "customers_vehicle"),
    *("customers_ownership", "customers_visit"),
]


def look_ups_pay(staged: int) -> bool:
    """Whether ``staged`` rows are few beside the group's records, as the planner knows these.

    What this transaction or the one before has filled has no statistics yet, and a nested loop
    planned for an empty table takes minutes; in a small group a hash of everything costs nothing.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "select min(reltuples) from pg_class where relnamespace = 'public'::regnamespace"
            " and relkind = 'r' and relname = any(%s)",
            [_RECORDS],
        )
        [known] = cursor.fetchone()
    return bool(known >= _FEW * staged)


def join_by_hash(always: bool) -> None:
    """Until the end of the transaction, whether the planner must do without nested loops.

    The temporary tables' statistics come from a tenth of the usual sample: the number of rows and
    roughly how many differ is all that the joins need, and each table is analysed once.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "select set_config('enable_nestloop', %s, true), set_config('work_mem', '64MB', true),"
            " set_config('default_statistics_target', '10', true)",
            ["off" if always else "on"],
        )


def refresh_statistics(changed: int) -> None:
    """Let PostgreSQL plan for the rows that are there now, not for those before the load.

    Only where ``changed`` rows are a twentieth of all: the rest is autovacuum's.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "select coalesce(sum(greatest(reltuples, 0)), 0) from pg_class"
            " where relnamespace = 'public'::regnamespace and relkind = 'r'"
            " and relname ^@ 'customers_'"
        )
        if changed >= cursor.fetchone()[0] / 20:
            cursor.execute("select customers_refresh_statistics()")


def drop_temporary_tables(*kept: str) -> None:
    """The session keeps nothing of a delivery: it may work for another group next."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select quote_ident(relname) from pg_class where relnamespace = pg_my_temp_schema()"
            " and relkind = 'r' and relname ^@ 'import_' and relname <> all(%s)",
            [list(kept)],
        )
        for (table,) in cursor.fetchall():
            cursor.execute(f"drop table pg_temp.{table}")
