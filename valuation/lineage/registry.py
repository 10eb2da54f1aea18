"""Every figure that executive pages show, by the name in its address."""

from collections.abc import Mapping

from django.utils.translation import gettext_lazy as _

from valuation.indicators.definitions import DEFINITIONS, Definition

AS_OF = _("at the as-of date")

# What a valuation adds to the indicators: its own sums.
VALUED: dict[str, Definition] = {
    one.key: one
    for one in (
        Definition(
            *("value", "customer", _("Value of the user base")),
            _(
                "Σ over months of (visits × margin per visit + accident margin × alive"
                " − service and retention cost) ÷ (1 + d)^(k/12)"
            ),
            *("money", "sum", "valued", {"value_fen": 1}, {}, AS_OF),
        ),
        Definition(
            *("undiscounted", "customer", _("Undiscounted")),
            _("The same without the discount: Σ over months of margin less cost"),
            *("money", "sum", "valued", {"undiscounted_fen": 1}, {}, AS_OF),
        ),
        Definition(
            *("customers", "customer", _("Customers")),
            _("Customers born before the as-of date, each once, at the home store"),
            *("integer", "sum", "valued", {"customers": 1}, {}, AS_OF),
        ),
        Definition(
            *("value_per_customer", "customer", _("Value per customer")),
            _("Value ÷ customers"),
            *("money", "ratio", "valued", {"value_fen": 1}, {"customers": 1}, AS_OF),
        ),
    )
}
COHORTS: dict[str, Definition] = {
    one.key: one
    for one in (
        Definition(
            *("cohort_retention", "customer", _("Cohort: customers with a visit")),
            _("Customers of the cohort with a visit in the quarter ÷ all of the cohort"),
            *("percent", "ratio", "customers", {"cohort_active": 1}, {"cohort_customers": 1}),
            AS_OF,
        ),
        Definition(
            *("cohort_revenue", "customer", _("Cohort: revenue per customer and quarter")),
            _("Revenue of the cohort in the quarter ÷ all customers of the cohort"),
            *("money", "ratio", "customers", {"cohort_revenue_fen": 1}, {"cohort_customers": 1}),
            AS_OF,
        ),
        Definition(
            *("cohort_value", "customer", _("Cohort: margin so far per customer")),
            _("Margin of the cohort up to the quarter ÷ all customers of the cohort"),
            *("money", "ratio", "customers", {"cohort_margin_fen": 1}, {"cohort_customers": 1}),
            AS_OF,
        ),
    )
}
FIGURES: dict[str, Definition] = {**DEFINITIONS, **VALUED, **COHORTS}

# What a valuation's unit holds the counters of; the rest is recorded by month alone.
AT_VALUATION = (
    *("visits", "output", "margin", "output_per_visit"),
    *("return_rate", "renewal_rate", "absorption", "retention", "ndr", "ltv_cac", "nps"),
    *("cac", "ltv", "new_share", *VALUED, *COHORTS),
)


def with_valuation_names(counters: Mapping[str, int]) -> dict[str, int]:
    """A valuation's counters under the names that definitions use."""
    return {
        **counters,
        "spend_of_valued_fen": counters.get("cac_spend_fen", 0),
        "new_valued": counters.get("new", 0),
    }
