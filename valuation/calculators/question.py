"""What a calculator asks and answers: fields with limits, figures, warnings. No formula here."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from django.utils.functional import Promise

from web.charts import Figure

Text = str | Promise
Kind = Literal["money", "count", "number", "percent", "whole_percent", "choice", "lines"]
Values = Mapping[str, Any]


@dataclass(frozen=True)
class Ask:
    """One input. ``preset`` is the source's own case, as it is typed: percentages as whole numbers.

    A ``percent`` reaches the formula as a fraction, a ``whole_percent`` as it stands.
    """

    name: str
    label: Text
    kind: Kind
    preset: Any
    low: float = 0.0
    high: float = 1e12
    help: Text = ""
    choices: Sequence[tuple[str, Text]] = ()


@dataclass(frozen=True)
class Answer:
    """``headline``: the one figure; ``rows``: (label, figure) of all steps; ``warnings``: what the
    source's own tables, or the arithmetic, say against it."""

    headline: tuple[Text, str]
    rows: Sequence[tuple[Text, str]]
    verdict: Text = ""
    warnings: Sequence[Text] = ()
    table: tuple[Sequence[Text], Sequence[Sequence[str]]] | None = None
    picture: Figure | None = None


@dataclass(frozen=True)
class Calculator:
    slug: str
    title: Text
    summary: Text
    formula: Text
    asks: Sequence[Ask]
    answer: Callable[[Values], Answer]
    case: Text
    notes: Sequence[Text] = field(default_factory=tuple)
