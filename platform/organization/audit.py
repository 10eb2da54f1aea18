"""Writing the audit trail, in the transaction of what it records."""

from typing import Any

from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from organization.access import Access, entered
from organization.models import AuditEvent

# What the trail page calls an action; a test finds the one that somebody forgot.
ACTION_WORDS: dict[str, Promise] = {
    "signin": _("signed in"),
    "signin_failed": _("failed to sign in"),
    "signin_locked": _("was locked out"),
    "signout": _("signed out"),
    "second_factor_failed": _("typed a wrong second factor"),
    "second_factor_locked": _("was locked out at the second factor"),
    "second_factor_set_up": _("set up a second factor"),
    "second_factor_removed": _("removed a second factor"),
    "recovery_codes_renewed": _("made new recovery codes"),
    "sessions_ended": _("ended sessions"),
    "password_changed": _("changed the password"),
    "password_link_made": _("made a link to set a password"),
    "password_reset": _("set a password by link"),
    "token_made": _("made an API token"),
    "token_revoked": _("revoked an API token"),
    "account_closed": _("closed an account"),
    "account_opened": _("opened an account"),
    "assignment_end_set": _("set the end of an assignment"),
    "assignment_transferred": _("transferred a person"),
    "view_switched": _("switched the assignment looked through"),
    "grant.requested": _("asked for a special grant"),
    "grant.approved": _("approved a special grant"),
    "grant.refused": _("refused a special grant"),
    "grant.revoked": _("revoked a special grant"),
    "work.handed_over": _("handed over open work"),
    "contact.revealed": _("revealed a contact number"),
    "follow_up.outcome": _("recorded the outcome of a follow-up"),
    "ownership.ended": _("ended an ownership"),
    "queue_import": _("asked for an import"),
    "import": _("imported files"),
    "download_refusals": _("downloaded refused rows"),
    "save_import_profile": _("saved an import profile"),
    "delete_import_profile": _("deleted an import profile"),
    "save_import_rules": _("saved the import rules"),
    "export_scores": _("exported scores"),
    "assess_quality": _("assessed data quality"),
    "training.requested": _("asked for a training run"),
    "scores.published": _("published scores"),
    "scores.held_back": _("held scores back"),
    "valuation.created": _("made a valuation"),
    "valuation.approved": _("approved a valuation"),
    "scores.published_held": _("published scores that had been held back"),
    "scores.rolled_back": _("rolled scores back"),
    "assumptions.version": _("stored assumptions"),
    "scenario.stored": _("stored a scenario"),
    "pool.cut": _("cut a pool"),
    "structure.saved": _("saved a structure"),
    "structure.exported": _("exported a structure"),
    "export.requested": _("asked for an export"),
    "export.downloaded": _("downloaded an export"),
    "figure.exported": _("downloaded the rows behind a figure"),
    "pool.exported": _("downloaded a pool"),
    "segment.exported": _("downloaded a segment's customers"),
    "workload.exported": _("downloaded the expected work"),
    "change.exported": _("downloaded what moved between models"),
    "scores.dropped": _("took away scores older than is kept"),
    "training.cancelled": _("cancelled a training run"),
    "backtest.kept": _("carried out back-tests"),
    "task.done": _("closed a task"),
    "task.measured": _("measured a task again"),
    "task.created": _("created a task"),
    "task.owner_changed": _("changed the owner of a task"),
    "row.insert": _("rows were added"),
    "row.update": _("rows were changed"),
    "row.delete": _("rows were deleted"),
}
# Events that the database writes itself, about rows and not about what somebody wanted.
ROW_ACTIONS = "row."

# The tables whose changes the trail holds, as the page calls them.
TABLE_WORDS: dict[str, Promise] = {
    "organization_account": _("Accounts"),
    "organization_staff": _("People"),
    "organization_assignment": _("Assignments"),
    "organization_grant": _("Special grants"),
    "organization_secondfactor": _("Second factors"),
    "organization_apitoken": _("API tokens"),
    "customers_contactpoint": _("Contact numbers"),
    "customers_consent": _("Consents"),
    "customers_mergedecision": _("Merge decisions"),
    "ml_scoreset": _("Score sets"),
    "valuation_assumptions": _("Assumptions"),
    "valuation_valuation": _("Valuations"),
    "valuation_approval": _("Approvals"),
    "valuation_structure": _("Structures"),
    "valuation_export": _("Exports"),
    "valuation_bandset": _("Band sets"),
    "valuation_moatinput": _("Moat entries"),
    "valuation_pool": _("Pools"),
    "valuation_scenario": _("Scenarios"),
}

# The applications above add the words of their own actions.
DETAIL_WORDS: dict[str, Promise | str] = {
    "address": _("from address"),
    "role": _("role"),
    "unit": _("unit"),
    "before": _("before"),
    "after": _("after"),
    "assignment": _("assignment"),
    "grant": _("grant"),
    "capability": _("capability"),
    "valid_from": _("starts on"),
    "valid_to": _("ends before"),
    "to": _("to unit"),
    "successor": _("successor"),
    "owner": _("person responsible"),
    "follow_ups": _("follow-ups"),
    "customers": _("customers"),
    "by": _("by"),
    "second": _("second factor"),
    "reason": _("reason"),
    "kind": _("kind"),
    "rows": _("rows"),
    "not_shown": _("changed, not shown"),
    "as_of": _("as of"),
    "input_hash": _("hash of the input"),
    "sha256": "SHA-256",
    "refusals": _("refusals"),
    "assumptions": _("version of the assumptions"),
    "version": _("version"),
    "kinds": _("files"),
    "at": _("month or valuation"),
    "cell": _("part"),
    "language": _("language"),
    "name": _("name"),
    "dry_run": _("dry run"),
    "read": _("read"),
    "created": _("created"),
    "updated": _("updated"),
    "unchanged": _("unchanged"),
    "rejected": _("rows refused"),
    "superseded": _("superseded"),
    "refused_cells": _("refused cells"),
    "metric": _("indicator"),
    "units": _("units"),
    "expires": _("ends before"),
    "scope": _("scope"),
}


# What a label begins with where no person acted: a command, a task of the night.
SYSTEM = "system:"


def actor_words(label: str) -> str:
    """Who acted, as pages write it: ``system:manage.py value`` → ``System · manage.py value``."""
    if not label.startswith(SYSTEM):
        return label
    return f"{_now('System')} · {label.removeprefix(SYSTEM)}"


def actor_label(words: str) -> str:
    """What somebody searches for, as labels are stored: the other way round."""
    system = _now("System")
    if not words.startswith(system):
        return words
    return SYSTEM + words.removeprefix(system).lstrip(" ·")


def record(access: Access, action: str, subject: str = "", **detail: Any) -> None:
    """Add one event; ``detail`` must be JSON values and hold no contact data."""
    AuditEvent.objects.create(
        tenant_id=access.tenant_id,
        actor=access.label[:80],
        account_id=access.account_id,
        action=action,
        subject=subject[:120],
        detail=detail,
    )


def note_refusal(request: HttpRequest, action: str, subject: str = "", **detail: Any) -> None:
    """Remember a refusal that must be recorded although the request's writes are rolled back."""
    noted = getattr(request, "refusals", ())
    request.refusals = (*noted, (action, subject, detail))  # type: ignore[attr-defined]


def record_refusals(request: HttpRequest, access: Access) -> None:
    """Write what ``note_refusal`` remembered; the middleware calls it after the request."""
    if noted := getattr(request, "refusals", ()):
        with entered(access):
            for action, subject, detail in noted:
                record(access, action, subject, **detail)
