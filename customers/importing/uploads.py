"""Files that come in through the browser: checked by name and size, kept under random names."""

import secrets
import shutil
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile

from customers.importing.kinds import KINDS
from customers.importing.messages import FileRefused
from customers.importing.reading import SUFFIXES, open_delivery

_BLOCK = 1 << 20


@dataclass(frozen=True)
class Received:
    """An upload on disk: its folder, what it is called, and names that were not understood."""

    folder: Path
    name: str
    ignored: list[str]


def most_megabytes() -> int:
    """The size limit of an upload, unpacked (setting IMPORT_UPLOAD_MB, by default 200)."""
    return int(getattr(settings, "IMPORT_UPLOAD_MB", 200))


def unpack(archives: Sequence[Path], folder: Path, held: Mapping[str, str]) -> list[str]:
    """Unpack the format's files of ``archives`` into ``folder``; names of what is none of it.

    Args:
        held: kind → name of the files that lie beside the archives.

    Raises:
        FileRefused: an archive cannot be read, or holds a kind that is there already; together
            they are larger than an upload may be.
    """
    store = _Store(folder)
    store.kinds |= held
    for archive in archives:
        _unpack(archive, archive.name, store)
    return store.ignored


def keep_sample(file: UploadedFile) -> Path:
    """Keep one foreign file for the editor of profiles; its path.

    Raises:
        FileRefused: it is no text or workbook by its name, or too big; nothing is kept then.
    """
    folder = Path(settings.UPLOAD_DIR) / secrets.token_hex(16)
    folder.mkdir(parents=True, mode=0o700)
    try:
        return _Store(folder).add_as("sample", file)
    except BaseException:
        shutil.rmtree(folder)
        raise


def receive(files: Sequence[UploadedFile], kind: str | None = None) -> Received:
    """Keep the files of one upload in a folder of their own.

    With a ``kind`` it is one file of a foreign layout, whatever its name.

    Names on disk are made here from the kind of file, never from what the browser sent.

    Raises:
        FileRefused: no file is of the format, one comes twice, they are too big or unreadable;
            nothing is kept then.
    """
    folder = Path(settings.UPLOAD_DIR) / secrets.token_hex(16)
    folder.mkdir(parents=True, mode=0o700)
    store = _Store(folder)
    try:
        if kind is not None:
            if len(files) != 1:
                raise FileRefused("one_file", names=", ".join(str(file.name) for file in files))
            store.add_as(kind, files[0])
            return Received(folder, str(files[0].name)[:200], [])
        for file in files:
            name = str(file.name or "")
            if name.lower().endswith(".zip"):
                _unpack(file, name, store)
            else:
                store.add(name, file.file if file.file is not None else file)
        if not store.kinds:
            raise FileRefused(
                "no_files", path=", ".join(store.ignored) or "–", names=", ".join(KINDS)
            )
        open_delivery(folder)
    except BaseException:
        shutil.rmtree(folder)
        raise
    return Received(folder, ", ".join(str(file.name) for file in files)[:200], store.ignored)


class _Store:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.kinds: dict[str, str] = {}
        self.ignored: list[str] = []
        self.left = most_megabytes() << 20

    def add(self, name: str, stream: IO[bytes]) -> None:
        path = PurePosixPath(name.replace("\\", "/"))
        kind, suffix = path.stem.strip().lower(), path.suffix.lower()
        if kind not in KINDS or suffix not in SUFFIXES:
            self.ignored.append(path.name)
            return
        if kind in self.kinds:
            raise FileRefused("two_files", kind=kind, names=f"{self.kinds[kind]}, {path.name}")
        self.kinds[kind] = path.name
        self._write(f"{kind}{suffix}", path.name, stream)

    def add_as(self, stem: str, file: UploadedFile) -> Path:
        """One file under a name of ours, with the suffix of its own."""
        suffix = PurePosixPath(str(file.name or "")).suffix.lower()
        if suffix not in SUFFIXES:
            raise FileRefused("not_text", name=file.name, found=suffix or "?")
        stream = file.file if file.file is not None else file
        return self._write(f"{stem}{suffix}", str(file.name), stream)

    def _write(self, kept: str, name: str, stream: IO[bytes]) -> Path:
        with (self.folder / kept).open("xb") as out:
            while block := stream.read(_BLOCK):
                self.left -= len(block)
                if self.left < 0:
                    raise FileRefused("too_big", name=name, most=most_megabytes())
                out.write(block)
        return self.folder / kept


def _unpack(file: UploadedFile | Path, name: str, store: _Store) -> None:
    # What is unpacked is counted as it is read: sizes that an archive declares may be forged.
    try:
        with zipfile.ZipFile(file) as archive:
            for info in archive.infolist():
                if not info.is_dir() and not PurePosixPath(info.filename).name.startswith("."):
                    with archive.open(info) as stream:
                        store.add(info.filename, stream)
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, OSError) as error:
        raise FileRefused("unreadable_archive", name=name, reason=str(error)[:120]) from error
