"""Keys for programs: what a token carries, how it is kept, and the access it opens.

A token reads ``parc_<group number>_<secret>``: with the number the group is entered before its
tokens are read, so the table stands behind row-level security. 256 random bits are stored as
SHA-256; no slower hash is needed for a secret that nobody chose.
"""

import dataclasses
import hashlib
import re
import secrets
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from organization.access import Access, Capability, entered
from organization.models import Account, ApiToken, Unit
from organization.unit_set import ALL_UNITS, UnitSet

NOT_VALID = _("The token is not valid: unknown, expired or revoked.")
LONGEST_DAYS = 366
TOUCH_AFTER = timedelta(minutes=1)
_FORM = re.compile(r"parc_([0-9]{1,18})_[A-Za-z0-9_-]{43}")
# What a token may carry: a new capability is not among it until somebody puts it there. Programs
# never reveal numbers, handle privacy, administer, grant or approve.
C = Capability
READS = frozenset(
    {C.SEE_CUSTOMERS, C.SEE_PROBABILITIES, C.SEE_VALUE, C.SEE_MODELS, C.SEE_DATA_QUALITY}
)
WRITES = frozenset({C.FOLLOW_UP, C.CREATE_TASK, C.RETRAIN, C.IMPORT_DATA, C.CREATE_VALUATION})
CARRIED = {ApiToken.Scope.READ: READS, ApiToken.Scope.WRITE: READS | WRITES}


@dataclass(frozen=True)
class NewToken:
    """``text`` is shown once and kept nowhere."""

    text: str
    row: ApiToken


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def make_token(account: Account, name: str, *, scope: str, units: list[int], days: int) -> NewToken:
    """Make a token; call inside the account's tenant.

    Raises:
        ValueError: ``days`` is not between 1 and ``LONGEST_DAYS``.
    """
    if not 1 <= days <= LONGEST_DAYS:
        raise ValueError(f"A token lives from 1 to {LONGEST_DAYS} days.")
    text = f"parc_{account.tenant_id}_{secrets.token_urlsafe(32)}"
    row = ApiToken.objects.create(
        tenant_id=account.tenant_id,
        account=account,
        name=name,
        start=text[: len(f"parc_{account.tenant_id}_") + 4][:16],
        digest=_digest(text),
        scope=scope,
        units=sorted(units),
        expires_at=timezone.now() + timedelta(days=days),
    )
    return NewToken(text, row)


def valid_tokens() -> Q:
    return Q(revoked_at=None, expires_at__gt=timezone.now())


def find_token(text: str, address: str) -> ApiToken | None:
    """The valid token of an open account, marked as used; None for anything else."""
    form = _FORM.fullmatch(text)
    if form is None:
        return None
    with entered(Access(tenant_id=int(form[1]), label="api token")):
        token: ApiToken | None = (
            ApiToken.objects.select_related("account")
            .filter(valid_tokens(), digest=_digest(text), account__is_active=True)
            .first()
        )
        now = timezone.now()
        if token and (token.last_used_at is None or now - token.last_used_at > TOUCH_AFTER):
            ApiToken.objects.filter(pk=token.pk).update(last_used_at=now, last_address=address)
    return token


def narrowed(access: Access, token: ApiToken) -> Access:
    """The owner's access of today, cut to the token's scope and units: never more than either."""
    carried = access.capabilities & CARRIED[ApiToken.Scope(token.scope)]
    reach = ALL_UNITS
    if token.units:
        below = Unit.objects.filter(path__overlap=token.units).values_list("pk", flat=True)
        reach = UnitSet(frozenset(below))
    units = access.reach & reach
    return dataclasses.replace(
        access,
        label=f"{access.label} via {token.start}"[:80],
        all_units=units.everything,
        units=units.ids,
        home_unit_id=access.home_unit_id if access.home_unit_id in units else None,
        scopes={what: access.units_for(what) & reach for what in carried},
        levels={level: held & reach for level, held in access.levels.items()},
    )
