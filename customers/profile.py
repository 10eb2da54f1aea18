"""The customer profile: what an advisor must know in the ten seconds before the car rolls in."""

from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from customers import figures, reasons
from customers.actions import Reason, reasons_to_act
from customers.contact import (
    REVEAL_REASONS,
    customer_or_404,
    main_number,
    masked_number,
    may_reveal,
    shown_name,
    shown_plate,
    shown_vin,
)
from customers.dossier import Dossier, dossier, facts_of
from customers.models import Consent, Contract, Customer, Ownership, Vehicle
from customers.outcomes import RULES, is_quiet
from customers.privacy.consents import ORIGINS, STATEMENTS, may_record
from customers.timeline import timeline_page
from organization.access import Access, Capability, acting
from organization.requests import SignedInRequest
from web.components import Badge, Tab

SOURCES: dict[str, str | Promise] = {
    "vehicle": gettext_lazy("the car's own interval"),
    "model": gettext_lazy("the brand policy for the model"),
    "division": gettext_lazy("the division's policy"),
    "": gettext_lazy("nobody says how often"),
}


# A fleet's further vehicles are one line each.
CARS_IN_FULL = 3


@dataclass(frozen=True)
class Car:
    """One vehicle as its card and the header show it."""

    vehicle: Vehicle
    plate: str
    vin: str
    title: str
    last_km: float | None
    km_today: float | None
    due_on: date | None
    due_km: float | None
    overdue: bool
    days_from: Any
    owner: str
    since: date | None
    warranty: Badge


def car_title(vehicle: Vehicle) -> str:
    """Brand and series; a series that is named with its brand says both."""
    series = vehicle.series or vehicle.model
    if vehicle.brand and series.startswith(vehicle.brand):
        return str(series)
    return " ".join(part for part in (vehicle.brand, series) if part)


def car_of(record: Dossier, ownership: Ownership) -> Car:
    """A card out of the dossier."""
    vehicle, access = ownership.vehicle, record.access
    parted = ownership.owned_to is not None and ownership.owned_to <= record.today
    # What is due with a vehicle is due to who has it now.
    row = record.due.loc[vehicle.pk] if vehicle.pk in record.due.index and not parted else None

    def known(name: str) -> Any:
        # Not-a-number and not-a-time differ from themselves.
        return None if row is None or row[name] != row[name] else row[name]

    due_on = known("due_on")
    readings = [v.mileage_km for v in record.visits if v.vehicle_id == vehicle.pk and v.mileage_km]
    return Car(
        vehicle=vehicle,
        plate=shown_plate(access, vehicle),
        vin=shown_vin(access, vehicle),
        title=car_title(vehicle),
        last_km=readings[0] if readings else ownership.km_at_sale,
        km_today=known("km_today"),
        due_on=due_on.date() if due_on is not None else None,
        due_km=known("due_km"),
        overdue=(known("overdue_days") or 0) > 0,
        days_from=SOURCES[row["days_from"]] if row is not None else SOURCES[""],
        owner=_("Parted with the vehicle") if parted else _owner_order(record, ownership),
        since=ownership.owned_to if parted else ownership.sold_on or ownership.owned_from,
        warranty=_warranty(vehicle, record.today),
    )


def _owner_order(record: Dossier, ownership: Ownership) -> str:
    if ownership.sold_on is None:
        taken_over = ownership.vehicle_id in record.taken_over
        return _("Later owner") if taken_over else _("Bought elsewhere")
    return _("Later owner") if ownership.sold_used else _("First owner")


def _warranty(vehicle: Vehicle, today: date) -> Badge:
    if vehicle.warranty_until is None:
        return Badge(_("Warranty not known"))
    if vehicle.warranty_until >= today:
        return Badge(_("In warranty"), "good", title=str(vehicle.warranty_until))
    if vehicle.extended_warranty:
        return Badge(_("Extended warranty"), "good", title=str(vehicle.warranty_until))
    return Badge(_("Out of warranty"), "warn", title=str(vehicle.warranty_until))


