"""VINs, plates, phone and identity numbers: what is valid, and the form they are compared in."""

import re

import numpy as np
import phonenumbers

from customers.importing.columns import (
    CellRefused,
    Context,
    Regular,
    Type,
    as_it_is,
    escaped,
    unscientific,
)
from customers.importing.sealing import staged
from organization.sealing import blind_index

_VIN = re.compile(r"[A-HJ-NPR-Z0-9]{17}")
_VALUES = {
    **{str(digit): digit for digit in range(10)},
    **{letter: value for value, letter in enumerate("ABCDEFGH", 1)},
    **{letter: value for value, letter in enumerate("JKLMN", 1)},
    "P": 7,
    "R": 9,
    **{letter: value for value, letter in enumerate("STUVWXYZ", 2)},
}
_WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
_VALUE_OF = np.zeros(128, dtype=np.int64)
for _character, _value in _VALUES.items():
    _VALUE_OF[ord(_character)] = _value
_WEIGHT_OF = np.array(_WEIGHTS, dtype=np.int64)
_CHECK_OF = np.frombuffer(b"0123456789X", dtype=np.uint8)
_PLATE = re.compile(r"[\u4e00-\u9fff][A-HJ-NP-Z][A-HJ-NP-Z0-9]{4,5}[A-HJ-NP-Z0-9挂学警港澳领]")
_MOBILE = re.compile(r"1[3-9]\d{9}")
_ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_PERSON_ID = re.compile(r"\d{17}[\dX]")
_OTHER_ID = re.compile(r"[A-Z0-9()]{6,20}")
# Numbers typed where none is known; a customer that has one is a test record.
PLACEHOLDERS = ("13800000000", "13800138000", "13900000000", "13888888888", "13999999999")


def vin_check_digit_fits(vin: str) -> bool:
    """ISO 3779 transliteration, weights of 49 CFR 565.15(c): the ninth character is the sum mod 11.

    European makers do not keep to it, so it warns and never refuses.
    """
    rest = sum(_VALUES[c] * w for c, w in zip(vin, _WEIGHTS, strict=True)) % 11
    return vin[8] == ("X" if rest == 10 else str(rest))


def _vin(text: str, _: Context) -> str:
    vin = unscientific(text).upper().replace(" ", "").replace("-", "")
    if not _VIN.fullmatch(vin):
        raise CellRefused("bad_vin", value=text[:40])
    return f"{vin}\t{'t' if vin_check_digit_fits(vin) else 'f'}"


def _vins(cells: list[str], joined: str, _: Context) -> list[str]:
    """Regular VINs with whether their check digit fits, all at once."""
    codes = np.frombuffer(joined.replace("\n", "").encode(), dtype=np.uint8).reshape(-1, 17)
    rest = (_VALUE_OF[codes] @ _WEIGHT_OF) % 11
    fits = iter((codes[:, 8] == _CHECK_OF[rest]).tolist())
    return [f"{cell}\t{'t' if next(fits) else 'f'}" if cell else "\t" for cell in cells]


def normalised_plate(text: str) -> str:
    """Upper case without spaces, dots and dashes."""
    return re.sub(r"[\s·•.\-]", "", text).upper()


def _plate(text: str, _: Context) -> str:
    plate = normalised_plate(text)
    if not _PLATE.fullmatch(plate):
        raise CellRefused("bad_plate", value=text[:40])
    return plate


def normalised_phone(text: str) -> str:
    """A mainland number as its national digits, any other in E.164.

    Raises:
        CellRefused: it is no phone number, or Excel lost its digits.
    """
    text = unscientific(text[:-2] if text.endswith(".0") else text)
    digits = re.sub(r"[\s\-()（）]", "", text)
    digits = re.sub(r"^(\+?86|0086)(?=1[3-9]\d{9}$)", "", digits)
    if _MOBILE.fullmatch(digits):
        return digits
    try:
        number = phonenumbers.parse(text, "CN")
    except phonenumbers.NumberParseException:
        raise CellRefused("bad_phone", tail=digits[-4:]) from None
    if not phonenumbers.is_possible_number(number) or len(digits) < 7:
        raise CellRefused("bad_phone", tail=digits[-4:])
    if number.country_code == 86:
        return phonenumbers.national_significant_number(number)
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _mobile(text: str, context: Context) -> str:
    number = normalised_phone(text)
    if not (_MOBILE.fullmatch(number) or number.startswith("+")):
        raise CellRefused("bad_phone", tail=number[-4:])
    return _sealed(number, phone_lookup(context.tenant_id, number))


def _phone(text: str, context: Context) -> str:
    number = normalised_phone(text)
    return _sealed(number, phone_lookup(context.tenant_id, number))


def normalised_id_number(text: str) -> str:
    """A resident's 18 characters (GB 11643-1999, check digit verified) or another document."""
    text = unscientific(text).upper().replace(" ", "").replace("-", "")
    if _PERSON_ID.fullmatch(text):
        rest = sum(int(c) * w for c, w in zip(text[:17], _ID_WEIGHTS, strict=True)) % 11
        if "10X98765432"[rest] == text[17]:
            return text
        # 18 digits may also be a company's code (GB 32100-2015), which begins with 1, 5, 9, A or Y
        # and department letter; those of pure digits and a wrong check digit are refused.
        raise CellRefused("bad_id_number", tail=text[-4:])
    if not _OTHER_ID.fullmatch(text):
        raise CellRefused("bad_id_number", tail=text[-4:])
    return text


def _id_number(text: str, context: Context) -> str:
    number = normalised_id_number(text)
    return _sealed(number, id_number_lookup(context.tenant_id, number))


def phone_lookup(tenant_id: int, number: str) -> bytes:
    """The blind index of a mobile or phone number in the form of ``normalised_phone``."""
    return blind_index("phone", tenant_id, number)


def id_number_lookup(tenant_id: int, number: str) -> bytes:
    """The blind index of an identity number in the form of ``normalised_id_number``."""
    return blind_index("id_number", tenant_id, number)


def _sealed(value: str, lookup: bytes) -> str:
    return f"\\\\x{lookup.hex()}\t\\\\x{staged(value).hex()}\t{escaped(value[-4:])}"


_SEALED = (("_lookup", "bytea"), ("_sealed", "bytea"), ("_tail", "text"))
VIN = Type(
    "VIN",
    _vin,
    (("", "text"), ("_fits", "boolean")),
    # "1E" and fifteen digits would be a number that Excel wrote.
    Regular(r"(?!\dE\d{15})[A-HJ-NPR-Z0-9]{17}", _vins),
)
PLATE = Type("plate", _plate, (("", "text"),), Regular(_PLATE.pattern, as_it_is))
MOBILE = Type("mobile", _mobile, _SEALED)
PHONE = Type("phone", _phone, _SEALED)
ID_NUMBER = Type("identity number", _id_number, _SEALED)
