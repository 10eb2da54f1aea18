"""What lies in a group's drop folder: which entries are whole, and how they are claimed.

``DROP_DIR/<group code>/`` holds loose files, which are one delivery together, and folders, each a
delivery. Nothing is loaded where it was dropped: a claimed delivery is moved to ``.work`` first, by
a rename, so that who dropped it can no longer replace a file behind a check.
"""

import hashlib
import os
import re
import shutil
import stat
import time
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings

from customers.importing import uploads
from customers.importing.messages import FileRefused
from customers.importing.reading import SUFFIXES

WORK, DONE, FAILED = ".work", "done", "failed"
_UNPACKED, _UNPACKING = ".unpacked", ".unpacking"
MARK = ".done"
_CLAIMING = ".claiming"
# What programs write while a file is on its way, and what file managers leave behind.
_PASSING = re.compile(r"^[.~]|~$|\.(tmp|temp|part|partial|filepart|crdownload|swp|lock)$", re.I)
_CODE = re.compile(r"[^/\\\0.][^/\\\0]*")
_BLOCK = 1 << 20


def group_folder(code: str) -> Path | None:
    """The group's drop folder; None where there is none or it is a link out of ``DROP_DIR``."""
    root = Path(settings.DROP_DIR)
    folder = root / code
    if not _CODE.fullmatch(code) or folder.is_symlink() or not folder.is_dir():
        return None
    return folder if folder.resolve().parent == root.resolve() else None


def has_something(folder: Path) -> bool:
    """Whether there may be something to load or to go on with."""
    return any(_claimed(folder)) or bool(_entries(folder))


def claim(folder: Path) -> Iterator[Path]:
    """Claimed deliveries, those of a look that was cut short first; each a folder in ``.work``."""
    work = folder / WORK
    if work.is_symlink() or (work.exists() and not work.is_dir()):
        return
    work.mkdir(mode=0o700, exist_ok=True)
    for half in sorted(work.glob(f"*{_CLAIMING}")):
        _claim_loose(folder, half)
    yield from sorted(_claimed(folder))
    for entry in _entries(folder):
        if entry.is_dir() and _is_whole(entry, folder / f"{entry.name}{MARK}"):
            claimed = _free(work / entry.name)
            entry.rename(claimed)
            (folder / f"{entry.name}{MARK}").unlink(missing_ok=True)
            yield claimed
    if loose := _loose_and_whole(folder):
        newest = max(file.lstat().st_mtime for file in loose)
        name = time.strftime("%Y-%m-%d-%H%M%S", time.localtime(newest))
        half = _free(work / f"{name}{_CLAIMING}")
        half.mkdir(mode=0o700)
        yield _claim_loose(folder, half)


def _claimed(folder: Path) -> Iterator[Path]:
    work = folder / WORK
    if work.is_dir() and not work.is_symlink():
        for entry in work.iterdir():
            if entry.is_dir() and not entry.is_symlink() and entry.suffix != _CLAIMING:
                yield entry


def _entries(folder: Path) -> list[Path]:
    """Files and folders that were dropped, without links, marks and what is still on its way."""
    found = []
    for entry in sorted(folder.iterdir()):
        mode = entry.lstat().st_mode
        plain = stat.S_ISREG(mode) or (stat.S_ISDIR(mode) and entry.name not in (DONE, FAILED))
        if plain and not _PASSING.search(entry.name) and entry.suffix != MARK:
            found.append(entry)
    return found


def _loose_and_whole(folder: Path) -> list[Path]:
    """All loose files, if every one of them is whole; they may refer to each other."""
    loose = [entry for entry in _entries(folder) if entry.is_file()]
    named = {entry.name for entry in folder.iterdir()}
    dirs = {entry.name for entry in folder.iterdir() if entry.is_dir()}
    marks = {name for name in named if name.endswith(MARK) and name.removesuffix(MARK) not in dirs}
    return loose if marks or all(map(_settled, loose)) else []


def _is_whole(delivery: Path, mark: Path) -> bool:
    """Whether a folder is complete: by a mark in it or beside it, or left alone for a while."""
    files = [file for file in delivery.iterdir() if not file.is_symlink()]
    if mark.is_file() or any(file.name.endswith(MARK) for file in files):
        return True
    passing = any(_PASSING.search(file.name) for file in files if file.is_file())
    return bool(files) and not passing and _settled(delivery) and all(map(_settled, files))


