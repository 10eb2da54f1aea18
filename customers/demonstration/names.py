"""Names, numbers and plates that look like those of people in China and pass their checks."""

import numpy as np
from numpy.typing import NDArray


def _words(text: str) -> list[str]:
    return text.split()


_SURNAME_LIST = (
    "王7.1 李7.0 张6.7 刘5.2 陈4.6 杨3.1 黄2.3 赵2.2 吴2.0 周1.9 徐1.5 孙1.4 马1.3 "
    "朱1.3 胡1.3 郭1.2 何1.2 林1.1 罗1.1 高1.0 郑.9 梁.9 谢.8 宋.8 唐.8 许.7 韩.7 "
    "冯.7 邓.6 曹.6 彭.6 曾.6 肖.6 田.5 董.5 袁.5 潘.5 于.5 蒋.5 蔡.5 余.5 杜.5 "
    "叶.5 程.4 苏.4 魏.4 吕.4 丁.4 任.4 沈.4 姚.4 卢.4 姜.4 崔.4 钟.4 谭.4 陆.4 "
    "汪.4 范.4 金.4 石.3 廖.3 贾.3 夏.3 韦.3 付.3 方.3 白.3 邹.3 孟.3 熊.3 秦.3 "
    "邱.3 江.3 尹.3 薛.3 闫.3 段.3 雷.3 侯.3 龙.3 史.3 陶.2 黎.2 贺.2 顾.2 毛.2 "
    "郝.2 龚.2 邵.2 万.2 钱.2 严.2 武.2 戴.2 莫.2 孔.2 向.2 汤.2 欧阳.1 诸葛.02 "
    "上官.02"
)
_SURNAMES = _words(_SURNAME_LIST)
SURNAMES = tuple(item.rstrip("0123456789.") for item in _SURNAMES)
_SURNAME_WEIGHTS = np.array([float(item.lstrip("".join(SURNAMES))) for item in _SURNAMES])
_SURNAME_WEIGHTS /= _SURNAME_WEIGHTS.sum()

_MALE = "伟强磊军洋勇杰涛超明刚平辉鹏华飞鑫波斌宇浩凯健俊帆帅旭宁龙林峰建国志文海东博毅晨翔睿泽然轩"
_FEMALE = "芳娜敏静丽艳娟霞秀英华慧巧美燕红梅玲雪琳洁颖婷佳欣怡倩璐莹萍月蕾思雨梦晓云悦涵"

_COMPANY_WORDS = _words(
    "恒信 中瑞 博远 金诚 天和 宏达 新源 汇通 鼎盛 友邦 安捷 顺达 华晟 卓越 万象 同创"
)
_COMPANY_TRADES = _words("科技 贸易 物流 建设工程 医疗器械 餐饮管理 文化传媒 机电设备")

# City: plate prefix, six-digit area codes of the identity card, streets.
CITIES: dict[str, tuple[str, tuple[str, ...], tuple[str, ...]]] = {
    "上海": ("沪A 沪B 沪C", ("310104", "310115", "310112"), ("漕溪北路", "浦东大道", "七莘路")),
    "杭州": ("浙A", ("330106", "330108"), ("文三路", "江南大道")),
    "南京": ("苏A", ("320102", "320106"), ("中山东路", "汉中路")),
    "苏州": ("苏E", ("320505", "320506"), ("狮山路", "东吴北路")),
    "广州": ("粤A", ("440106", "440112"), ("天河北路", "科学大道")),
    "深圳": ("粤B", ("440304", "440305"), ("深南大道", "南海大道")),
    "北京": ("京A 京N 京Q", ("110105", "110108"), ("朝阳北路", "知春路")),
    "天津": ("津A 津C", ("120101", "120104"), ("南京路", "卫津路")),
    "成都": ("川A", ("510104", "510107"), ("天府大道", "人民南路")),
    "重庆": ("渝A 渝B", ("500103", "500112"), ("红锦大道", "黄山大道")),
    "武汉": ("鄂A", ("420106", "420111"), ("珞喻路", "中北路")),
    "长沙": ("湘A", ("430102", "430104"), ("芙蓉中路", "岳麓大道")),
}

