"""What runs, gates and left-out customers say to people: a code and figures, in any language.

A :class:`Remark` is its English sentence, so that logs, commands and errors carry it like any text;
what is stored beside it (:meth:`Remark.as_dict`) becomes a sentence in the reader's language by
:func:`in_words`.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy, override

from ml.feature_names import feature_name

TEMPLATES: dict[str, Promise] = {
    # Why a run came to nothing.
    "too_few_customers": gettext_lazy(
        "%(found)s customers were born before %(day)s; at least %(least)s are needed to fit a"
        " model. Load more customers and visits, or choose a later date."
    ),
    "nobody_born": gettext_lazy(
        "No customer bought or visited before %(day)s: load visits, or choose a later date."
    ),
    "too_little_history": gettext_lazy("There is too little history for a model: %(why)s"),
    "too_many_left_out": gettext_lazy(
        "%(found)s of %(customers)s customers cannot be scored: more than a few bad rows. The run's"
        " page lists them with the reasons."
    ),
    "chunk_given_up": gettext_lazy(
        "Chunk %(chunk)s was given up after %(attempts)s attempts; its last worker was %(worker)s."
    ),
    "cancelled": gettext_lazy("Cancelled by %(who)s."),
    "given_up": gettext_lazy("Given up after %(attempts)s attempts: %(why)s"),
    "worker_died": gettext_lazy("Its worker died %(attempts)s times; see the worker's log."),
    "no_database": gettext_lazy("the database was not there (%(error)s)"),
    "told_to_stop": gettext_lazy("its worker was told to stop"),
    # Why a run that was to score alone fitted.
    "no_models": gettext_lazy("there are no published models yet"),
    "other_horizon": gettext_lazy("the published models have another horizon"),
    "no_models_left": gettext_lazy("run %(run)s left no models"),
    "other_program": gettext_lazy(
        "the models of run %(run)s are of another version of the program"
    ),
    "unreadable_models": gettext_lazy("the models of run %(run)s cannot be read: %(why)s"),
    "new_divisions": gettext_lazy("the published models do not know %(names)s"),
    # Why the gate holds back.
    "unusable_cohort": gettext_lazy("a division and segment has no usable transaction model"),
    "churn_by_chance": gettext_lazy(
        "churn ROC-AUC %(auc)s on the held-out year is not above %(least)s"
    ),
    "churn_biased": gettext_lazy("mean churn probability misses the held-out rate by %(bias)s"),
    "churn_leak": gettext_lazy(
        "churn ROC-AUC %(auc)s on the held-out year (surely above %(surely)s) is higher than"
        " %(most)s: some record dated before the year was written after it. Look for visits,"
        " surveys or contracts that were loaded with a wrong day."
    ),
    "churn_worse": gettext_lazy("churn is worse than the champion's: %(figures)s"),
    "visits_worse": gettext_lazy("expected visits are worse than the champion's: %(figures)s"),
    "figure_against": gettext_lazy("%(figure)s %(challenger)s against %(champion)s"),
    "shifted": gettext_lazy(
        "the population has shifted beyond what people do in so short a time: %(features)s. Look"
        " for a file that was not delivered or a column that changed its meaning."
    ),
    "feature_psi": gettext_lazy("%(feature)s (PSI %(psi)s)"),
    "not_finite": gettext_lazy("some scores are no numbers"),
    "not_all_scored": gettext_lazy(
        "%(expected)s customers were to be scored, %(scored)s were, %(left_out)s are left out"
    ),
    "fewer_than_before": gettext_lazy(
        "%(scored)s customers are scored, %(former)s were before: was a store's file left out?"
    ),
    "low_confidence": gettext_lazy(
        "data confidence is %(found)s, at least %(least)s are asked for: see the page of data"
        " quality"
    ),
    # Why a customer is left out.
    "dates_no_numbers": gettext_lazy("the dates of the visits are not numbers"),
    "out_of_order": gettext_lazy("the visits are not in order of time"),
    "too_old": gettext_lazy("the first record is more than a hundred years old"),
    "beyond_belief": gettext_lazy("%(amount)s is beyond belief"),
}
# Words of a library or of an error of ours, told as they came.
TEXT = "text"
# A feature of the models by its name on pages.
FEATURE = "feature"


class Remark(str):
    """The English sentence of a code with its figures; ``code`` and ``values`` tell it anew."""

    code: str
    values: dict[str, Any]

    def __new__(cls, code: str, **values: Any) -> Self:
        plain = {key: _plain(value) for key, value in values.items()}
        with override("en"):
            found = super().__new__(cls, in_words({"code": code, "values": plain}))
        found.code, found.values = code, plain
        return found

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready; :func:`in_words` reads it."""
        return {"code": self.code, "values": self.values}


def _plain(value: Any) -> Any:
    if isinstance(value, Remark):
        return value.as_dict()
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value if isinstance(value, int | float | Mapping) else str(value)


def as_remark(text: str) -> Remark:
    """``text`` itself where it is a remark, else one that says just that."""
    return text if isinstance(text, Remark) else Remark(TEXT, text=text)


def said_by(error: BaseException) -> Remark:
    """The remark that an error was raised with, or one of its words."""
    first = error.args[0] if error.args else ""
    return first if isinstance(first, Remark) else Remark(TEXT, text=str(error))


def in_words(stored: Mapping[str, Any]) -> str:
    """The sentence in the language of whoever reads it.

    Values that are remarks themselves, and lists of them, are told in that language too.
    """
    values = {key: _told(value) for key, value in stored["values"].items()}
    if stored["code"] == TEXT:
        return values["text"]
    if stored["code"] == FEATURE:
        return feature_name(values["name"])
    return str(TEMPLATES[stored["code"]]) % values


def _told(value: Any) -> str:
    if isinstance(value, Mapping):
        return in_words(value)
    if isinstance(value, list):
        return ", ".join(_told(one) for one in value)
    return str(value)


def all_in_words(stored: Iterable[Mapping[str, Any]], otherwise: str = "") -> str:
    """Several remarks as one text; ``otherwise`` where an older version kept none."""
    return "; ".join(in_words(one) for one in stored) or otherwise


def stored(said: Sequence[str]) -> list[dict[str, Any]]:
    """What to keep of ``said``."""
    return [as_remark(one).as_dict() for one in said if one]
