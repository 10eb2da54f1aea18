"""A path to its tables: which files are there, of which kind, in which order they load."""

from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

from customers.importing.columns import HeaderMap
from customers.importing.kinds import KINDS
from customers.importing.kinds.kind import Kind
from customers.importing.layouts import Layout
from customers.importing.messages import FileRefused
from customers.importing.tables import Table, map_header
from customers.importing.text_files import NOTHING_KNOWN, open_text
from customers.importing.workbooks import open_workbook

SUFFIXES = {".csv": open_text, ".txt": open_text, ".tsv": open_text, ".xlsx": open_workbook}


@dataclass(frozen=True)
class Source:
    """One file of a kind, opened, its header understood."""

    kind: Kind
    table: Table
    header: HeaderMap


@dataclass
class Delivery:
    """The files of one run, in the order in which they load."""

    sources: list[Source]
    ignored: list[str] = field(default_factory=list)


def open_delivery(path: Path, layout: Layout | None = None) -> Delivery:
    """Open a folder or a single file; nothing is loaded if one of the files cannot be.

    With a foreign ``layout`` a single file may have any name; in a folder the layout is that of the
    file that is named after the layout's kind.

    Raises:
        FileRefused: the path, a name, a file or a header is not acceptable.
    """
    if not path.exists():
        raise FileRefused("missing_path", path=path)
    if path.is_file():
        if layout is not None and path.suffix.lower() in SUFFIXES:
            return Delivery([_open(path, layout.kind, layout)])
        return Delivery([_open(path, _kind_of(path))])
    files, ignored = _listed(path)
    for kind, found in files.items():
        if len(found) > 1:
            raise FileRefused("two_files", kind=kind, names=", ".join(f.name for f in found))
    if not files:
        raise FileRefused("no_files", path=path, names=", ".join(KINDS))
    sources = [
        _open(files[name][0], kind, layout if layout is not None and layout.kind is kind else None)
        for name, kind in KINDS.items()
        if name in files
    ]
    return Delivery(sources, ignored)


def ignored_files(path: Path) -> list[str]:
    """Names in the folder ``path`` that no file of the format has, such as ``visit.csv``."""
    return _listed(path)[1] if path.is_dir() else []


def _listed(folder: Path) -> tuple[dict[str, list[Path]], list[str]]:
    """The folder's files by kind, and the names of others and of folders named like files."""
    files: dict[str, list[Path]] = {}
    ignored: list[str] = []
    try:
        found = sorted(folder.iterdir())
    except OSError as error:
        raise _unreadable(folder, error) from error
    for file in found:
        if file.name.startswith((".", "~$")):
            continue
        table = file.suffix.lower() in SUFFIXES
        if file.is_dir():
            if table:
                ignored.append(file.name)
        elif table and file.stem.strip().lower() in KINDS:
            files.setdefault(file.stem.strip().lower(), []).append(file)
        else:
            ignored.append(file.name)
    return files, ignored


def _unreadable(path: Path, error: OSError) -> FileRefused:
    return FileRefused("unreadable_file", name=path.name, reason=error.strerror or str(error))


def _kind_of(path: Path) -> Kind:
    stem = path.stem.strip().lower()
    if stem in KINDS and path.suffix.lower() in SUFFIXES:
        return KINDS[stem]
    nearest = get_close_matches(stem, KINDS, n=1, cutoff=0) or list(KINDS)[:1]
    raise FileRefused("unknown_name", name=path.name, nearest=f"{nearest[0]}.csv")


def _open(path: Path, kind: Kind, layout: Layout | None = None) -> Source:
    reader = SUFFIXES[path.suffix.lower()]
    try:
        if path.stat().st_size == 0:
            raise FileRefused("empty_file", name=path.name)
        if layout is None:
            table = reader(path, NOTHING_KNOWN)
        else:
            table = layout.table(reader(path, layout.hints))
    except OSError as error:
        raise _unreadable(path, error) from error
    return Source(kind, table, map_header(table, kind.columns))
