"""Type of PDF documents without a font file: Latin in Helvetica, Chinese in STSong-Light.

Both are fonts that every PDF reader knows by name and supplies itself; so nothing is embedded and
nothing has to be shipped. Helvetica's figures are all as wide, so that columns of numbers line up.
"""

from xml.sax.saxutils import escape

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont

CHINESE = "STSong-Light"
LATIN, LATIN_BOLD = "Helvetica", "Helvetica-Bold"
# In neither face: the plain sign says the same.
PLAIN = {"\u2212": "-", "\u2011": "-", "\u2009": " ", "\u00a0": " "}

pdfmetrics.registerFont(UnicodeCIDFont(CHINESE))


def plain(text: str) -> str:
    """``text`` with the signs that no face has replaced."""
    for sign, instead in PLAIN.items():
        text = text.replace(sign, instead)
    return text


def _is_latin(character: str) -> bool:
    try:
        character.encode("cp1252")
    except UnicodeEncodeError:
        return False
    return True


def face_runs(text: str, *, bold: bool = False) -> list[tuple[str, str]]:
    """``text`` in pieces with the face of each.

    Chinese has one weight here: beside it, Latin is not bold either.
    """
    latin = LATIN_BOLD if bold and all(map(_is_latin, text)) else LATIN
    runs: list[tuple[str, str]] = []
    for character in text:
        face = latin if _is_latin(character) else CHINESE
        if runs and runs[-1][1] == face:
            runs[-1] = (runs[-1][0] + character, face)
        else:
            runs.append((character, face))
    return runs


def markup(text: str, *, bold: bool = False) -> str:
    """``text`` for a ReportLab paragraph whose own face is the Latin one."""
    parts = []
    for run, face in face_runs(plain(text), bold=bold):
        safe = escape(run).replace("\n", "<br/>")
        parts.append(f'<font name="{face}">{safe}</font>' if face == CHINESE else safe)
    return "".join(parts)
