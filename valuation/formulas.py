"""What stands behind each figure, in words: the formula line of its lineage."""

from django.utils.translation import gettext_lazy as _

FORMULAS = {
    "value": _(
        "Σ over months of (visits × margin per visit + accident margin × alive"
        " − service and retention cost) ÷ (1 + d)^(k/12)"
    ),
    "visits": _("Days on which a customer's vehicle was served and someone outside the group paid"),
    "revenue_fen": _(
        "Revenue from customers, insurers and manufacturers, net of VAT, credits netted"
    ),
    "margin_fen": _("Output less cost of the orders, scaled to the ledger's margin"),
    "return_rate": _(
        "Customers who bought or visited in the 24 months before and came in the last 12"
        " ÷ all of them"
    ),
    "renewal_rate": _(
        "Policies of the last 12 months followed by one of the same vehicle within 60 days"
        " ÷ expired policies"
    ),
    "absorption": _(
        "After-sales gross profit ÷ running costs of the whole store, last 12 booked months"
    ),
    "retention": _(
        "Customers who came in the 12 months before and again in the last 12"
        " ÷ all who came in the 12 months before"
    ),
    "ndr": _(
        "Revenue of the last 12 months from customers of the 12 months before ÷ their revenue then"
    ),
    "ltv_cac": _(
        "Mean value of customers first seen in the last 12 months"
        " ÷ (marketing for new customers ÷ new after-sales customers)"
    ),
    "nps": _("Share of answers 9 and 10 less share of 0 to 6, last 12 months"),
}
"""By the name of the figure in ``figures.ratios`` or of the stored series."""
