"""Sessions in the database: whose, since when, last used when and where; both time limits.

The key that the browser holds is not stored, only its hash: whoever reads the table cannot go on
as somebody else. The idle limit counts from the last request, the absolute one from sign-in; both
are checked when a session is read, so they hold for pages and API alike.
"""

import hashlib
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from organization.models import Session

SIGNED_IN_AT, ADDRESS, DEVICE = "signed_in_at", "address", "device"
# A request updates the time of last use at most once in this time: most cost no write.
TOUCH_AFTER = timedelta(minutes=1)


def stored_key(session_key: str) -> str:
    """The key under which a session is stored: 160 bits of the hash of what the browser holds."""
    return hashlib.sha256(session_key.encode()).hexdigest()[:40]


def idle_limit() -> timedelta:
    return timedelta(minutes=settings.SESSION_IDLE_MINUTES)


def absolute_limit() -> timedelta:
    return timedelta(seconds=settings.SESSION_COOKIE_AGE)


class SessionStore(DatabaseStore):
    @classmethod
    def get_model_class(cls) -> type[Session]:  # type: ignore[override]
        return Session

    def _get_session_from_db(self) -> Session | None:
        now = timezone.now()
        row = Session.objects.filter(
            pk=stored_key(self.session_key or ""), expire_date__gt=now
        ).first()
        if row is None or now - row.seen_at > idle_limit():
            self._session_key = None
            return None
        if now - row.seen_at > TOUCH_AFTER:
            Session.objects.filter(pk=row.pk).update(seen_at=now)
        return row

    def exists(self, session_key: str) -> bool:
        return Session.objects.filter(pk=stored_key(session_key)).exists()

    def create_model_instance(  # type: ignore[override]  # (a model of its own, with our fields)
        self, data: dict[str, Any]
    ) -> Session:
        now = timezone.now()
        started = _instant(data.get(SIGNED_IN_AT)) or now
        return Session(
            session_key=stored_key(self._get_or_create_session_key()),  # type: ignore[attr-defined]
            session_data=self.encode(data),
            expire_date=started + absolute_limit(),
            account_id=data.get(SESSION_KEY),
            started_at=started,
            seen_at=now,
            address=data.get(ADDRESS, ""),
            device=data.get(DEVICE, ""),
        )

    def delete(self, session_key: str | None = None) -> None:
        key = session_key or self.session_key
        if key is not None:
            Session.objects.filter(pk=stored_key(key)).delete()

    @classmethod
    def clear_expired(cls) -> None:
        now = timezone.now()
        Session.objects.filter(expire_date__lt=now).delete()
        Session.objects.filter(seen_at__lt=now - idle_limit()).delete()


def _instant(text: Any) -> datetime | None:
    return parse_datetime(text) if isinstance(text, str) else None
