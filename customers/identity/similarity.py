"""How alike two names or vehicle numbers are: pure functions on short strings."""

import re
import unicodedata
from enum import StrEnum

_TITLE = re.compile("(先生|女士|小姐|太太|夫人|师傅|经理|老板|老师|总)$")
# What companies are called besides their name, and what they change when they are renamed.
_FORMS = re.compile(
    "(股份有限公司|有限责任公司|有限公司|集团|分公司|公司|厂|co\\.?,?ltd\\.?|ltd\\.?|inc\\.?)"
)
_COMPOUND = ("欧阳", "诸葛", "上官", "司马", "东方", "夏侯", "皇甫", "慕容", "令狐", "司徒")
_SHORTEST_STEM = 4


class Likeness(StrEnum):
    SAME = "same"
    SLIP = "slip"  # one character wrong, missing, too many, or two exchanged
    TITLE = "title"  # a surname with "Mr", and a full name of that surname
    STEM = "stem"  # a company's name but for its form, or one inside the other
    NONE = "none"
    UNKNOWN = "unknown"  # one of the two has no name


def name_key(name: str) -> str:
    """The form under which equal names are equal: NFKC, lower case, without spaces."""
    return "".join(unicodedata.normalize("NFKC", name).casefold().split())


def one_slip(a: str, b: str) -> bool:
    """Whether one edit makes ``a`` into ``b``: a character replaced, added or dropped, or two
    neighbours exchanged (restricted edit distance of Damerau 1964, equal to one)."""
    if a == b or abs(len(a) - len(b)) > 1:
        return False
    start = 0
    while start < min(len(a), len(b)) and a[start] == b[start]:
        start += 1
    rest_a, rest_b = a[start:], b[start:]
    if len(a) != len(b):
        longer, shorter = (rest_a, rest_b) if len(a) > len(b) else (rest_b, rest_a)
        return longer[1:] == shorter
    if rest_a[1:] == rest_b[1:]:
        return True
    return rest_a[:2] == rest_b[1::-1] and rest_a[2:] == rest_b[2:]


def vin_slip(a: str, b: str) -> bool:
    """Whether one sign replaced, or two neighbours exchanged, makes one VIN of the other."""
    return len(a) == len(b) and one_slip(a, b)


def likeness(a: str, b: str, kind: str = "person") -> Likeness:
    """How alike two names are, in their ``name_key`` form."""
    if not a or not b:
        return Likeness.UNKNOWN
    if a == b:
        return Likeness.SAME
    if kind != "person":
        return _of_companies(a, b)
    if _titled(a, b) or _titled(b, a):
        return Likeness.TITLE
    # With two characters a slip would make 王伟 of 王芳, who are two people.
    if min(len(a), len(b)) >= 3 and one_slip(a, b):
        return Likeness.SLIP
    return Likeness.NONE


def _titled(short: str, full: str) -> bool:
    surname, titles = _TITLE.subn("", short)
    return bool(titles and surname and not _TITLE.search(full) and _surname(full) == surname)


def _surname(name: str) -> str:
    return name[:2] if name.startswith(_COMPOUND) else name[:1]


def _of_companies(a: str, b: str) -> Likeness:
    if one_slip(a, b):
        return Likeness.SLIP
    stem_a, stem_b = _FORMS.sub("", a), _FORMS.sub("", b)
    shorter, longer = sorted((stem_a, stem_b), key=len)
    if len(shorter) >= _SHORTEST_STEM and (shorter in longer or one_slip(shorter, longer)):
        return Likeness.STEM
    return Likeness.NONE