_PLATE_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"
_PLATE_SIGNS = "0123456789" + _PLATE_LETTERS
_MOBILE_PREFIXES = _words(
    "134 135 136 137 138 139 150 151 152 157 158 159 182 183 187 188 130 131 "
    "132 155 156 185 186 133 153 177 180 181 189 199"
)

_VIN_VALUES = {str(n): n for n in range(10)} | dict(
    zip("ABCDEFGHJKLMNPRSTUVWXYZ", (*range(1, 9), *range(1, 6), 7, 9, *range(2, 10)), strict=True)
)
_VIN_WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
_VIN_YEARS = "ABCDEFGHJKLMNPRSTVWXY123456789"
_ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_VIN_TABLE = [_VIN_VALUES.get(chr(code), 0) for code in range(128)]


def people_names(rng: np.random.Generator, female: NDArray[np.bool_]) -> list[str]:
    """One name per entry of ``female``: surname by frequency, one or two given characters."""
    count = len(female)
    surnames = rng.choice(len(SURNAMES), size=count, p=_SURNAME_WEIGHTS).tolist()
    first = rng.integers(0, 1 << 30, count).tolist()
    second = rng.integers(0, 1 << 30, count).tolist()
    double = (rng.random(count) < 0.8).tolist()
    names = []
    for surname, woman, one, two, both in zip(
        surnames, female.tolist(), first, second, double, strict=True
    ):
        signs = _FEMALE if woman else _MALE
        given = signs[one % len(signs)] + (signs[two % len(signs)] if both else "")
        names.append(SURNAMES[surname] + given)
    return names


def company_name(city: str, number: int, fleet: bool) -> str:
    """A company's registered name; ``number`` makes it vary."""
    word = _COMPANY_WORDS[number % len(_COMPANY_WORDS)]
    second = _COMPANY_WORDS[(number // 16) % len(_COMPANY_WORDS)]
    trade = "汽车租赁" if fleet else _COMPANY_TRADES[(number // 7) % len(_COMPANY_TRADES)]
    return f"{city}{word}{second}{trade}有限公司"


def mobile(number: int) -> str:
    """The ``number``-th mobile: different numbers differ (up to 3 billion)."""
    mixed = number * 2_654_435_761 % 3_000_000_017
    prefix, rest = divmod(mixed, 100_000_000)
    return f"{_MOBILE_PREFIXES[prefix % 30]}{rest:08d}"


def plate(city: str, number: int, new_energy: bool) -> str:
    """The ``number``-th plate: five signs for fuel, six beginning with D or F for new energy."""
    prefixes = CITIES[city][0].split()
    mixed = number * 16_777_259 % (24 * 34**3 * 10)
    mixed, digit = divmod(mixed, 10)
    signs = []
    for _ in range(3):
        mixed, sign = divmod(mixed, 34)
        signs.append(_PLATE_SIGNS[sign])
    lead = _PLATE_LETTERS[mixed % 24]
    tail = "".join(signs)
    body = ("D" if number % 10 < 8 else "F") + lead + tail if new_energy else lead + tail
    return f"{prefixes[number % len(prefixes)]}{body}{digit}"


def vin(wmi: str, descriptor: str, year: int, number: int) -> str:
    """A 17-character VIN with its check digit; ``number`` is the serial (unique, < 24 million).

    ``descriptor``: five characters without I, O, Q. Check digit: weighted sum of transliterated
    characters modulo 11, ten written as X.
    """
    plant, serial = divmod(number, 1_000_000)
    year_sign = _VIN_YEARS[(year - 2010) % 30]
    head, tail = wmi + descriptor, year_sign + _PLATE_LETTERS[plant].replace("Q", "8")
    text = f"{head}0{tail}{serial:06d}"
    total = sum(
        _VIN_TABLE[code] * weight
        for code, weight in zip(text.encode("ascii"), _VIN_WEIGHTS, strict=True)
    )
    check = total % 11
    return f"{head}{'X' if check == 10 else check}{tail}{serial:06d}"


def identity_number(area: str, birth: str, sequence: int) -> str:
    """An 18-character identity number (GB 11643); ``birth`` is YYYYMMDD, ``sequence`` 0…999."""
    body = f"{area}{birth}{sequence:03d}"
    total = sum(int(sign) * weight for sign, weight in zip(body, _ID_WEIGHTS, strict=True))
    return body + "10X98765432"[total % 11]
