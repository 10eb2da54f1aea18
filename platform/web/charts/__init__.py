"""Charts drawn on the server as SVG: no script, printable, themed by classes, with their data.

Each builder takes a title, labels and numbers (money in fen, percent as shares of 1) and answers
with a :class:`Figure`, shown by ``{% chart figure %}``. docs/design-system.md has examples.
"""

from web.charts.bars import LeagueRow, bars, football_field, grouped_bars, league
from web.charts.bridge import bridge
from web.charts.figure import Drawing, Figure
from web.charts.heat import HeatMap
from web.charts.lines import calibration, interval_bar, lines, sparkline, stacked_area

__all__ = [
    "Drawing",
    "Figure",
    "HeatMap",
    "LeagueRow",
    "bars",
    "bridge",
    "calibration",
    "football_field",
    "grouped_bars",
    "interval_bar",
    "league",
    "lines",
    "sparkline",
    "stacked_area",
]
