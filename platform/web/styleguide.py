"""Every component on one page, with invented figures; served while developing and testing only."""

import datetime as dt
import math
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from web import charts
from web.components import Badge, Lineage, Progress, Tab, TimelineEntry
from web.icons import PATHS
from web.paging import Slice
from web.shell import Banner, NavEntry, Search
from web.tables import Column, Sorting, Table

# The samples stay untranslated on purpose: half Chinese, half English shows both scripts.
MONTHS = [f"2026-{m:02d}" for m in range(1, 13)]
YUAN = 100


class SampleForm(forms.Form):
    name = forms.CharField(label="Name 姓名", help_text="As on the licence")
    mobile = forms.CharField(label="Mobile 手机")
    brand = forms.ChoiceField(label="Brand 品牌", choices=[("a", "东风日产"), ("b", "Volvo")])
    day = forms.DateField(label="Day 日期", widget=forms.DateInput(attrs={"type": "date"}))
    channel = forms.ChoiceField(
        label="Channel 渠道", choices=[("p", "电话"), ("w", "微信")], widget=forms.RadioSelect
    )
    consent = forms.BooleanField(label="Consent 同意", required=False)
    note = forms.CharField(label="Note 备注", widget=forms.Textarea, required=False)


class SampleFilter(forms.Form):
    q = forms.CharField(label="Search 查找", required=False)
    store = forms.ChoiceField(
        label="Store 门店", choices=[("", "全部"), ("1", "城东店")], required=False
    )


COLUMNS = [
    Column("unit", "Store 门店", order="name", link=lambda row: f"?unit={row['unit']}"),
    Column("visits", "Visits 进厂台次", "integer", order="visits"),
    Column("output", "Output 产值", "money", order="output"),
    Column("retention", "Retention 回厂率", "percent", order="retention"),
    Column("change", "YoY 同比", "points", hide_on_phone=True),
    Column("seen", "Last 最近", "date"),
]
ROWS = [
    {
        "unit": unit,
        "visits": 4120 - 377 * i,
        "output": (48_200_000 - 3_310_000 * i) * YUAN,
        "retention": 0.71 - 0.034 * i,
        "change": 0.021 - 0.012 * i,
        "seen": dt.date(2026, 11, 20 - i),
    }
    for i, unit in enumerate(["城东店", "城西店", "Riverside", "开发区店", "机场路店"])
]


def sample_charts() -> dict[str, Any]:
    wave = [0.42 + 0.05 * math.sin(i / 2) + 0.004 * i for i in range(12)]
    value = [(41.0 + 1.3 * i) * 1e6 * YUAN for i in range(24)]
    months = [f"{2026 + m // 12}-{m % 12 + 1:02d}" for m in range(24)]
    cohorts = [
        (
            str(2019 + i),
            4200 + 310 * i,
            [0.92 * math.exp(-0.24 * y) + 0.01 * i if y + i < 8 else None for y in range(8)],
        )
        for i in range(8)
    ]
    m = 1e6 * YUAN
    return {
        "bridge": charts.bridge(
            "Bridge from last month 上月至本月",
            ("9月 Sep", 812 * m),
            [
                ("新客户 New", 31.4 * m),
                ("到店 Visits", 12.2 * m),
                ("流失 Lost", -22.6 * m),
                ("价格 Price", 6.1 * m),
                ("折现 Unwind", 4.3 * m),
                ("模型 Model", -3.9 * m),
            ],
            "10月 Oct",
            description="Steps sum to the change.",
        ),
        "lines": charts.lines(
            "Value with P5–P95 估值区间",
            months,
            [("Value 估值", value)],
            band=(
                "P5–P95",
                [v * (1 - 0.008 * i) for i, v in enumerate(value)],
                [v * (1 + 0.011 * i) for i, v in enumerate(value)],
            ),
            kind="money",
            split=9,
            zero=False,
        ),
        "two": charts.lines(
            "Return rate 回厂率",
            MONTHS,
            [
                ("This year 本年", [*wave[:9], None, None, None]),
                ("Last year 去年", [w - 0.03 for w in wave]),
            ],
            kind="percent",
        ),
        "bars": charts.bars(
            "Visits 进厂台次",
            MONTHS,
            [4120, 3890, 2210, 4433, 4520, 4610, 4702, 4390, 4811, 5002, 4920, 5130],
            noun="台次",
            time=True,
        ),
        "grouped": charts.grouped_bars(
            "Output by payer 产值构成",
            ["客户自费 Customer-pay", "厂家索赔 Warranty", "保险 Insurance"],
            [("2025", [31 * m, 12 * m, 22 * m]), ("2026", [36 * m, 9 * m, 25 * m])],
            kind="money",
        ),
        "area": charts.stacked_area(
            "Cash flow 现金流",
            [f"M{i}" for i in range(1, 61)],
            [
                ("A 优先级", [3e6 * YUAN * math.exp(-i / 20) for i in range(60)]),
                ("B 次级", [1.2e6 * YUAN * math.exp(-i / 40) for i in range(60)]),
                ("Reserve", [0.3e6 * YUAN] * 60),
            ],
        ),
        "calibration": charts.calibration(
            "Churn: predicted and observed 校准",
            [
                (0.05 + 0.1 * i, 0.04 + 0.1 * i + 0.02 * math.sin(i), 4000 - 350 * i)
                for i in range(9)
            ],
        ),
        "league": charts.league(
            "Stores among peers 门店排名",
            [
                charts.LeagueRow(n, 0.74 - 0.05 * i, 0.97 - 0.15 * i, "?")
                for i, n in enumerate(
                    [
                        "城东店",
                        "城西店",
                        "Riverside",
                        "开发区店",
                        "机场路店",
                        "高新区第二店",
                        "Old town",
                    ]
                )
            ],
        ),
        "field": charts.football_field(
            "Methods 方法对照",
            [
                ("Model 模型", 700 * m, 812 * m, 930 * m),
                ("Seed formula 公式", 640 * m, 760 * m, 990 * m),
                ("Comparable 可比交易", 560 * m, 800 * m, 1080 * m),
            ],
            reference=("Book 账面", 650 * m),
        ),
        "heat": charts.HeatMap(
            "Retention by purchase cohort 客户队列留存",
            [f"Y{y}" for y in range(1, 9)],
            cohorts,
            "Cohort",
            "Customers",
        ),
    }


