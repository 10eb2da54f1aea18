"""Charts: axes, marks, closing sums, room for labels, data beside the drawing."""

import itertools
import re
import xml.etree.ElementTree as ET

import pytest
from django.utils import translation
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from web import charts
from web.charts.figure import WIDTHS
from web.charts.heat import heat_step
from web.charts.scales import axis_unit, nice_ticks, text_width, thinned, wrapped

YUAN = 100
MILLION = 1_000_000 * YUAN
finite = st.floats(-1e12, 1e12, allow_nan=False)
TEN_STORES = [
    charts.LeagueRow(f"上海浦东新区第{i}分店", 0.8 - i / 20, 1 - i / 10) for i in range(10)
]


def svg(drawing: str) -> ET.Element:
    return ET.fromstring(str(drawing).replace(' xmlns="http://www.w3.org/2000/svg"', ""))


def box(root: ET.Element) -> tuple[float, float]:
    _x, _y, width, height = map(float, root.attrib["viewBox"].split())
    return width, height


def written(root: ET.Element) -> list[tuple[float, float, float, str]]:
    """Every text: left end, right end, base line, content (widths estimated)."""
    found = []
    for mark in root.iter("text"):
        x, width = float(mark.attrib["x"]), text_width(mark.text or "")
        left = {"start": x, "middle": x - width / 2, "end": x - width}[mark.attrib["text-anchor"]]
        found.append((left, left + width, float(mark.attrib["y"]), mark.text or ""))
    return found


def every_figure() -> dict[str, charts.Figure]:
    months = [f"2026-{m:02d}" for m in range(1, 13)]
    return {
        "bridge": charts.bridge(
            "Bridge", ("Sep", 812 * MILLION), [("New", 31 * MILLION), ("Lost", -9 * MILLION)], "Oct"
        ),
        "bars": charts.bars("Visits", months, list(range(1000, 2200, 100)), time=True),
        "grouped": charts.grouped_bars(
            "Output", ["自费 customer-pay", "索赔", "保险"], [("a", [1, 2, 3]), ("b", [2, 1, 4])]
        ),
        "lines": charts.lines(
            "Rate",
            months,
            [("now", [0.4] * 6 + [None] * 6)],
            kind="percent",
            band=("P5–P95", [0.3] * 12, [0.5] * 12),
        ),
        "area": charts.stacked_area(
            "Cash", months, [("A", [5.0 * MILLION] * 12), ("B", [0.0] * 12)]
        ),
        "calibration": charts.calibration("Churn", [(0.1, 0.12, 900), (0.6, 0.55, 100)]),
        "league": charts.league("Stores", TEN_STORES),
        "field": charts.football_field(
            "Methods", [("Model", 7.0 * MILLION, 8.0 * MILLION, 9.0 * MILLION)]
        ),
    }


@given(finite, finite, st.integers(2, 9))
def test_ticks_enclose_the_data_evenly(a: float, b: float, count: int) -> None:
    low, high = sorted((a, b))
    assume(high - low > 1e-6 * max(abs(low), abs(high), 1e-3))
    ticks = nice_ticks(low, high, count)
    step = ticks[1] - ticks[0]
    assert ticks[0] <= low + step * 1e-6
    assert ticks[-1] >= high - step * 1e-6
    assert len(ticks) <= 2 * count + 2
    assert [t2 - t1 for t1, t2 in itertools.pairwise(ticks)] == pytest.approx(
        [step] * (len(ticks) - 1), rel=1e-3
    )


def test_ticks_are_round() -> None:
    assert nice_ticks(0, 97, 5) == [0, 25, 50, 75, 100]
    assert nice_ticks(0, 4.3, 5) == [0, 2, 4, 6]
    assert nice_ticks(-30, 80, 5) == [-50, 0, 50, 100]


def test_ticks_of_a_constant() -> None:
    assert nice_ticks(0, 0)[0] == 0
    assert nice_ticks(0, 1e-160)[-1] >= 1
    assert nice_ticks(7, 7)[-1] >= 7


def test_ticks_refuse_infinity() -> None:
    with pytest.raises(ValueError, match="finite"):
        nice_ticks(0, float("inf"))


@pytest.mark.parametrize(
    ("kind", "largest", "zh", "en"),
    [
        ("money", 812 * MILLION, "亿元", "¥ m"),
        ("money", 35_000 * YUAN, "万元", "¥ k"),
        ("money", 350 * YUAN, "元", "¥"),
        ("count", 41_000, "万台次", "k 台次"),
        ("count", 900, "台次", "台次"),
    ],
)
def test_axis_units(kind, largest: float, zh: str, en: str) -> None:
    noun = "台次" if kind == "count" else ""
    with translation.override("zh-hans"):
        assert axis_unit(kind, [0, largest], noun).label == zh
    with translation.override("en"):
        assert axis_unit(kind, [0, largest], noun).label == en


