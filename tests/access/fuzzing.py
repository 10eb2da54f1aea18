"""Requests that nobody thought of: from the OpenAPI document, and into every page and form.

Everything runs in this process through Django's own client: nothing leaves the machine.
"""

import ast
import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import quote, unquote, urlencode

import schemathesis
from django import forms
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.test import Client
from drf_spectacular.generators import SchemaGenerator
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode

from tests.access.requests import TARGETS, Person, address, client_for, views
from tests.access.rules import ROUTES
from tests.access.sources import dotted, modules, nodes
from tests.access.world import World

# Their answer on trouble is a 503 by design.
MAY_BE_UNREADY = {"/readyz"}
NASTY = [
    *(
        "",
        "0",
        "-1",
        "1" * 30,
        "\0",
        "a\0b",
        "%00",
        "'",
        "' or 1=1 --",
        "{{7*7}}",
        "../../etc/passwd",
    ),
    *(
        "<script>x</script>",
        "９",
        "NaN",
        "1e999",
        "2026-02-30",
        "0001-01-01",
        "9999-12-31",
        "𝒳" * 99,
    ),
    *(
        "all",
        "now",
        "value",
        "-pk",
        "name",
        "true",
        "\ud7ff",
        "[]",
        "{}",
        "null",
        "=1+1",
        "\r\nX: y",
    ),
]


@cache
def _read_in(module: str) -> frozenset[str]:
    """Names that a module reads from an address or a form, and the fields of its forms."""
    found = {
        str(node.args[0].value)
        for node in nodes(module)
        if isinstance(node, ast.Call)
        and dotted(node.func).endswith((".GET.get", ".POST.get"))
        and isinstance(node.args[0], ast.Constant)
    }
    for form in _forms():
        if form.__module__ == module:
            found |= set(form.base_fields)
    return frozenset(found)


@cache
def _forms() -> tuple[type[forms.Form], ...]:
    found: list[type[forms.Form]] = []
    waiting: list[type[forms.Form]] = [forms.Form]
    while waiting:
        form = waiting.pop()
        waiting += form.__subclasses__()
        found.append(form)
    return tuple(found)


@cache
def parameters() -> tuple[str, ...]:
    """All names that some page reads."""
    return tuple(sorted({n for module in modules() for n in _read_in(module)} | {"next", "q"}))


@cache
def parameters_of(name: str) -> tuple[str, ...]:
    """Names that the address's own view reads, there or in a module that it imports."""
    view = views()[name]
    module = getattr(view, "view_class", inspect.unwrap(view)).__module__
    near = {module} | {
        str(node.module)
        for node in (nodes(module) if module in modules() else ())
        if isinstance(node, ast.ImportFrom) and node.module in modules()
    }
    found = {n for one in near for n in (_read_in(one) if one in modules() else ())}
    return tuple(sorted(found | {"page", "sort", "q"}))


def values(world: World) -> st.SearchStrategy[str]:
    """Nonsense, and the true names of rows of every store and group."""
    known = sorted({mark for place in world.places.values() for mark in place.marks})
    codes = sorted(u.code for g in (world.mine, world.theirs) for u in g.units.values())
    text = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
    number = st.integers(-(2**70), 2**70).map(str)
    day = st.dates().map(str)
    return st.one_of(st.sampled_from(NASTY), st.sampled_from(known + codes), text, number, day)


@dataclass(frozen=True)
class Wild:
    """One request; ``data`` is that of a POST, None for a GET."""

    path: str
    query: dict[str, Any] = field(default_factory=dict)
    data: dict[str, Any] | None = None
    file: tuple[str, bytes] | None = None

    @property
    def address(self) -> str:
        return f"{self.path}?{urlencode(self.query, doseq=True)}" if self.query else self.path

    @property
    def said(self) -> str:
        return unquote(self.address) + self.address + str(self.data) + str(self.file)