def sample_progress(value: int) -> Progress:
    state = "done" if value >= 100 else "running"
    url = f"{reverse('styleguide_progress')}?value={min(value + 20, 100)}"
    return Progress("Import 导入", url, state, value * 1234, 123400, "repair_orders.csv")


def styleguide_progress(request: HttpRequest) -> HttpResponse:
    asked = request.GET.get("value", "")
    value = int(asked) if asked.isdecimal() else 0
    return render(request, "web/ui/progress.html", {"progress": sample_progress(value)})


def styleguide(request: HttpRequest) -> HttpResponse:
    request.navigation = [  # type: ignore[attr-defined]
        NavEntry("Style guide", "styleguide", "grid", count=3),
        NavEntry("跟进清单", icon="list", href="/list", section="门店"),
        NavEntry("客户", icon="people", href="/people", section="门店"),
        NavEntry("Value", icon="coins", href="/value", section="Group"),
    ]
    request.banners = [Banner("Demonstration data 演示数据", "accent", "?", "More")]  # type: ignore[attr-defined]
    request.access_label = "城东店 · Service advisor"  # type: ignore[attr-defined]
    request.account_label = "李明"  # type: ignore[attr-defined]
    request.search = Search("?", "Plate, VIN, mobile, name")  # type: ignore[attr-defined]
    messages.success(request, "Saved 已保存")
    sorting = Sorting.of(request, COLUMNS, "-visits")
    rows = sorted(ROWS, key=lambda r: str(r[sorting.key]).rjust(20), reverse=sorting.descending)
    total = {
        "unit": "Total 合计",
        "visits": 16830,
        "output": 20_790_000_000,
        "retention": 0.64,
        "change": 0.003,
        "seen": None,
    }
    table = Table(
        COLUMNS, rows, "Stores", sorting, lambda r: "bad" if r["retention"] < 0.6 else "", total
    )
    lineage = Lineage(
        "retained = customers with a visit in 12 months / customers at the start",
        "41,220 visits",
        "?",
        dt.date(2026, 11, 1),
        "bgnbd-2026.11.1",
        [("Assumptions", "A-7")],
    )
    return render(
        request,
        "web/styleguide.html",
        {
            "themes": ["light", "dark"],
            "icons": sorted(PATHS),
            "charts": sample_charts(),
            "table": table,
            "page": Slice(ROWS, 2, 5, True),
            "lineage": lineage,
            "spark": [3, 4, 3.6, 5, 5.2, 4.9, 6.1, 6.6],
            "tones": ["neutral", "accent", "good", "warn", "bad"],
            "badge": Badge("在保", "good", "shield"),
            "tabs": [Tab("Overview", "?", True), Tab("跟进", "?x", count=12), Tab("History", "?y")],
            "crumbs": [("Group", "/"), ("华东大区", "?")],
            "timeline": [
                TimelineEntry(
                    dt.date(2026, 10, 12), "大保养", "更换机油、三滤", "wrench", figure="¥1,280"
                ),
                TimelineEntry(
                    dt.date(2026, 10, 14), "NPS 4", "Waited two hours", "chat", "bad", badge="客诉"
                ),
                TimelineEntry(dt.date(2026, 4, 2), "Call: booked", "", "phone", "good"),
            ],
            "pairs": [("Plate", "沪A·12345"), ("Model", "Sylphy 1.6"), ("Warranty", "在保")],
            "figures": [("Package", "¥1,200"), ("储值", "¥3,450"), ("卡券", "2")],
            "form": SampleForm({"name": "", "mobile": "13"}, auto_id="sample_%s"),
            "filter": SampleFilter(),
            "running": sample_progress(40),
            "failed": Progress("Retrain", "?", "failed", 2, 5, "Too few visits", "?", "Log"),
            "today": dt.date(2026, 10, 31),
        },
    )
