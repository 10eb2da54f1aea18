"""What a new installation has to do before it shows its first value, and who does it."""

from dataclasses import dataclass

from django.urls import reverse
from django.utils.translation import gettext as _

from customers.models import Visit
from ml.publication import current_score_set
from organization.access import Access, Capability
from organization.models import Unit


@dataclass(frozen=True)
class FirstStep:
    """``href`` is empty for those who cannot take the step themselves."""

    label: str
    who: str
    done: bool
    href: str


def first_steps(access: Access) -> list[FirstStep]:
    """Organization, data, models, value: in the order in which each needs the one before."""

    def page(name: str, needs: Capability) -> str:
        return reverse(name) if access.may(needs) else ""

    stores = Unit.objects.visible_to(access).filter(level="store").exists()
    visits = Visit.objects.visible_to(access).exists()
    scored = current_score_set(access) is not None
    steward, analyst = _("Data steward"), _("Analyst")
    imports, models = page("imports", Capability.IMPORT_DATA), page("models", Capability.SEE_MODELS)
    return [
        FirstStep(_("Load the organization and its people"), steward, stores, imports),
        FirstStep(_("Load customers, vehicles and repair orders"), steward, visits, imports),
        FirstStep(_("Train the models and score every customer"), analyst, scored, models),
        FirstStep(_("Value the customer base"), analyst, False, ""),
        FirstStep(_("Approve the value"), _("Executive, a second person"), False, ""),
    ]
