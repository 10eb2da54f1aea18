"""Saved layouts of a group: by name to what the reader needs, and from a sample to a suggestion."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from customers.importing.columns import Context
from customers.importing.conversion import Converter
from customers.importing.kinds import KINDS
from customers.importing.layouts import Layout, date_order, suggested_columns
from customers.importing.messages import FileRefused, Problem
from customers.importing.reading import SUFFIXES
from customers.importing.tables import Table
from customers.importing.text_files import NOTHING_KNOWN, Hints
from customers.models import ImportProfile, ImportRun
from organization.access import Access, entered, entered_installation
from organization.models import Tenant

_TITLE_ROWS = 10  # a header is looked for in this many rows
_SAMPLE_ROWS = 200


def saved_layout(group: str, name: str) -> Layout:
    """The layout that the group has saved as ``name``.

    Raises:
        FileRefused: there is none; the message names those that there are.
    """
    profiles = {profile.name: profile for profile in _profiles(group)}
    if name not in profiles:
        known = ", ".join(sorted(profiles)) or "–"
        raise FileRefused("unknown_profile", name=name, known=known)
    return layout_of(profiles[name])


def layout_of_run(group: str, run_id: int) -> Layout | None:
    """The layout that was chosen when the run was recorded."""
    for profile in _profiles(group, run=run_id):
        return layout_of(profile)
    return None


def _profiles(group: str, run: int | None = None) -> list[ImportProfile]:
    """The group's profiles, or the one of a run."""
    with entered_installation("import"):
        tenant = Tenant.objects.filter(code=group).first()
    if tenant is None:
        return []
    with entered(Access.system(tenant.pk, "import")):
        profiles = ImportProfile.objects.all()
        if run is not None:
            chosen = ImportRun.objects.filter(pk=run).values("profile_id")
            profiles = profiles.filter(pk__in=chosen)
        return list(profiles)


def layout_of(profile: ImportProfile) -> Layout:
    """What a saved profile says, for the reader."""
    return Layout(
        kind=KINDS[profile.kind],
        columns=profile.columns,
        constants=profile.constants,
        dates=profile.dates,
        separator=profile.separator,
        hints=Hints(profile.encoding, profile.delimiter, profile.skip),
    )


def opened(path: Path, hints: Hints = NOTHING_KNOWN) -> Table:
    """A foreign file as it is.

    Raises:
        FileRefused: it cannot be read at all.
    """
    reader = SUFFIXES.get(path.suffix.lower())
    if reader is None:
        raise FileRefused("not_text", name=path.name, found=path.suffix or "?")
    return reader(path, hints)


def first_rows(table: Table, most: int) -> list[Sequence[str]]:
    """The first rows that could be read as cells."""
    found: list[Sequence[str]] = []
    for chunk in table.chunks():
        found += chunk.rows
        if len(found) >= most:
            break
    return found[:most]


def suggest(profile: ImportProfile, path: Path) -> None:
    """Fill in header row, columns and order of dates as the file lets one guess.

    Raises:
        FileRefused: the file cannot be read.
    """
    kind = KINDS[profile.kind]
    tables = []
    for skip in range(_TITLE_ROWS):
        try:
            tables.append((skip, opened(path, Hints(profile.encoding, profile.delimiter, skip))))
        except FileRefused:
            if skip == 0:
                raise
            break
    # The header is the row that names most columns; titles above it name none.
    skip, table = max(
        tables, key=lambda one: (len(suggested_columns(kind, one[1].header)), -one[0])
    )
    profile.skip = skip
    profile.columns = suggested_columns(kind, table.header)
    rows = first_rows(table, _SAMPLE_ROWS)
    for column in kind.columns:
        if column.type.name in ("date", "date and time") and column.name in profile.columns:
            place = table.header.index(profile.columns[column.name])
            if order := date_order([row[place] for row in rows]):
                profile.dates = order
                return


@dataclass(frozen=True)
class PreviewCell:
    """A cell as it would be loaded; ``problem`` says why it would not."""

    text: str
    problem: Problem | None = None


@dataclass(frozen=True)
class Preview:
    """Titles of the file, and its first rows as the format would have them."""

    titles: Sequence[str]
    header: Sequence[str]
    rows: list[list[PreviewCell]]


def preview(layout: Layout, path: Path, context: Context, most: int = 8) -> Preview:
    """The first ``most`` rows of ``path``, converted.

    Raises:
        FileRefused: the file cannot be read by this layout.
    """
    foreign = opened(path, layout.hints)
    table = layout.table(foreign)
    columns = {column.name: column for column in layout.kind.columns}
    rows = first_rows(table, most)
    converted: list[list[PreviewCell]] = [[] for _ in rows]
    for place, name in enumerate(table.header):
        converter = Converter(columns[name], context)
        cells = [row[place] for row in rows]
        converter.convert(cells)
        for at, cell in enumerate(cells):
            converted[at].append(PreviewCell(cell, converter.refused_at.get(at)))
    return Preview(foreign.header, table.header, converted)