def test_percent_ticks_carry_their_sign() -> None:
    unit = axis_unit("percent", [0.5])
    assert unit.tick(unit.shown(0.25), 25) == "25%"
    assert unit.tick(unit.shown(0.025), 2.5) == "2.5%"


def test_labels_wrap_in_both_scripts() -> None:
    assert wrapped("Customer pay", 70) == ["Customer", "pay"]
    assert wrapped("经销商集团", 40) == ["经销商", "集团"]
    assert wrapped("Indivisible", 30) is None


@given(st.lists(st.text("ab 中文", max_size=8), min_size=1, max_size=90), st.floats(50, 900))
def test_thinned_labels_do_not_touch(labels: list[str], room: float) -> None:
    kept = thinned(labels, room)
    slot = room / len(labels)
    for i, j in itertools.pairwise(kept):
        half_widths = (text_width(labels[i]) + text_width(labels[j])) / 2
        assert half_widths <= (j - i) * slot + 1e-6


@pytest.mark.parametrize("name", list(every_figure()))
@pytest.mark.parametrize("width", WIDTHS.values(), ids=WIDTHS.keys())
@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_texts_stay_inside_and_apart(name: str, width: int, language: str) -> None:
    with translation.override(language):
        root = svg(every_figure()[name].svg(width))
    assert not collisions(root)


WORDS = st.sampled_from(
    [
        "新客户",
        "流失客户召回",
        "Customers won back this month",
        "Price",
        "模型更新与假设调整",
        "Mix",
    ]
)
ITEMS = st.lists(st.tuples(WORDS, st.floats(-1, 1)), min_size=1, max_size=9)


def collisions(root: ET.Element) -> list[str]:
    across, down = box(root)
    texts = written(root)
    found = [
        f"{t!r} outside" for a, b, y, t in texts if a < -1 or b > across + 1 or not 0 < y <= down
    ]
    for (a, b, y, t), (a2, b2, y2, t2) in itertools.combinations(texts, 2):
        if not (b <= a2 + 0.5 or b2 <= a + 0.5 or abs(y - y2) >= 9):
            found.append(f"{t!r} runs into {t2!r}")
    return found


@settings(deadline=None, max_examples=25)
@given(ITEMS, st.floats(2, 13), st.floats(-1, 40), st.sampled_from(list(WIDTHS.values())))
def test_no_label_meets_another(items, exponent: float, start: float, width: int) -> None:
    size = 10**exponent
    steps = [(label, share * size) for label, share in items]
    labels, values = zip(*steps, strict=True)
    rows = [charts.LeagueRow(label, abs(value)) for label, value in steps]
    ranges = [(label, abs(v), 2 * abs(v), 3 * abs(v)) for label, v in steps]
    for figure in (
        charts.bridge("b", ("上月", start * size), steps, "本月"),
        charts.bars("b", labels, values),
        charts.grouped_bars("b", labels, [("甲", values), ("Two", values)], kind="money"),
        charts.league("b", rows, kind="money"),
        charts.football_field("b", ranges, reference=("Book", abs(values[0]))),
    ):
        assert not collisions(svg(figure.svg(width)))


@pytest.mark.parametrize("name", list(every_figure()))
def test_marks_stay_inside(name: str) -> None:
    root = svg(every_figure()[name].svg(340))
    width, height = box(root)
    for mark in root.iter("rect"):
        x, y, w, h = (float(mark.attrib[k]) for k in ("x", "y", "width", "height"))
        assert x >= -2
        assert x + w <= width + 2
        assert y >= 0
        assert y + h <= height


@pytest.mark.parametrize("name", list(every_figure()))
def test_no_inline_style_and_a_title(name: str) -> None:
    drawing = str(every_figure()[name].svg(560))
    assert "style=" not in drawing
    assert svg(drawing).find("title").text
    assert svg(drawing).attrib["role"] == "img"


@pytest.mark.parametrize("name", list(every_figure()))
def test_data_stand_beside_the_drawing(name: str) -> None:
    figure = every_figure()[name]
    html = str(figure.html())
    assert all(len(row) == len(figure.columns) for row in figure.rows)
    assert len(figure.rows) == len(figure.data)
    assert html.count('<svg class="chart-svg ') >= len(WIDTHS)
    assert "<table" in html


