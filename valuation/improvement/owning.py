"""Handing a task on: the choice of an owner, and the change with its line in the audit trail."""

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy

from customers.deliveries import set_aside
from customers.models import Task
from customers.task_owners import Candidate, candidates
from organization import audit
from organization.access import Access, Capability


def candidates_of(access: Access, task: Task) -> list[Candidate]:
    """Who may own this task: a delivery is a matter of those who load, a figure of managers."""
    delivery = task.anomaly == set_aside.RULE
    needed = Capability.IMPORT_DATA if delivery else Capability.CREATE_TASK
    return candidates(access, task.unit, needed)


def choices_of(offered: Sequence[Candidate]) -> dict[str, str]:
    """What a form offers: ids with names, roles and units."""
    return {str(one.staff.pk): one.label for one in offered}


class OwnerForm(forms.Form):
    """The owner of a task that there is; it begins with the present or the proposed one."""

    owner = forms.ChoiceField(label=gettext_lazy("Owner"))

    def __init__(self, task: Task, offered: Sequence[Candidate], *args: Any, **kwargs: Any) -> None:
        choices = choices_of(offered)
        present = str(task.owner_id)
        kwargs["initial"] = {"owner": present if present in choices else next(iter(choices), "")}
        super().__init__(*args, **kwargs)
        self.fields["owner"].choices = list(choices.items())  # type: ignore[attr-defined]
        self.people: Mapping[str, Candidate] = {str(one.staff.pk): one for one in offered}

    @property
    def chosen(self) -> Candidate:
        return self.people[self.cleaned_data["owner"]]


def owner_form(access: Access, task: Task, *data: Any) -> OwnerForm | None:
    """The choice of an owner for whoever may work on tasks of the unit, until the task closes.

    None also where nobody may own it.
    """
    if task.status == Task.Status.CLOSED or not access.may(Capability.CREATE_TASK, task.unit_id):
        return None
    offered = candidates_of(access, task)
    return OwnerForm(task, offered, *data) if offered else None


def hand_on(access: Access, task: Task, to: Candidate) -> bool:
    """Make somebody the owner of a task; False where they were it already or it is closed.

    ``task`` is read again under a lock, so that of two changes each is on the trail as it was.
    """
    held = (
        Task.objects.visible_to(access, Capability.CREATE_TASK)
        .select_for_update(of=("self",))
        .select_related("owner", "unit")
        .get(pk=task.pk)
    )
    if held.status == Task.Status.CLOSED or held.owner_id == to.staff.pk:
        return False
    before = held.owner
    held.owner = to.staff
    held.save(update_fields=["owner"])
    audit.record(
        *(access, "task.owner_changed", f"task:{held.pk}"),
        unit=held.unit.code,
        before=before.username if before else None,
        after=to.staff.username,
    )
    return True
