"""Values that options of commands share, refused in words that say what would be right."""

from argparse import ArgumentTypeError
from datetime import date


def day(text: str) -> date:
    """An ISO date, for ``type=`` of an option.

    Raises:
        ArgumentTypeError: the text is no date of the calendar.
    """
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ArgumentTypeError(f"{text!r} is no date: write it as 2026-01-31") from error