def test_bridge_closes() -> None:
    figure = charts.bridge("b", ("A", 10.0), [("up", 4.0), ("down", -3.0)], "B", kind="count")
    assert [row[1] for row in figure.data] == [10, 4, -3, 11]
    assert [row[1] for row in figure.rows] == ["10", "+4", "−3", "11"]


def test_bridge_enlarges_small_changes_and_says_so() -> None:
    small = charts.bridge("b", ("A", 1000.0), [("up", 4.0)], "B", kind="count")
    large = charts.bridge("b", ("A", 10.0), [("up", 9.0)], "B", kind="count")
    assert str(small.svg(560)).count("c-break") == 2
    assert "c-break" not in str(large.svg(560))


@pytest.mark.parametrize("width", [340, 560])
def test_bars_of_a_bridge_join(width: int) -> None:
    """Each step begins where the one before it ended, upright and lying."""
    figure = charts.bridge(
        "b",
        ("Beginning", 10.0),
        [("New customers", 4.0), ("Lost", -6.0)],
        "End of it",
        kind="count",
    )
    marks = list(svg(figure.svg(width)).iter("rect"))
    x, y, w, h = ([float(m.attrib[k]) for m in marks] for k in ("x", "y", "width", "height"))
    if h[1:] == h[:-1]:
        assert [x[0] + w[0], x[1] + w[1], x[2]] == pytest.approx(
            [x[1], x[2] + w[2], x[3] + w[3]], abs=0.3
        )
    else:
        assert [y[0], y[1], y[2] + h[2]] == pytest.approx([y[1] + h[1], y[2], y[3]], abs=0.3)


def test_bar_lengths_are_proportional() -> None:
    figure = charts.bars("b", ["a", "b", "c"], [10, 20, 40])
    heights = [float(m.attrib["height"]) for m in svg(figure.svg(560)).iter("rect")]
    assert heights[1] / heights[0] == pytest.approx(2, abs=0.02)
    assert heights[2] / heights[0] == pytest.approx(4, abs=0.04)


def test_a_missing_value_is_a_gap() -> None:
    figure = charts.lines("l", list("abcd"), [("s", [1.0, 2.0, None, 4.0])])
    root = svg(figure.svg(560))
    assert len(list(root.iter("circle"))) == 3
    assert len([p for p in root.iter("path") if "c-line" in p.attrib["class"]]) == 2
    assert figure.rows[2][1] == "–"


def test_series_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="Series s of chart l has 1 values for 2 categories"):
        charts.lines("l", ["a", "b"], [("s", [1.0])])


def test_negative_part_is_refused() -> None:
    with pytest.raises(ValueError, match="negative"):
        charts.stacked_area("a", ["x"], [("s", [-1.0])])


def test_league_marks_the_lowest_and_links() -> None:
    rows = [
        charts.LeagueRow("Best", 0.8, 0.95, "/best?a=1&b=2"),
        charts.LeagueRow("Worst", 0.3, 0.04),
    ]
    drawing = str(charts.league("Stores", rows).svg(560))
    assert drawing.count("c-fall") == 1
    assert 'href="/best?a=1&amp;b=2"' in drawing


def test_titles_are_escaped() -> None:
    drawing = str(charts.bars("<b>&", ["<i>"], [1]).html())
    assert "<b>" not in drawing
    assert "<i>" not in drawing


def test_interval_bar_refuses_a_crossed_interval() -> None:
    with pytest.raises(ValueError, match="low ≤ base ≤ high"):
        charts.interval_bar(3, 2, 5, "Value")


def test_sparkline_needs_two_values() -> None:
    assert charts.sparkline([1.0, None]) == ""
    assert "c-line" in charts.sparkline([1.0, 1.0])


@given(st.floats(0, 1), st.floats(0, 1))
def test_heat_is_monotone(a: float, b: float) -> None:
    assert (heat_step(a, 0.1, 0.9) <= heat_step(b, 0.1, 0.9)) or a > b


def test_heat_map_leaves_the_future_empty(english) -> None:
    html = str(
        charts.HeatMap(
            "h", ["Y1", "Y2"], [("2024", 10, [0.9, 0.4]), ("2025", 12, [0.8, None])]
        ).html()
    )
    assert re.findall(r'<td class="(h[\w-]*)">([^<]*)<', html) == [
        ("h9", "90%"),
        ("h0", "40%"),
        ("h8", "80%"),
        ("h-none", ""),
    ]


def test_standalone_drawing_has_paper_colours() -> None:
    drawing = charts.bars("b", ["a"], [1]).standalone_svg()
    assert "var(" not in drawing
    assert "#2b50c0" in drawing
    ET.fromstring(drawing)
