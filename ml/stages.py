"""The stages of a run in words, in their order."""

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

STAGES: dict[str, Promise] = {
    "extract": gettext_lazy("Reading records"),
    "statistics": gettext_lazy("Visit-day statistics"),
    "lifetime_value": gettext_lazy("Fitting lifetime value"),
    "churn": gettext_lazy("Training churn"),
    "next_year": gettext_lazy("Training visits of the next year"),
    "features": gettext_lazy("Features of every customer"),
    "rank": gettext_lazy("Ranking by value"),
    "judge": gettext_lazy("Challenger against champion"),
    "deliver": gettext_lazy("Handing out chunks"),
    "score": gettext_lazy("Scoring customers"),
    "publish": gettext_lazy("Publishing"),
}
# A run that only scores leaves these out.
FITTING = frozenset({"lifetime_value", "churn", "next_year"})


def stage_in_words(stage: str) -> str:
    """What the page calls a stage; before the first one the run waits."""
    return str(STAGES.get(stage, _("Waiting for the worker")))
