"""What of a person's identity an access shows.

Contact data (numbers, addresses) leave the installation by no endpoint at all; these functions are
for what names a person or a vehicle.
"""

from organization.access import PersonalData

STAR = "*"


def name(value: str, level: PersonalData) -> str:
    """``王小明`` → full ``王小明``, masked ``王**``, none an empty text."""
    if level is PersonalData.FULL or not value:
        return value
    return value[0] + STAR * (len(value) - 1) if level is PersonalData.MASKED else ""


def plate(value: str, level: PersonalData) -> str:
    """``沪A12345`` → masked ``沪A***45``: province, city and two characters."""
    if level is PersonalData.FULL or not value:
        return value
    if level is PersonalData.NONE:
        return ""
    return value[:2] + STAR * max(len(value) - 4, 0) + value[-2:] if len(value) > 4 else STAR * 4


def vin(value: str, level: PersonalData) -> str:
    """Masked: maker (first three) and the last four characters."""
    if level is PersonalData.FULL or not value:
        return value
    if level is PersonalData.NONE:
        return ""
    return value[:3] + STAR * max(len(value) - 7, 0) + value[-4:] if len(value) > 7 else STAR * 4


def free_text(value: str, level: PersonalData) -> str:
    """Whatever staff or customers wrote may name anybody: only where names are shown in full."""
    return value if level is PersonalData.FULL else ""
