"""What the audit trail calls the actions about personal data."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

ACTIONS: dict[str, Promise] = {
    "contact.revealed": _("had a number shown"),
    "contact.reveal_refused": _("was refused a number"),
    "walk_in.opened": _("opened a walk-in of another store"),
    "consent.recorded": _("recorded what a customer says about contact"),
    "privacy.requested": _("took a request about personal data"),
    "privacy.exported": _("made a copy of a person's data"),
    "privacy.erased": _("erased a person"),
    "privacy.refused": _("closed a request about personal data without doing it"),
    "privacy.policy_set": _("changed limits and periods of personal data"),
    "erasure.lifted": _("took a person up again after a new consent"),
    "retention.applied": _("deleted what had passed its period"),
}
