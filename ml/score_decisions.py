"""What people decide about score sets: back to the former one, or show one that was held back.

Both are the update that publishing is: one transaction in which the tags change with the set.
"""

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ml.champion_changes import differ, keep, what_moved
from ml.models import ScoreSet
from ml.publication import current_score_set, replace_tags
from organization import audit
from organization.access import Access, entered


class DecisionRefused(Exception):
    """It cannot be done; the message says why, in the language of whoever reads it."""


def checked_reason(reason: str) -> str:
    """The reason without blanks around it. Raises :class:`DecisionRefused` for an empty one."""
    if len(reason.strip()) < 3:
        raise DecisionRefused(
            _("A reason is needed: it is kept with the score set and in the trail.")
        )
    return reason.strip()


def roll_back(access: Access, reason: str, score_set_id: int | None = None) -> ScoreSet:
    """Withdraw the set in use; the published one before it is in use again and is returned.

    ``score_set_id``: the set that the person saw; if another is in use by now, nothing is done.

    Raises:
        DecisionRefused: no reason, no set in use, none before it, or another one is in use.
    """
    reason = checked_reason(reason)
    with entered(access):
        current = current_score_set(access)
        if current is None:
            raise DecisionRefused(_("There are no published scores to go back from."))
        if score_set_id not in (None, current.pk):
            raise DecisionRefused(_("Another score set is in use by now: look at the page again."))
        withdrawn = ScoreSet.objects.filter(pk=current.pk, withdrawn_at=None).update(
            withdrawn_at=timezone.now(),
            withdrawn_by=access.label[:80],
            withdrawn_reason=reason,
        )
        former = current_score_set(access)
        if withdrawn and former is not None and differ(current, former):
            keep(what_moved(access, current, former))
        if not withdrawn or former is None:
            raise DecisionRefused(_("There is no earlier published score set to go back to."))
        replace_tags(former)
        audit.record(
            access,
            "scores.rolled_back",
            f"score_set:{current.pk}",
            to=former.pk,
            as_of=str(former.as_of),
            reason=reason,
        )
    return former


def publish_held(access: Access, score_set_id: int, reason: str) -> ScoreSet:
    """Show a set that the gate held back: somebody knows better and says why.

    Raises:
        DecisionRefused: no reason, or it is no set that was held back.
    """
    reason = checked_reason(reason)
    with entered(access):
        held = (
            ScoreSet.objects.select_for_update()
            .filter(pk=score_set_id, status=ScoreSet.Status.HELD)
            .first()
        )
        if held is None:
            raise DecisionRefused(_("This score set was not held back, or is shown already."))
        former = current_score_set(access)
        held.status = ScoreSet.Status.PUBLISHED
        held.published_at = timezone.now()
        held.published_by = access.label[:80]
        held.gate |= {"overruled": reason}
        held.save()
        if current_score_set(access) == held:
            replace_tags(held)
            if former is not None and differ(former, held):
                keep(what_moved(access, former, held))
        audit.record(access, "scores.published_held", f"score_set:{held.pk}", reason=reason)
    return held
