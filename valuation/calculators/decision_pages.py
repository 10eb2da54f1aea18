"""Calculators of decisions: closed form, campaign, lock-in programme, acquisition."""

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from valuation import seed_formula
from valuation.calculators import decisions
from valuation.calculators.question import Answer, Ask, Calculator, Values
from web import charts, formats


def money(yuan: float | None) -> str:
    return formats.money(None if yuan is None else round(yuan * 100))


def times(value: float | None) -> str:
    return formats.NOT_KNOWN if value is None else f"{formats.decimal(value, 2)}×"


def _closed_form(values: Values) -> Answer:
    inputs = seed_formula.SeedInputs(
        customers=int(values["customers"]),
        annual_spend=values["annual_spend"],
        gross_margin=values["gross_margin"],
        years=int(values["years"]),
        retention=values["retention"],
        discount_rate=values["discount_rate"],
    )
    found = seed_formula.variants(inputs)
    labels = {
        "undiscounted": _("Undiscounted"),
        "printed": _("Discount factor rounded as the course prints it"),
        "closed_form": _("Exact discount factor"),
        "survival_year_end": _("Retention as yearly survival"),
        "survival_first_year_certain": _("… with a certain first year"),
        "survival_monthly": _("… month by month"),
    }
    over = found["closed_form"] / found["survival_year_end"] - 1 if inputs.retention else 0.0
    equivalent = seed_formula.equivalent_retention(inputs)
    warnings = [
        _("The retention is applied once, flat; as yearly survival the same inputs are worth less.")
        + " "
        + _("The closed form lies %(share)s above it.") % {"share": formats.percent(over, 0)}
    ]
    return Answer(
        (_("Value"), money(found["closed_form"])),
        [(labels[name], money(value)) for name, value in found.items()],
        _("A yearly retention of %(rate)s would make the flat rate an average survival.")
        % {"rate": formats.percent(equivalent)},
        warnings,
    )


def _campaign(values: Values) -> Answer:
    found = decisions.campaign(
        int(values["customers"]),
        values["lifetime_value"],
        values["cost"],
        discount_factor=values["discount_factor"],
        incrementality=values["incrementality"],
    )
    warnings = []
    if found.band is not None and found.net > 0 and found.band.level != "good":
        warnings.append(
            _("The net is positive, yet the course's own LTV/CAC table calls %(ratio)s “%(band)s”.")
            % {"ratio": times(found.ltv_cac), "band": _(found.band.name)}
        )
    if values["incrementality"] == 1.0:
        warnings.append(_("Every customer counts as won by the campaign: few campaigns are that."))
    worth = (
        _("The campaign is worth its cost.")
        if found.net > 0
        else _("The campaign does not earn its cost.")
    )
    return Answer(
        (_("Net value"), money(found.net)),
        [
            (_("Present value of the customers won"), money(found.present_value)),
            (_("Cost of the campaign"), money(values["cost"])),
            (_("CAC"), money(found.cac)),
            (_("LTV/CAC"), times(found.ltv_cac)),
            (_("Band of LTV/CAC"), _(found.band.name) if found.band else formats.NOT_KNOWN),
            (_("Break-even, customers"), formats.integer(found.break_even_customers)),
            (_("Payback, months at level margin"), _payback(values, found)),
        ],
        worth,
        warnings,
    )


def _payback(values: Values, found: decisions.Campaign) -> str:
    """CAC by the monthly margin that the lifetime value is spread over."""
    monthly = values["lifetime_value"] * values["discount_factor"] / (12.0 * values["years"])
    if found.cac is None or monthly <= 0.0:
        return formats.NOT_KNOWN
    months = found.cac / monthly
    return formats.decimal(months, 1) if months <= 12.0 * values["years"] else _("never")


def _lock_in(values: Values) -> Answer:
    found = decisions.lock_in(
        values["customers"],
        (values["value_before"], values["value_after"]),
        (values["retention_before"], values["retention_after"]),
        values["cost_per_car"],
    )
    warnings = [
        _("A lifetime value usually holds the retention already: multiplied again it counts twice.")
    ]
    if values["cost_per_car"] == 0.0:
        warnings.append(_("The programme costs nothing here; compare with the break-even cost."))
    bridge = charts.bridge(
        _("What the increment is made of"),
        (_("Before"), found.before * 100),
        [
            (_("Retention"), found.retention_effect * 100),
            (_("Value a customer"), found.value_effect * 100),
            (_("Both together"), found.joint_effect * 100),
        ],
        _("After"),
    )
    pays = _("The programme pays.") if found.net > 0 else _("The programme does not pay.")
    return Answer(
        (_("Increment"), money(found.increment)),
        [
            (_("Before"), money(found.before)),
            (_("After"), money(found.after)),
            (_("Break-even cost a car"), money(found.break_even_cost)),
            (_("Net of the programme's cost"), money(found.net)),
        ],
        pays,
        warnings,
        picture=bridge,
    )


