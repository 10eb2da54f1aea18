"""The OpenAPI document: complete, described, and silent about what never leaves."""

import pytest
from django.core.management import call_command
from django.test import Client


@pytest.fixture(scope="module")
def schema() -> dict:
    from drf_spectacular.generators import SchemaGenerator

    return SchemaGenerator().get_schema(request=None, public=True)


def test_it_is_drawn_without_a_warning(tmp_path) -> None:
    call_command("spectacular", validate=True, fail_on_warn=True, file=str(tmp_path / "s.yml"))


def test_every_operation_is_described(schema: dict) -> None:
    operations = [o for item in schema["paths"].values() for o in item.values()]
    assert len(operations) == 40
    assert all(o["summary"] and o["description"] for o in operations)


def test_no_contact_field_is_offered(schema: dict) -> None:
    """Numbers, addresses and birth days have no place in any resource."""
    names = {
        name
        for component in schema["components"]["schemas"].values()
        for name in component.get("properties", {})
    }
    assert not [n for n in names if any(w in n for w in ("mobile", "phone", "address", "birth"))]
    assert not names & {"id", "pk", "tail", "lookup", "sealed", "contacts", "brought_by"}


def test_gated_fields_are_not_promised(schema: dict) -> None:
    assert "ltv_fen" not in schema["components"]["schemas"]["ScoreResource"]["required"]
    assert "risk" in schema["components"]["schemas"]["ScoreResource"]["required"]


def test_it_is_open_and_so_is_its_reader(db: None) -> None:
    assert Client().get("/api/schema/").status_code == 200
    page = Client().get("/api/docs/")
    assert page.status_code == 200
    text = page.content.decode()
    assert "<style" not in text
    assert "<script>" not in text
    assert "Content-Security-Policy" in page.headers


def test_rows_in_are_described_by_the_columns_of_each_kind(schema: dict) -> None:
    from config.api.bulk_schema import EXAMPLES
    from customers.importing.kinds import KINDS

    for name, kind in KINDS.items():
        [operation] = schema["paths"][f"/api/v1/{name}/bulk"].values()
        content = operation["requestBody"]["content"]
        row = content["application/json"]["schema"]["items"]
        assert set(row["properties"]) == {column.name for column in kind.columns}
        assert (
            set(row["required"])
            <= set(EXAMPLES[name])
            <= set(row["properties"]) | {*("store_code", "event_no")}
        )
        assert "application/x-ndjson" in content


def test_every_operation_names_the_shape_of_errors(schema: dict) -> None:
    for item in schema["paths"].values():
        for operation in item.values():
            answers = operation["responses"]
            assert "application/problem+json" in answers["default"]["content"]
