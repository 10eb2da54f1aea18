"""The read-only API under /api/v1/: what a person's role shows, as JSON."""

from config.api.paging import Cursor

__all__ = ["Cursor"]