def _acquisition(values: Values) -> Answer:
    found = decisions.acquisition(
        values["pool_value"],
        values["survival"],
        synergies=values["synergies"],
        integration=values["integration"],
        price=values["price"],
        yearly_profit=values["profit"],
    )
    warnings = [
        _("Never add this to an enterprise value: the flows of the base are part of that already.")
    ]
    if values["price"] > found.highest_price:
        warnings.append(_("The price lies above what the base is worth to the buyer."))
    if found.implied_pe is not None and found.implied_pe > values["usual_pe"]:
        warnings.append(
            _("The price is %(pe)s of profit, above the %(usual)s that is usual.")
            % {"pe": times(found.implied_pe), "usual": times(values["usual_pe"])}
        )
    return Answer(
        (_("Worth to the buyer"), money(found.worth)),
        [
            (_("Value that survives the transfer"), money(found.transferred)),
            (_("Synergies"), money(values["synergies"])),
            (_("Integration cost"), money(-values["integration"])),
            (_("Net of the price"), money(found.net)),
            (_("Price by yearly profit (P/E)"), times(found.implied_pe)),
            (_("Value by usual P/E"), money(values["usual_pe"] * values["profit"])),
        ],
        _("The price leaves room.") if found.net > 0 else _("The price leaves no room."),
        warnings,
    )


RATE = gettext_lazy("in % (8% is written 8)")

DECISIONS = (
    Calculator(
        "closed-form",
        gettext_lazy("Closed form of the value"),
        gettext_lazy("Six inputs, the course's formula and what proper survival makes of them."),
        gettext_lazy(
            "customers × annual spend × gross margin × years × retention × mean discount factor"
        ),
        (
            Ask("customers", gettext_lazy("Customers"), "count", 100_000, 0, 1e9),
            Ask("annual_spend", gettext_lazy("Spend a year, yuan"), "money", 5_500, 0, 1e7),
            Ask("gross_margin", gettext_lazy("Gross margin"), "percent", 52, 0, 0.99, RATE),
            Ask("years", gettext_lazy("Years"), "count", 5, 1, 50),
            Ask("retention", gettext_lazy("Retention, flat"), "percent", 75, 0, 1, RATE),
            Ask("discount_rate", gettext_lazy("Discount rate"), "percent", 8, 0, 0.99, RATE),
        ),
        _closed_form,
        gettext_lazy("Course: 100,000 customers, printed 857 million; exactly 856.4 million."),
    ),
    Calculator(
        "campaign",
        gettext_lazy("Campaign"),
        gettext_lazy("What a campaign's customers are worth against what it costs."),
        gettext_lazy("customers × incrementality × LTV × discount factor − cost"),
        (
            Ask("customers", gettext_lazy("Customers won"), "count", 1_000, 0, 1e9),
            Ask(
                "incrementality",
                gettext_lazy("Incrementality"),
                "percent",
                100,
                0,
                1,
                gettext_lazy("share that would not have come anyway, in %"),
            ),
            Ask("lifetime_value", gettext_lazy("LTV a customer, yuan"), "money", 12_000, 0, 1e8),
            Ask(
                "discount_factor",
                gettext_lazy("Discount factor"),
                "percent",
                80,
                0,
                1,
                gettext_lazy("the factor, not the rate, in %; 100 where the LTV is discounted"),
            ),
            Ask("cost", gettext_lazy("Cost, yuan"), "money", 5_000_000, 0, 1e12),
            Ask("years", gettext_lazy("Years the LTV is spread over"), "count", 5, 1, 50),
        ),
        _campaign,
        gettext_lazy("Course: 1,000 customers for 5 million: +4.6 million, LTV/CAC 1.92."),
    ),
    Calculator(
        "lock-in",
        gettext_lazy("Lock-in programme"),
        gettext_lazy("A lifetime warranty or the like: what keeping customers may cost a car."),
        gettext_lazy(
            "customers × (value after × retention after − value before × retention before)"
            " − customers × cost a car"
        ),
        (
            Ask("customers", gettext_lazy("Cars"), "count", 300_000, 1, 1e9),
            Ask("value_before", gettext_lazy("Value before, yuan"), "money", 12_000, 0, 1e8),
            Ask("value_after", gettext_lazy("Value after, yuan"), "money", 15_000, 0, 1e8),
            Ask("retention_before", gettext_lazy("Retention before"), "percent", 65, 0, 1, RATE),
            Ask("retention_after", gettext_lazy("Retention after"), "percent", 90, 0, 1, RATE),
            Ask("cost_per_car", gettext_lazy("Programme cost a car, yuan"), "money", 0, 0, 1e8),
        ),
        _lock_in,
        gettext_lazy("Course: 300,000 cars, +1.71 billion, break-even 5,700 yuan a car."),
    ),
    Calculator(
        "acquisition",
        gettext_lazy("Acquisition of another dealer"),
        gettext_lazy("What another dealer's customer base is worth once it has changed hands."),
        gettext_lazy("pool value × survival of the transfer + synergies − integration"),
        (
            Ask("pool_value", gettext_lazy("Value of the pool, yuan"), "money", 120_000_000),
            Ask(
                "survival",
                gettext_lazy("Survival of the transfer"),
                "percent",
                70,
                0,
                1,
                gettext_lazy("share of the value that stays under another name, in %"),
            ),
            Ask("synergies", gettext_lazy("Synergies, yuan"), "money", 10_000_000),
            Ask("integration", gettext_lazy("Integration cost, yuan"), "money", 6_000_000),
            Ask("price", gettext_lazy("Price asked, yuan"), "money", 80_000_000),
            Ask("profit", gettext_lazy("Yearly profit, yuan"), "money", 8_000_000),
            Ask("usual_pe", gettext_lazy("Usual P/E"), "number", 10, 0, 100),
        ),
        _acquisition,
        gettext_lazy("The course names 10 times profit and no formula; the amounts are examples."),
    ),
)
