"""Pages of a list by cursor: the hundredth page costs what the first one does."""

from rest_framework.pagination import CursorPagination


class Cursor(CursorPagination):
    """Pages in a fixed order by a unique key, so that no row is skipped or repeated."""

    ordering = "pk"
    page_size = 100
    page_size_query_param = "page_size"
    max_page_size = 500
