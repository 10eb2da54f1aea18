"""How identity decisions and their evidence are called on pages."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

ACTIONS: dict[str, Promise] = {
    "identity.matched": _("matched customer numbers"),
    "identity.merge": _("merged two customers"),
    "identity.split": _("split a customer"),
    "identity.reject": _("kept two customers apart"),
    "identity.undone": _("undid a decision about identity"),
    "identity.put_off": _("put a proposal off"),
}
EVIDENCE: dict[str, Promise] = {
    "id_number": _("Same identity number"),
    "mobile_and_name": _("Same mobile and same name"),
    "vin_and_name": _("Same vehicle at the same time and same name"),
    "by_hand": _("Decided by hand"),
    "stays_together": _("Stays together when another number was split off"),
    "mobile": _("Same mobile"),
    "vehicle": _("Same vehicle at the same time"),
    "plate": _("Same plate on two vehicle numbers"),
    "vin_slip": _("Same name, and vehicle numbers one typing error apart"),
    "name_same": _("Same name"),
    "name_slip": _("Names one typing error apart"),
    "name_title": _("One name is only a surname with a title"),
    "name_stem": _("Company names alike, as after a renaming"),
    "name_none": _("Different names"),
    "name_unknown": _("One of them has no name"),
    "birth_date": _("Same birth date"),
    "other_birth_date": _("Different birth dates"),
    "other_gender": _("Different genders"),
}
AGAINST = ("name_none", "other_birth_date", "other_gender")
