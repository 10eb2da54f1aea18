"""Text that stays text when a spreadsheet opens the file it stands in."""

_ACTIVE = ("=", "@", "+", "-", "\t", "\r")
_HARMLESS = set("+-0123456789.,() ")


def inert(cell: str) -> str:
    """The cell, unable to act as a formula (OWASP: CSV injection).

    What starts like one gets an apostrophe in front, unless it is a plain number. Every text that
    an export takes from data, headings included, goes through here.
    """
    if cell.startswith(_ACTIVE) and not _HARMLESS.issuperset(cell):
        return "'" + cell
    return cell
