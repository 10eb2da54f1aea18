"""Named columns of values over the same categories, as most charts take them."""

from collections.abc import Callable, Sequence

from web.charts.figure import Drawing, Figure
from web.charts.scales import Unit
from web.shell import Text

Series = tuple[Text, Sequence[float | None]]


def known(values: Sequence[float | None]) -> list[float]:
    return [v for v in values if v is not None]


def series_figure(
    title: Text,
    labels: Sequence[str],
    series: Sequence[Series],
    unit: Unit,
    draw: Callable[[int], Drawing],
    description: Text = "",
    legend: Sequence[tuple[str, str]] | None = None,
) -> Figure:
    """A figure whose table has a row a category and a column a series.

    ValueError names a series that is not as long as the categories.
    """
    for name, column in series:
        if len(column) != len(labels):
            raise ValueError(
                f"Series {name} of chart {title} has {len(column)} values "
                f"for {len(labels)} categories."
            )
    if legend is None:
        legend = [(f"s{i + 1}", str(name)) for i, (name, _c) in enumerate(series)]
    return Figure(
        title,
        ["", *(str(name) for name, _column in series)],
        [[label, *(unit.exact(c[i]) for _n, c in series)] for i, label in enumerate(labels)],
        [[label, *(c[i] for _n, c in series)] for i, label in enumerate(labels)],
        draw,
        unit.label,
        description,
        legend if len(legend) > 1 else (),
    )
