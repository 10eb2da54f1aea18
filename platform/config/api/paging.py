"""Pages of a list by cursor: the hundredth page costs what the first one does."""

from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request


class Cursor(CursorPagination):
    """Pages in a fixed order by a unique key, so that no row is skipped or repeated."""

    ordering = "pk"
    page_size = 100
    page_size_query_param = "page_size"
    max_page_size = 1000

    def get_page_size(self, request: Request) -> int | None:
        """As DRF's, which takes the default for what is no number; here that is refused."""
        asked = request.query_params.get(self.page_size_query_param)
        if asked is not None and not (asked.isdecimal() and len(asked) < 10 and int(asked)):
            said = _("Write a whole number from 1 to %(most)s.") % {"most": self.max_page_size}
            raise ValidationError({self.page_size_query_param: [said]})
        size: int | None = super().get_page_size(request)
        return size

    def decode_cursor(self, request: Request) -> Any:
        """As DRF's, and 404 for a cursor that was altered to something other than a number."""
        cursor = super().decode_cursor(request)
        if cursor and cursor.position is not None and not str(cursor.position).isdecimal():
            raise NotFound(self.invalid_cursor_message)
        return cursor


class ByPseudonym(Cursor):
    """Pages of rows whose key is a random pseudonym."""

    ordering = "pseudonym"

    def decode_cursor(self, request: Request) -> Any:
        """As DRF's, and 404 for a cursor that was altered to something other than a pseudonym."""
        cursor = CursorPagination.decode_cursor(self, request)
        if cursor and cursor.position is not None:
            try:
                UUID(str(cursor.position))
            except ValueError:
                raise NotFound(self.invalid_cursor_message) from None
        return cursor
