"""Every figure that executive pages show, by the name in its address."""

from collections.abc import Mapping

from django.utils.translation import gettext_lazy as _

from valuation.indicators.definition import Definition
from valuation.indicators.definitions import DEFINITIONS
from valuation.lineage.value_parts import AS_OF, PARTS, STEP_FIGURES

# What a valuation adds to the indicators: its own sums.
_VALUED = (
    Definition(
        key="value",
        dimension="customer",
        label=_("Value of the user base"),
        formula=_(
            "Σ over months of (visits × margin per visit + accident margin × alive − "
            "service and retention cost) ÷ (1 + d)^(k/12)"
        ),
        kind="money",
        shape="sum",
        evidence="valued",
        numerator={"value_fen": 1},
        denominator={},
        window=AS_OF,
    ),
    Definition(
        key="undiscounted",
        dimension="customer",
        label=_("Undiscounted"),
        formula=_("The same without the discount: Σ over months of margin less cost"),
        kind="money",
        shape="sum",
        evidence="valued",
        numerator={"undiscounted_fen": 1},
        denominator={},
        window=AS_OF,
    ),
    Definition(
        key="customers",
        dimension="customer",
        label=_("Customers"),
        formula=_("Customers born before the as-of date, each once, at the home store"),
        kind="integer",
        shape="sum",
        evidence="valued",
        numerator={"customers": 1},
        denominator={},
        window=AS_OF,
    ),
    Definition(
        key="value_per_customer",
        dimension="customer",
        label=_("Value per customer"),
        formula=_("Value ÷ customers"),
        kind="money",
        shape="ratio",
        evidence="valued",
        numerator={"value_fen": 1},
        denominator={"customers": 1},
        window=AS_OF,
    ),
)
_COHORTS = (
    Definition(
        key="cohort_retention",
        dimension="customer",
        label=_("Cohort: customers with a visit"),
        formula=_("Customers of the cohort with a visit in the quarter ÷ all of the cohort"),
        kind="percent",
        shape="ratio",
        evidence="customers",
        numerator={"cohort_active": 1},
        denominator={"cohort_customers": 1},
        window=AS_OF,
    ),
    Definition(
        key="cohort_revenue",
        dimension="customer",
        label=_("Cohort: revenue per customer and quarter"),
        formula=_("Revenue of the cohort in the quarter ÷ all customers of the cohort"),
        kind="money",
        shape="ratio",
        evidence="customers",
        numerator={"cohort_revenue_fen": 1},
        denominator={"cohort_customers": 1},
        window=AS_OF,
    ),
    Definition(
        key="cohort_value",
        dimension="customer",
        label=_("Cohort: margin so far per customer"),
        formula=_("Margin of the cohort up to the quarter ÷ all customers of the cohort"),
        kind="money",
        shape="ratio",
        evidence="customers",
        numerator={"cohort_margin_fen": 1},
        denominator={"cohort_customers": 1},
        window=AS_OF,
    ),
)
VALUED = {one.key: one for one in _VALUED}
COHORTS = {one.key: one for one in _COHORTS}
FIGURES: dict[str, Definition] = {**DEFINITIONS, **VALUED, **COHORTS, **PARTS, **STEP_FIGURES}

# What a valuation's unit holds the counters of; the rest is recorded by month alone.
AT_VALUATION = (
    *("visits", "output", "margin", "output_per_visit"),
    *("return_rate", "renewal_rate", "absorption", "retention", "ndr", "ltv_cac", "nps"),
    *("cac", "ltv", "new_share", *VALUED, *COHORTS, *PARTS),
)


def with_valuation_names(counters: Mapping[str, int]) -> dict[str, int]:
    """A valuation's counters under the names that definitions use."""
    return {
        **counters,
        "spend_of_valued_fen": counters.get("cac_spend_fen", 0),
        "new_valued": counters.get("new", 0),
    }
