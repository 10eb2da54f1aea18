"""Who is one customer: matching, decisions, the state that follows from them, and its pages.

The importer calls the four functions named here; all of them run inside the tenant's system access.
"""

from customers.identity.automatic import merge_on_strong_evidence
from customers.identity.deleted_numbers import refresh_after_deleted_numbers
from customers.identity.homes import refresh_advisors, refresh_home_stores

__all__ = [
    "merge_on_strong_evidence",
    "refresh_advisors",
    "refresh_after_deleted_numbers",
    "refresh_home_stores",
]
