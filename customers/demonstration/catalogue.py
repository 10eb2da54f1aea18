"""What the demonstration group sells and repairs: brands, series, price levels, operations.

Every brand, series and company here is invented. Price levels, intervals, retention and margins
follow published and estimated figures for dealer groups in China by brand tier; they are model
inputs, not industry benchmarks.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

VAT_RATE = 0.13

KINDS = (
    "first_service",
    "maintenance",
    "repair",
    "body_paint",
    "accident",
    "warranty",
    "recall",
    "tyre",
    "accessories",
    "pdi",
    "comeback",
    "other",
)
KIND = {name: code for code, name in enumerate(KINDS)}

PAYERS = ("customer", "warranty", "insurance", "internal")
PAYER = {name: code for code, name in enumerate(PAYERS)}

NEW_ENERGY = ("phev", "bev", "erev")


@dataclass(frozen=True)
class Tier:
    """One brand division: prices in yuan including VAT, rates per year, shares of one."""

    code: str
    name: str
    minor: float
    major: float
    first_service: float
    accident: float
    warranty: float
    repair: float
    body_paint: float
    tyre: float
    accessories: float
    labour_rate: float
    labour_share: float
    accident_labour_share: float
    labour_margin: float
    parts_margin: float
    accident_parts_margin: float
    warranty_parts_margin: float
    cost_basis: str
    interval_days: int
    interval_km: int
    first_days: int
    first_km: int
    warranty_months: int
    warranty_km: int
    erosion_in: float
    erosion_out: float
    warranty_step: float
    skip_in: float
    skip_out: float
    warranty_rate: float
    repair_rate: float
    comeback_rate: float
    accident_capture: float
    appointment_rate: float
    no_show_rate: float
    response_message: float
    response_phone: float
    tens: float
    renewal: tuple[float, float, float, float, float]
    premium: float
    extended_warranty_share: float
    margin_rate: float
    sales_margin: float


TIERS = (
    Tier(
        code="LUX", name="豪华品牌事业部",
        minor=1350, major=6800, first_service=900, accident=11500, warranty=2700, repair=3200,
        body_paint=2600, tyre=5200, accessories=2200, labour_rate=560,
        labour_share=0.35, accident_labour_share=0.40, labour_margin=0.70, parts_margin=0.36,
        accident_parts_margin=0.40, warranty_parts_margin=0.18, cost_basis="parts_labour",
        interval_days=365, interval_km=10000, first_days=365, first_km=10000,
        warranty_months=36, warranty_km=100000,
        erosion_in=0.035, erosion_out=0.14, warranty_step=0.16, skip_in=0.06, skip_out=0.48,
        warranty_rate=0.36, repair_rate=0.34, comeback_rate=0.022, accident_capture=1.0,
        appointment_rate=0.55, no_show_rate=0.15,
        response_message=0.125, response_phone=0.55, tens=0.65,
        renewal=(0.75, 0.58, 0.45, 0.35, 0.25), premium=9500, extended_warranty_share=0.14,
        margin_rate=0.46, sales_margin=0.018,
    ),
    Tier(
        code="JV", name="合资品牌事业部",
        minor=620, major=2900, first_service=420, accident=4800, warranty=1250, repair=1300,
        body_paint=1100, tyre=2200, accessories=900, labour_rate=220,
        labour_share=0.35, accident_labour_share=0.40, labour_margin=0.68, parts_margin=0.34,
        accident_parts_margin=0.34, warranty_parts_margin=0.16, cost_basis="parts",
        interval_days=270, interval_km=7500, first_days=180, first_km=5000,
        warranty_months=36, warranty_km=100000,
        erosion_in=0.08, erosion_out=0.24, warranty_step=0.30, skip_in=0.19, skip_out=0.65,
        warranty_rate=0.30, repair_rate=0.26, comeback_rate=0.025, accident_capture=0.95,
        appointment_rate=0.40, no_show_rate=0.18,
        response_message=0.10, response_phone=0.55, tens=0.65,
        renewal=(0.65, 0.50, 0.38, 0.30, 0.22), premium=4800, extended_warranty_share=0.10,
        margin_rate=0.41, sales_margin=0.006,
    ),
    Tier(
        code="OWN", name="自主品牌事业部",
        minor=460, major=1800, first_service=300, accident=3600, warranty=850, repair=850,
        body_paint=800, tyre=1700, accessories=600, labour_rate=150,
        labour_share=0.30, accident_labour_share=0.35, labour_margin=0.64, parts_margin=0.30,
        accident_parts_margin=0.28, warranty_parts_margin=0.14, cost_basis="parts",
        interval_days=210, interval_km=7500, first_days=120, first_km=5000,
        warranty_months=36, warranty_km=100000,
        erosion_in=0.19, erosion_out=0.30, warranty_step=0.30, skip_in=0.25, skip_out=0.72,
        warranty_rate=0.34, repair_rate=0.24, comeback_rate=0.03, accident_capture=0.72,
        appointment_rate=0.25, no_show_rate=0.20,
        response_message=0.10, response_phone=0.50, tens=0.60,
        renewal=(0.50, 0.38, 0.28, 0.20, 0.15), premium=3600, extended_warranty_share=0.07,
        margin_rate=0.36, sales_margin=0.010,
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Series:
    """One car line; ``price`` is the list price in yuan, ``share`` the weight within its brand."""

    tier: int
    brand: str
    wmi: str
    name: str
    models: tuple[str, ...]
    energy: str
    price: int
    share: float


SERIES = (
    Series(0, "御睿", "LYR", "御睿R3", ("R3 200 时尚型", "R3 250 运动型"), "ice", 268000, 0.34),
    Series(0, "御睿", "LYR", "御睿R5", ("R5 250 豪华型", "R5 尊享型"), "ice", 388000, 0.30),
    Series(0, "御睿", "LYR", "御睿X5", ("X5 四驱豪华型", "X5 四驱旗舰型"), "ice", 468000, 0.25),
    Series(0, "御睿", "LYR", "御睿X5插混", ("X5 400e 四驱",), "phev", 498000, 0.05),
    Series(0, "御睿", "LYR", "御睿iR", ("iR 长续航版",), "bev", 358000, 0.06),
    Series(0, "铂曼", "LBM", "铂曼C级", ("C260 动感型", "C300 豪华型"), "ice", 318000, 0.42),
    Series(0, "铂曼", "LBM", "铂曼Q7", ("Q7 55 四驱", "Q7 45 四驱"), "ice", 528000, 0.35),
    Series(0, "铂曼", "LBM", "铂曼Q3", ("Q3 35 进取型",), "ice", 278000, 0.16),
    Series(0, "铂曼", "LBM", "铂曼EQ", ("EQ 四驱",), "bev", 398000, 0.07),
    Series(1, "东岚", "LDL", "东岚锐行", ("锐行 舒适版", "锐行 豪华版"), "ice", 128000, 0.40),
    Series(1, "东岚", "LDL", "东岚途远", ("途远 2.0T 两驱", "途远 2.0T 四驱"), "ice", 198000, 0.32),
    Series(1, "东岚", "LDL", "东岚雅致混动", ("雅致 2.5L 双擎",), "hev", 178000, 0.20),
    Series(1, "东岚", "LDL", "东岚e跃", ("e跃 510",), "bev", 168000, 0.08),
    Series(1, "海诺", "LHN", "海诺思达", ("思达 精英", "思达 尊享"), "ice", 138000, 0.46),
    Series(1, "海诺", "LHN", "海诺皓驰", ("皓驰 1.5T", "皓驰 2.0 锐混动"), "ice", 188000, 0.38),
    Series(1, "海诺", "LHN", "海诺艾力混动", ("艾力 锐混动",), "hev", 218000, 0.09),
    Series(1, "海诺", "LHN", "海诺e臻", ("e臻 420",), "bev", 165000, 0.07),
    Series(2, "启星", "LKX", "启星元光", ("元光 1.5L 自动", "元光 1.5T 自动"), "ice", 79800, 0.36),
    Series(2, "启星", "LKX", "启星山行", ("山行 1.5T 智联版",), "ice", 109800, 0.24),
    Series(2, "启星", "LKX", "启星海纳DM", ("海纳 DM 110",), "phev", 129800, 0.20),
    Series(2, "启星", "LKX", "启星小舟", ("小舟 EV 305", "小舟 EV 405"), "bev", 75800, 0.20),
    Series(2, "嘉禾", "LJH", "嘉禾风神", ("风神 1.4T", "风神 1.5T"), "ice", 89800, 0.38),
    Series(2, "嘉禾", "LJH", "嘉禾星野", ("星野 2.0T",), "ice", 139800, 0.22),
    Series(2, "嘉禾", "LJH", "嘉禾远途增程", ("远途 增程 180",), "erev", 169800, 0.14),
    Series(2, "嘉禾", "LJH", "嘉禾E5", ("E5 510 标准版", "E5 600 长续航"), "bev", 119800, 0.26),
)  # fmt: skip

BRANDS = tuple(dict.fromkeys(series.brand for series in SERIES))

# Operation codes and the words that stores use for them, by kind of work.
OPERATIONS: dict[str, tuple[tuple[str, str], ...]] = {
    "first_service": (("FS01", "首次保养 更换机油机滤"), ("FS02", "首保检查 三电系统检测")),
    "maintenance": (
        ("MA01", "小保养 更换机油机滤"),
        ("MA02", "小保养 机油机滤及空滤"),
        ("MA11", "大保养 机油三滤火花塞"),
        ("MA12", "大保养 变速箱油及刹车油"),
        ("MA21", "新能源定期保养 三电检测"),
    ),
    "repair": (
        ("RE01", "更换前刹车片"),
        ("RE02", "更换蓄电池"),
        ("RE03", "更换水泵及冷却液"),
        ("RE04", "更换下摆臂胶套"),
        ("RE05", "空调不制冷检修"),
        ("RE06", "更换点火线圈"),
        ("RE07", "更换减震器"),
    ),
    "body_paint": (
        ("BP01", "前保险杠喷漆"),
        ("BP02", "右后门钣金喷漆"),
        ("BP03", "左前叶子板修复喷漆"),
    ),
    "accident": (
        ("AC01", "事故车钣金喷漆"),
        ("AC02", "更换前保险杠总成及大灯"),
        ("AC03", "更换后尾门及保险杠"),
        ("AC04", "更换前挡风玻璃"),
    ),
    "warranty": (
        ("WA01", "索赔 更换车机主机"),
        ("WA02", "索赔 更换氧传感器"),
        ("WA03", "索赔 更换变速箱阀体"),
        ("WA04", "索赔 天窗异响处理"),
        ("WA05", "索赔 软件升级"),
    ),
    "recall": (
        ("RC01", "召回 安全气囊检查更换"),
        ("RC02", "召回 燃油泵更换"),
        ("RC03", "召回 控制软件刷新"),
    ),
    "tyre": (("TY01", "更换轮胎两条及动平衡"), ("TY02", "更换轮胎四条及四轮定位")),
    "accessories": (("AS01", "加装行车记录仪"), ("AS02", "贴隔热膜"), ("AS03", "脚垫及后备箱垫")),
    "pdi": (("PD01", "新车交车前检查PDI"),),
    "comeback": (("CB01", "返修 原故障复检处理"),),
    "other": (
        ("OT01", "更换空调滤芯"),
        ("OT02", "更换雨刮片"),
        ("OT03", "清洗节气门"),
        ("OT04", "四轮定位"),
        ("OT05", "更换刹车油"),
        ("OT06", "发动机舱清洗"),
    ),
}  # fmt: skip

# Recommended at the walk-round and refused by the customer.
DECLINED: tuple[tuple[str, str, float], ...] = (
    ("DE01", "建议更换前刹车片 客户暂不做", 1.1),
    ("DE02", "建议更换后轮胎 花纹深度不足", 1.8),
    ("DE03", "建议更换蓄电池 电压偏低", 0.9),
    ("DE04", "建议清洗空调系统", 0.4),
    ("DE05", "建议更换变速箱油 客户下次做", 1.4),
    ("DE06", "底盘胶套老化 建议更换", 1.2),
    ("DE07", "建议更换雨刮片", 0.2),
)


def tier_values(field: str) -> NDArray[np.float64]:
    """One number of every tier, in the order of ``TIERS`` (shape: tiers)."""
    return np.array([float(getattr(tier, field)) for tier in TIERS])


def is_new_energy(series: int) -> bool:
    """Whether the series carries a green plate."""
    return SERIES[series].energy in NEW_ENERGY


def price_factor(series: int) -> float:
    """How dear the series is to service against the mean of its tier (1 = mean)."""
    own = SERIES[series]
    prices = [other.price for other in SERIES if other.tier == own.tier]
    return float((own.price / (sum(prices) / len(prices))) ** 0.4)
