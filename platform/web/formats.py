"""Figures and dates as people read them, in the active language and time zone.

Every function takes ``None`` for "not known" and answers with an en dash. Chinese counts in 万
(1e4) and 亿 (1e8), English in k, m and bn. A minus is U+2212, as wide as a digit.
"""

import datetime as dt
from decimal import ROUND_HALF_UP, Decimal

from django.utils import timezone
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

NOT_KNOWN = "–"
MINUS = "−"
CURRENCY_SYMBOLS = {"CNY": "¥", "USD": "$", "EUR": "€", "HKD": "HK$", "GBP": "£"}

Number = int | float | Decimal

_ZH_STEPS = ((Decimal(10) ** 8, "亿"), (Decimal(10) ** 4, "万"))
_EN_STEPS = ((Decimal(10) ** 9, "bn"), (Decimal(10) ** 6, "m"), (Decimal(10) ** 3, "k"))


def in_chinese() -> bool:
    return (get_language() or "").startswith("zh")


def _decimal(value: Number) -> Decimal:
    return value if isinstance(value, Decimal) else Decimal(str(value))


def _signed(negative: bool, text: str) -> str:
    return f"{MINUS}{text}" if negative else text


def _rounded(value: Decimal, digits: int) -> Decimal:
    return value.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)


def _three_figures(scaled: Decimal) -> Decimal:
    """Two decimals below 10, one below 100, none above."""
    for limit, digits in ((Decimal(10), 2), (Decimal(100), 1)):
        rounded = _rounded(scaled, digits)
        if rounded < limit:
            return rounded
    return _rounded(scaled, 0)


def _compact(size: Decimal) -> str:
    """``size`` ≥ 0 to three figures with the language's step word."""
    steps = _ZH_STEPS if in_chinese() else _EN_STEPS
    for i, (step, word) in enumerate(steps):
        if size < step:
            continue
        scaled = _three_figures(size / step)
        # 99 999 600 rounds to 10 000万, which is read as 1亿.
        if i and scaled * step >= steps[i - 1][0]:
            step, word = steps[i - 1]
            scaled = _three_figures(size / step)
        return f"{scaled:,f}{word}"
    whole = _rounded(size, 0)
    last_step, last_word = steps[-1]
    return f"1.00{last_word}" if whole >= last_step else f"{whole:,f}"


def symbol_of(currency: str) -> str:
    """The sign of an ISO 4217 currency; the code itself where there is no familiar sign."""
    return CURRENCY_SYMBOLS.get(currency, f"{currency} ")


def money(fen: int | None, currency: str = "CNY") -> str:
    """``123_456_789`` fen → ``¥123万`` / ``¥1.23m``."""
    if fen is None:
        return NOT_KNOWN
    return _signed(fen < 0, symbol_of(currency) + _compact(abs(Decimal(fen)) / 100))


def money_exact(fen: int | None, currency: str = "CNY") -> str:
    """``123_456_789`` fen → ``¥1,234,567.89``."""
    if fen is None:
        return NOT_KNOWN
    return _signed(fen < 0, f"{symbol_of(currency)}{abs(Decimal(fen)) / 100:,.2f}")


def integer(value: Number | None) -> str:
    """``12345`` → ``12,345``."""
    if value is None:
        return NOT_KNOWN
    whole = _rounded(_decimal(value), 0)
    return _signed(whole < 0, f"{abs(whole):,f}")


def decimal(value: Number | None, digits: int = 1) -> str:
    """``3.14159`` → ``3.1``."""
    if value is None:
        return NOT_KNOWN
    rounded = _rounded(_decimal(value), digits)
    return _signed(rounded < 0, f"{abs(rounded):,f}")


def compact(value: Number | None) -> str:
    """``123456`` → ``12.3万`` / ``123k``."""
    if value is None:
        return NOT_KNOWN
    return _signed(value < 0, _compact(abs(_decimal(value))))


def percent(share: Number | None, digits: int = 1) -> str:
    """``0.8123`` → ``81.2%``."""
    if share is None:
        return NOT_KNOWN
    return decimal(_decimal(share) * 100, digits) + "%"


def signed(text: str) -> str:
    """Put a plus before a formatted figure that is neither negative nor zero."""
    changed = any(c in "123456789" for c in text)
    return f"+{text}" if changed and text[0] not in ("+", MINUS) else text


def change(share: Number | None, digits: int = 1) -> str:
    """Relative change or error: ``0.042`` → ``+4.2%``."""
    return NOT_KNOWN if share is None else signed(percent(share, digits))


def points(difference: Number | None, digits: int = 1) -> str:
    """Difference of two shares: ``0.012`` → ``+1.2 pp``."""
    if difference is None:
        return NOT_KNOWN
    return _("%(figure)s pp") % {"figure": signed(decimal(_decimal(difference) * 100, digits))}


def km(distance: Number | None) -> str:
    """``45200`` → ``45,200 km``."""
    return NOT_KNOWN if distance is None else _("%(figure)s km") % {"figure": integer(distance)}


def local_date(value: dt.date | dt.datetime) -> dt.date:
    """The day of ``value`` in the current time zone."""
    return timezone.localtime(value).date() if isinstance(value, dt.datetime) else value


def date(value: dt.date | dt.datetime | None) -> str:
    """``2026-11-20`` / ``20 Nov 2026``; an instant is first put into the current time zone."""
    if value is None:
        return NOT_KNOWN
    day = local_date(value)
    if in_chinese():
        return day.isoformat()
    return f"{day.day} {_EN_MONTHS[day.month - 1]} {day.year}"


def instant(value: dt.datetime | None) -> str:
    """Date and time in the current time zone."""
    if value is None:
        return NOT_KNOWN
    return f"{date(value)} {timezone.localtime(value):%H:%M}"


def month(value: dt.date | None) -> str:
    """``2026年11月`` / ``Nov 2026``."""
    if value is None:
        return NOT_KNOWN
    if in_chinese():
        return f"{value.year}年{value.month}月"
    return f"{_EN_MONTHS[value.month - 1]} {value.year}"


_EN_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def days_ago(value: dt.date | dt.datetime | None, today: dt.date | None = None) -> str:
    """Distance from today: days up to 60, then months of 30.44 days up to two years, then years."""
    if value is None:
        return NOT_KNOWN
    days = ((today or timezone.localdate()) - local_date(value)).days
    if days == 0:
        return _("today")
    if days == 1:
        return _("yesterday")
    if days == -1:
        return _("tomorrow")
    amount = _duration(abs(days))
    return (
        _("%(duration)s ago") % {"duration": amount}
        if days > 0
        else (_("in %(duration)s") % {"duration": amount})
    )


def _duration(days: int) -> str:
    if days <= 60:
        return ngettext("%(count)d day", "%(count)d days", days) % {"count": days}
    if days < 731:
        months = round(days / 30.44)
        return ngettext("%(count)d month", "%(count)d months", months) % {"count": months}
    years = round(days / 365.25)
    return ngettext("%(count)d year", "%(count)d years", years) % {"count": years}


def masked_phone(number: str | None) -> str:
    """``13812345678`` → ``138****5678``; of a short number only the last two digits stay."""
    if not number:
        return NOT_KNOWN
    digits = "".join(c for c in number if c.isdigit())
    if len(digits) == 13 and digits.startswith("86"):
        digits = digits[2:]
    if len(digits) >= 11:
        return f"{digits[:3]}****{digits[-4:]}"
    return "*" * max(len(digits) - 2, 4) + digits[-2:]
