"""The matrix in docs/access.md is the one that the tests hold the product to.

``pytest tests/access/test_access_document.py --write-documents`` writes it anew.
"""

import pytest

from organization.models import Role
from organization.row_security import WRITES
from tests.access.requests import Person, covered, expected, targets_of
from tests.access.rules import COMMANDS, ROUTES, TABLES, TASKS
from tests.access.sources import ROOT

DOCUMENT = ROOT / "docs" / "access.md"
BEGIN, END = "<!-- matrix: begin -->", "<!-- matrix: end -->"
ROWS = {
    "tenant": "all of the group's",
    "store": "the own stores'",
    "unit": "the own units'",
    "stores": "people and vehicles that an own store serves",
    "self": "the own group",
    "open": "all",
}


def cell(name: str, method: str, role: str) -> str:
    """What one role gets: its own rows, yes (no row is named), only for the whole group, or –."""
    rule = ROUTES[name]
    allowed = rule.get if method == "GET" else rule.post

    def reached(where: str) -> bool:
        person = Person(role, where)
        return any(
            expected(name, person, target, method) == allowed
            and (covered(rule, person, target) or rule.signed_out)
            for target in targets_of(rule, method, person)
        )

    if not reached("group"):
        return "–"
    if not reached("store"):
        return "group"
    return "own" if rule.names and rule.rows != "tenant" else "yes"


def routes() -> list[str]:
    roles = list(Role.values)
    lines = [
        "| address | | " + " | ".join(role.replace("_", " ") for role in roles) + " |",
        "|---|---|" + ":-:|" * len(roles),
    ]
    for name, rule in ROUTES.items():
        if rule.signed_out:
            continue
        for method, allowed in (("GET", rule.get), ("POST", rule.post)):
            if allowed != (405,):
                cells = " | ".join(cell(name, method, role) for role in roles)
                lines.append(f"| {name} | {method} | {cells} |")
    return lines


def tables() -> list[str]:
    lines = ["| model | rows seen in a context | the application may |", "|---|---|---|"]
    for label, rule in sorted(TABLES.items()):
        rows = ROWS[rule.read or rule.rows] + (f" ({rule.why})" if rule.why else "")
        lines.append(f"| {label} | {rows} | {WRITES[rule.writes]} |")
    return lines


def work() -> list[str]:
    lines = ["| command or task | works for | does |", "|---|---|---|"]
    for name, one in sorted((COMMANDS | TASKS).items()):
        lines.append(f"| {name} | {one.scope} | {one.note} |")
    return lines


def matrix() -> str:
    open_to_all = ", ".join(name for name, rule in ROUTES.items() if rule.signed_out)
    return "\n".join(
        [
            "### Addresses",
            "",
            "`yes`: allowed, cut to the own units; `own`: rows of the own units, of others 404;"
            " `group`: only with the role at the whole group; `–`: 403. Another method is 405,"
            " another group's rows are 404 for everybody.",
            "",
            *routes(),
            "",
            f"Open without sign-in: {open_to_all}.",
            "",
            "### Tables",
            "",
            *tables(),
            "",
            "### Commands and tasks",
            "",
            *work(),
        ]
    )


def test_the_document_has_the_matrix(pytestconfig: pytest.Config) -> None:
    before, _begin, rest = DOCUMENT.read_text(encoding="utf-8").partition(BEGIN)
    written, _end, after = rest.partition(END)
    if pytestconfig.getoption("--write-documents"):
        text = f"{before}{BEGIN}\n{matrix()}\n{END}{after}"
        DOCUMENT.write_text(text, encoding="utf-8")
        return
    assert written.strip() == matrix(), "run this test with --write-documents"
