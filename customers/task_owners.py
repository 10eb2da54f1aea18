"""The owner of a task: who may be it, who is proposed, and whether the one named is still there."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Case, QuerySet, Value, When
from django.utils import timezone

from customers.models import Task
from organization.access import Access, Capability
from organization.models import Assignment, Role, Staff, Unit
from organization.roles import CAPABILITIES, valid_on


@dataclass(frozen=True)
class Candidate:
    """A person who may own a task, by the assignment nearest to its unit."""

    staff: Staff
    assignment: Assignment

    @property
    def name(self) -> str:
        return self.staff.name or self.staff.username

    @property
    def label(self) -> str:
        """Name, role and unit, as the choice of an owner lists them."""
        return f"{self.name} · {Role(self.assignment.role).label} · {self.assignment.unit.name}"


def candidates(
    access: Access, unit: Unit, capability: Capability = Capability.CREATE_TASK
) -> list[Candidate]:
    """Active people whose role at ``unit`` or above it carries ``capability``.

    The nearest unit first, there the assignment of longest standing; of the same day the one that
    was entered first. A closed account does not count; having none yet does.
    """
    roles = [role for role, held in CAPABILITIES.items() if capability in held]
    rows = (
        _working(access)
        .filter(unit_id__in=unit.path, role__in=roles)
        .select_related("staff", "unit")
    )
    nearest_first = sorted(
        rows, key=lambda one: (-unit.path.index(one.unit_id), one.valid_from, one.pk)
    )
    found: dict[int, Candidate] = {}
    for one in nearest_first:
        found.setdefault(one.staff_id, Candidate(one.staff, one))
    return list(found.values())


def proposed_owner(
    access: Access, unit: Unit, capability: Capability = Capability.CREATE_TASK
) -> Staff | None:
    """Who is named until somebody chooses: the first of the candidates, None without any."""
    found = candidates(access, unit, capability)
    return found[0].staff if found else None


def without_their_owner(access: Access, tasks: Iterable[Task]) -> set[int]:
    """Of ``tasks`` those whose owner works neither at the unit nor above it any more.

    One query; tasks need their ``unit``. Who was given another role there has not left.
    """
    owned = [task for task in tasks if task.owner_id is not None]
    held = set(
        _working(access)
        .filter(staff_id__in={task.owner_id for task in owned})
        .values_list("staff_id", "unit_id")
        if owned
        else ()
    )
    return {
        task.pk
        for task in owned
        if not any((task.owner_id, unit_id) in held for unit_id in task.unit.path)
    }


def own_first(tasks: QuerySet[Task], access: Access) -> QuerySet[Task]:
    """Tasks by the day they are due, before all others those of the person who looks."""
    if access.staff_id is None:
        return tasks.order_by("due_on", "pk")
    others = Case(When(owner_id=access.staff_id, then=Value(0)), default=Value(1))
    return tasks.order_by(others, "due_on", "pk")


def _working(access: Access) -> QuerySet[Assignment]:
    """Assignments in force today of people whose account is not closed."""
    rows: QuerySet[Assignment] = Assignment.objects.visible_to(access)
    return rows.filter(valid_on(timezone.localdate())).exclude(staff__account__is_active=False)
