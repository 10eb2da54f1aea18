"""Files that hold rows of people: uploads and refusal files below the product's own folder."""

import csv
import shutil
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from django.conf import settings

from customers.importing.bookkeeping import REJECTS_DIR
from customers.models import ImportRun
from organization.access import Access

_DAY = 86_400


def refusal_folder(run: ImportRun) -> Path | None:
    """The folder of a run's refusal files, if they are still there."""
    if not run.rejects_file:
        return None
    folder, root = Path(run.rejects_file).parent, _rejects()
    return folder if folder.is_dir() and folder.resolve().parent == root.resolve() else None


def upload_folder(run: ImportRun) -> Path | None:
    """The folder of a run's uploaded files; folders of the command line are not ours."""
    folder, root = Path(run.folder), Path(settings.UPLOAD_DIR)
    inside = bool(run.folder) and folder.is_dir() and folder.resolve().parent == root.resolve()
    return folder if inside else None


def _rejects() -> Path:
    return Path(settings.VAR_DIR) / REJECTS_DIR


def strike_from_files(system: Access, traces: frozenset[str]) -> int:
    """Take the rows that hold one of ``traces`` out of the group's refusal files; files changed."""
    runs = ImportRun.objects.visible_to(system).exclude(rejects_file="")
    folders = {folder for run in runs.iterator() if (folder := refusal_folder(run)) is not None}
    files = (path for folder in sorted(folders) for path in sorted(folder.glob("*.csv")))
    return sum(_strike(path, traces) for path in files)


def _strike(path: Path, traces: Iterable[str]) -> bool:
    partial = path.with_suffix(".partial")
    struck = False
    with (
        path.open(encoding="utf-8-sig", newline="") as stream,
        partial.open("w", encoding="utf-8-sig", newline="") as out,
    ):
        writer = csv.writer(out)
        for row in csv.reader(stream):
            if any(trace in cell for cell in row for trace in traces):
                struck = True
            else:
                writer.writerow(row)
    if struck:
        partial.replace(path)
    else:
        partial.unlink()
    return struck


def orphans(days: int) -> Iterator[Path]:
    """Folders of uploads and refusals untouched for longer than ``days``, whoever made them."""
    oldest = time.time() - days * _DAY
    for root in (Path(settings.UPLOAD_DIR), _rejects()):
        if root.is_dir():
            for folder in sorted(root.iterdir()):
                if folder.is_dir() and folder.stat().st_mtime < oldest:
                    yield folder


def remove(folder: Path) -> None:
    shutil.rmtree(folder)
