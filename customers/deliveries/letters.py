"""Letters to a group's data stewards about deliveries: counts and codes, never a row."""

import logging
from smtplib import SMTPException
from typing import Any

from django.conf import settings
from django.core.mail import send_mail
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from customers.models import ImportRun
from organization.access import Access
from organization.models import Assignment, Role, Unit
from organization.roles import valid_on

logger = logging.getLogger(__name__)
_LANGUAGES = ("zh-hans", "en")
_MOST_CODES = 10


def stewards(access: Access) -> list[str]:
    """Addresses of the data stewards of the whole group; call inside the access."""
    held = Assignment.objects.visible_to(access).filter(
        valid_on(timezone.localdate()), role=Role.DATA_STEWARD, unit__level=Unit.Level.GROUP
    )
    return sorted({email for email in held.values_list("staff__email", flat=True) if email})


def written(group: str, name: str, outcomes: dict[str, dict[str, Any]], note: str = "") -> str:
    """The letter in both languages; ``outcomes`` by language, as ``outcome_of`` gives them."""
    parts = []
    for language in _LANGUAGES:
        with translation.override(language):
            parts.append(_said(group, name, outcomes[language], note))
    return "\n\n――――――――\n\n".join(parts)


def _said(group: str, name: str, outcome: dict[str, Any], note: str) -> str:
    status = ImportRun.Status(outcome["status"]).label
    lines = [
        _("Group %(group)s, delivery %(name)s: %(status)s.")
        % {"group": group, "name": name, "status": status}
    ]
    if note:
        lines.append(str(_(note)))
    if outcome["message"]:
        lines.append(outcome["message"])
    for file in outcome["files"]:
        lines.append(
            _(
                "%(kind)s: %(read)s rows read, %(created)s created, %(updated)s updated,"
                " %(unchanged)s unchanged, %(superseded)s superseded, %(refused)s refused"
            )
            % file
        )
        lines += [f"    {warning['message']}" for warning in file["warnings"]]
    codes: dict[str, int] = {}
    for refusal in outcome["refusals"]:
        place = f"{refusal['kind']}.{refusal['column']} {refusal['code']}"
        codes[place] = codes.get(place, 0) + 1
    lines += [f"    {place}: {count}" for place, count in list(codes.items())[:_MOST_CODES]]
    address = f"{settings.PUBLIC_URL}{reverse('import_run', args=[outcome['run']])}"
    lines.append(_("Details and refused rows: %(address)s") % {"address": address})
    return "\n".join(lines)


def send(addresses: list[str], group: str, name: str, status: str, text: str) -> bool:
    """Send; False if the mail server cannot be had, so that it is tried again."""
    words = {ImportRun.Status.DONE: "导入完成 / import done"}
    about = words.get(status, "导入失败 / import failed")  # type: ignore[call-overload]
    if not addresses:
        logger.warning("no data steward of group %s has an address; not told of %s", group, name)
        return True
    subject = f"[Parcfolio] {group} {about}: {name}".replace("\n", " ").replace("\r", " ")
    try:
        send_mail(subject, text, None, addresses)
    except (OSError, SMTPException):
        logger.exception("the letter about %s of group %s is tried again", name, group)
        return False
    return True