def api_requests(world: World) -> st.SearchStrategy[Wild]:
    """Good and bad requests of every operation that the OpenAPI document names."""
    document = SchemaGenerator().get_schema(request=None, public=True)
    schema = schemathesis.openapi.from_dict(document)
    operations = [result.ok() for result in schema.get_all_operations()]
    cases = [
        operation.as_strategy(generation_mode=mode)
        for operation in operations
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
    ]
    named = sorted(
        {address(world, n, t) for n in ROUTES if n.startswith("api_") for t in TARGETS}
        - {"/api/docs/"}
    )
    query = st.dictionaries(
        st.sampled_from(["store", "customer", "page_size", "cursor", "tag", "parent", "plate"]),
        values(world),
        max_size=2,
    )
    return st.one_of(
        st.one_of(cases).map(lambda case: Wild(case.formatted_path, dict(case.query or {}))),
        st.builds(Wild, st.sampled_from(named), query),
    )


def page_requests(world: World) -> st.SearchStrategy[Wild]:
    """Every page and form, about every row, with every parameter and what fits none."""
    some = values(world)
    pages = {n: r for n, r in ROUTES.items() if not n.startswith("api_") and n != "signout"}

    def of(name: str) -> st.SearchStrategy[Wild]:
        rule = pages[name]
        targets = TARGETS if rule.names else ("own",)
        path = st.sampled_from([address(world, name, target) for target in targets])
        if rule.names in ("unit", "store"):
            path |= some.map(
                lambda text: address(world, name, "missing").replace("nowhere", quote(text or "_"))
            )
        own = st.sampled_from(parameters_of(name))
        known = st.dictionaries(own | own | st.sampled_from(parameters()), some, max_size=5)
        asked = [st.builds(Wild, path, known)] if rule.get != (405,) else []
        if rule.post != (405,):
            plain = {k: v for k, v in rule.data.items() if not callable(v)}
            filled = known.map(lambda chosen: plain | chosen)
            asked.append(st.builds(Wild, path, st.just({}), filled))
        if "upload" in rule.data:
            names = st.sampled_from(
                ["visits.csv", "a.zip", "visits.xlsx", "../x.csv", "org_units.csv"]
            )
            asked.append(
                st.builds(
                    *(Wild, path, st.just({}), known),
                    st.tuples(names, st.binary(max_size=300)),
                )
            )
        return st.one_of(asked)

    return st.sampled_from(sorted(pages)).flatmap(of)


def send(client: Client, wild: Wild) -> tuple[int, str]:
    """Status and body; what was written is taken back."""
    fresh = Client(raise_request_exception=False)
    fresh.cookies.update(client.cookies)
    with transaction.atomic():
        if wild.data is None:
            answer = fresh.get(wild.address)
        else:
            data = dict(wild.data)
            if wild.file is not None:
                data["upload"] = SimpleUploadedFile(*wild.file)
            answer = fresh.post(wild.address, data)
        body = b"".join(answer) if answer.streaming else answer.content
        transaction.set_rollback(True)
    return answer.status_code, body.decode("utf-8", "replace")


def fuzz(
    world: World,
    person: Person,
    source: Callable[[World], st.SearchStrategy[Wild]],
    count: int,
    number: int,
) -> int:
    """Send ``count`` requests as ``person``; the number sent.

    Raises:
        AssertionError: an answer of 500 and above, or one that holds a row from beyond.
    """
    client = client_for(world, person)
    hidden = world.marks_beyond(world.people[person.role, person.where])
    sent = 0

    @seed(number)
    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(source(world))
    def one(wild: Wild) -> None:
        nonlocal sent
        sent += 1
        status, body = send(client, wild)
        assert status < 500 or wild.path in MAY_BE_UNREADY, f"{status}: {wild}"
        leaked = [mark for mark in hidden if mark in body and mark not in wild.said]
        assert leaked == [], f"{leaked} in the answer to {wild}"

    one()
    return sent