def _settled(path: Path) -> bool:
    # The time of the last change of content or name, which unlike st_mtime no copy sets back.
    return path.lstat().st_ctime <= time.time() - settings.DROP_SETTLE_SECONDS


def _claim_loose(folder: Path, half: Path) -> Path:
    """Move the loose files; what a look that was cut short had moved already stays."""
    # The mark first: left behind, it would call the next delivery whole before it is.
    marks = [e for e in folder.iterdir() if e.name.endswith(MARK) and e.is_file()]
    for entry in (*marks, *_loose_and_whole(folder)):
        if not (half / entry.name).exists():
            entry.rename(half / entry.name)
    whole = _free(half.with_suffix(""))
    half.rename(whole)
    return whole


def _free(path: Path) -> Path:
    """``path``, or the same with a number where that is taken."""
    free, number = path, 1
    while free.exists() or free.is_symlink():
        number += 1
        free = path.with_name(f"{path.stem}-{number}{path.suffix}")
    return free


def strip(delivery: Path) -> list[str]:
    """Take links, devices, marks and passing files out of a claimed delivery; names of the rest
    that no file of the format may hide in (folders, links)."""
    odd = []
    for entry in sorted(delivery.iterdir()):
        mode = entry.lstat().st_mode
        if stat.S_ISREG(mode) and not entry.name.endswith(MARK) and not _PASSING.search(entry.name):
            continue
        if stat.S_ISDIR(mode):
            if entry.name not in (_UNPACKED, _UNPACKING):
                odd.append(f"{entry.name}/")
            continue
        if not stat.S_ISREG(mode):
            odd.append(entry.name)
        entry.unlink()
    return odd


def unpack(delivery: Path) -> list[str]:
    """Put the files of ZIP archives in the archives' place; names of what is not of the format.

    A look that is killed on the way leaves either the archives or all of their files in
    ``.unpacked``, from where the next one goes on.

    Raises:
        FileRefused: an archive cannot be read, is too large, or brings a file twice.
    """
    archives = [
        entry
        for entry in sorted(delivery.iterdir())
        if entry.suffix.lower() == ".zip" and entry.is_file() and not entry.is_symlink()
    ]
    whole, half, odd = delivery / _UNPACKED, delivery / _UNPACKING, []
    if archives and not whole.exists():
        shutil.rmtree(half, ignore_errors=True)
        half.mkdir(mode=0o700)
        files = (file for file in delivery.iterdir() if file.is_file())
        held = {
            file.stem.strip().lower(): file.name
            for file in files
            if file.suffix.lower() in SUFFIXES
        }
        try:
            odd = uploads.unpack(archives, half, held)
        except FileRefused:
            shutil.rmtree(half)
            raise
        half.rename(whole)
    if whole.is_dir() and not whole.is_symlink():
        for file in sorted(whole.iterdir()):
            file.rename(delivery / file.name)
        for archive in archives:
            archive.unlink()
        whole.rmdir()
    return odd


def digest_of(delivery: Path) -> str:
    """SHA-256 over names and contents of the files: the same content is the same delivery."""
    whole = hashlib.sha256()
    for file in sorted(delivery.iterdir()):
        if file.is_file() and not file.is_symlink() and not file.name.startswith("report."):
            content = hashlib.sha256()
            descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW)
            with open(descriptor, "rb") as stream:  # noqa: PTH123 - a descriptor, not a path
                while block := stream.read(_BLOCK):
                    content.update(block)
            whole.update(file.name.lower().encode("utf-8", "surrogateescape"))
            whole.update(content.digest())
    return whole.hexdigest()


def archive(folder: Path, delivery: Path, kind: str, day: str) -> Path:
    """Move a finished delivery to ``done`` or ``failed``; where it is now."""
    target = folder / kind / day
    for made in (folder / kind, target):
        if made.is_symlink():
            made.unlink()
        made.mkdir(mode=0o700, exist_ok=True)
    kept = _free(target / delivery.name)
    delivery.rename(kept)
    return kept


def expire(folder: Path, before: str) -> int:
    """Delete archived days before that ISO day; how many."""
    gone = 0
    for kind in (DONE, FAILED):
        if (folder / kind).is_symlink() or not (folder / kind).is_dir():
            continue
        for day in (folder / kind).iterdir():
            if day.is_dir() and not day.is_symlink() and day.name < before:
                shutil.rmtree(day)
                gone += 1
    return gone