@require_safe
def profile(request: SignedInRequest, uid: UUID) -> HttpResponse:
    access = acting(request.access, Capability.SEE_CUSTOMERS)
    customer = customer_or_404(access, uid)
    today = timezone.localdate()
    record = dossier(access, request.tenant, customer, today)
    vehicle_id = _chosen_vehicle(request, record)
    only = vehicle_id if "vehicle" in request.GET else None
    entries, after = timeline_page(access, customer, only, None)
    cars = [car_of(record, ownership) for ownership in _by_choice(record, vehicle_id)]
    act = reasons_to_act(facts_of(record))
    unwanted = record.refuses_contact()
    if unwanted:  # what he must be told stays; nothing is offered to somebody who said no
        act = [reason for reason in act if reason.kind.duty]
    return render(
        request,
        "customers/profile.html",
        {
            "customer": customer,
            "record": record,
            "name": shown_name(access, customer),
            "number": masked_number(main_number(record.contacts)),
            "reveal_reasons": REVEAL_REASONS
            if may_reveal(access, customer) and main_number(record.contacts)
            else {},
            "car": cars[0] if cars else None,
            "cars": cars[:CARS_IN_FULL],
            "further_cars": cars[CARS_IN_FULL:],
            "unwanted": unwanted,
            "statements": STATEMENTS if may_record(access) else {},
            "origins": ORIGINS,
            "may_decide_identity": access.may(Capability.IMPORT_DATA),
            "may_handle_privacy": access.may(Capability.HANDLE_PRIVACY),
            "red": [(r, _which(record, r)) for r in act if r.kind.red],
            "act": [(r, _which(record, r)) for r in act if not r.kind.red],
            "insurance_ended": bool(
                cars and cars[0].vehicle.insurance_until and cars[0].vehicle.insurance_until < today
            ),
            "marks": _marks(record),
            "brought_by": _brought_by(record),
            "balances": _balances(record),
            "related": [(c, shown_name(access, c)) for c in record.related],
            "counted": figures.counted(record),
            "spend": figures.spend(record),
            "forecast": figures.forecast(record),
            "tags": figures.tags_of(record),
            "entries": entries,
            "after": after,
            "vehicle_id": only,
            "tabs": _tabs(record, only),
            "log": _log(request, access, record, act),
            "today": today,
        },
    )


def _chosen_vehicle(request: SignedInRequest, record: Dossier) -> int | None:
    """The car in question: the one asked for, else the one last seen, else the last bought."""
    asked = request.GET.get("vehicle", "")
    if asked.isdecimal() and int(asked) in record.vehicles:
        return int(asked)
    owned = {o.vehicle_id for o in record.owned}
    seen = [v.vehicle_id for v in record.visits if v.vehicle_id in owned]
    if seen:
        return seen[0]
    return record.owned[0].vehicle_id if record.owned else None


def _by_choice(record: Dossier, vehicle_id: int | None) -> list[Ownership]:
    """One ownership a vehicle, the car in question first, then those owned today."""
    once = {o.vehicle_id: o for o in reversed(record.ownerships)}
    owned = {o.vehicle_id for o in record.owned} | {vehicle_id}
    chosen = [o for o in once.values() if o.vehicle_id in owned]
    return sorted(chosen, key=lambda o: o.vehicle_id != vehicle_id)


def _which(record: Dossier, reason: Reason) -> str:
    """The plate that a reason is about, where the customer has several vehicles."""
    vehicle = record.vehicles.get(reason.vehicle_id or 0)
    if vehicle is None or len(record.vehicles) < 2:
        return ""
    return shown_plate(record.access, vehicle)


def _marks(record: Dossier) -> list[Badge]:
    """What must be heeded before anybody calls."""
    marks = []
    if record.customer.erased_at is not None:
        return [Badge(_("Erased"), "bad", "shield")]
    if record.customer.do_not_contact:
        marks.append(Badge(_("Do not contact"), "bad", "alert"))
    marketing = [c for c in record.consents if c.purpose == Consent.Purpose.MARKETING]
    if record.says_no_to_marketing():
        marks.append(Badge(_("No marketing consent"), "warn", "alert"))
    elif marketing:
        marks.append(Badge(_("Marketing consent"), "good", "check"))
    else:
        marks.append(Badge(_("Consent not known")))
    return marks


def _brought_by(record: Dossier) -> str:
    """Who brought the car last, where that was not the owner."""
    visit = record.last_visit
    if visit is None or not visit.brought_by or visit.brought_by == record.customer.name:
        return ""
    bringer = Customer(name=visit.brought_by, kind="person", stores=[visit.store_id])
    return shown_name(record.access, bringer)


def _balances(record: Dossier) -> list[tuple[Any, int, date | None]]:
    return [(Contract.Type(c.type).label, c.balance_fen or 0, c.ends_on) for c in record.contracts]


def _tabs(record: Dossier, vehicle_id: int | None) -> list[Tab]:
    """The timeline's filter; one vehicle is no choice."""
    if len(record.vehicles) < 2:
        return []
    every = Tab(_("All"), "?#timeline", vehicle_id is None)
    return [
        every,
        *(
            Tab(
                shown_plate(record.access, v) if v.plate else shown_vin(record.access, v),
                f"?vehicle={v.pk}#timeline",
                v.pk == vehicle_id,
            )
            for v in list(record.vehicles.values())[:6]
        ),
    ]


def _log(
    request: SignedInRequest, access: Access, record: Dossier, act: list[Reason]
) -> dict[str, Any] | None:
    """What the form for logging an outcome needs; None for those who do not follow up."""
    if not access.units_for(Capability.FOLLOW_UP).holds_any(record.customer.stores):
        return None
    codes = [r.code for r in act]
    codes += [f.reason for f in record.follow_ups if f.reason not in codes]
    codes += ["other"] if "other" not in codes else []
    asked = request.GET.get("reason", "")
    return {
        "reasons": [reasons.kind_of(code) for code in codes],
        "chosen": asked if asked in codes else codes[0],
        "rules": RULES,
        "quiet": is_quiet(timezone.now()),
        "blocked": record.refuses_contact(),
        "open": {f.reason: f for f in record.follow_ups},
    }
