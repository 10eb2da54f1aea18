"""A NUL character is refused before any view, wherever it stands."""

import pytest
from django.test import Client


@pytest.mark.parametrize("address", ["/sign-in?next=%00", "/sign-in?%00=1", "/theme?x=a%00b"])
def test_in_an_address(db: None, address: str) -> None:
    assert Client().get(address).status_code == 400


def test_in_the_path(db: None) -> None:
    assert Client().get("/value/%00/").status_code == 400


def test_in_a_form(db: None) -> None:
    assert Client().post("/theme", {"theme": "dark", "next": "/\0"}).status_code == 400


def test_other_control_characters_are_the_views_affair(db: None) -> None:
    assert Client().get("/sign-in?next=%01").status_code == 200
