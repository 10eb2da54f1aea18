"""Uploads: too big, bombs, paths that climb, and what is left on disk."""

import io
import zipfile
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile, UploadedFile

from customers.importing.messages import FileRefused
from customers.importing.uploads import receive

HEAD = b"store_code,ro_no,customer_no,opened_at,pay_customer\n"


@pytest.fixture(autouse=True)
def small(settings, tmp_path: Path) -> Path:
    """Uploads of at most 1 MB, below ``tmp_path``."""
    settings.UPLOAD_DIR = tmp_path / "uploads"
    settings.IMPORT_UPLOAD_MB = 1
    return tmp_path


def file(name: str, content: bytes) -> UploadedFile:
    return SimpleUploadedFile(name, content)


def archive(*members: tuple[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as out:
        for name, content in members:
            out.writestr(name, content)
    return packed.getvalue()


def kept(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).name for p in folder.rglob("*") if p.is_file())


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("visits.csv", HEAD + b"x" * (1 << 20)),
        ("load.zip", archive(("visits.csv", HEAD + b"0" * (50 << 20)))),
        (
            "load.zip",
            archive(("visits.csv", HEAD + b"0" * (600 << 10)), ("events.csv", b"0" * (600 << 10))),
        ),
    ],
    ids=["a file", "a bomb of 50 MB", "together"],
)
def test_too_big_unpacked_is_refused_and_nothing_stays(small: Path, name, content) -> None:
    with pytest.raises(FileRefused) as refused:
        receive([file(name, content)])
    assert refused.value.problem.code == "too_big"
    assert kept(small) == []


def test_a_size_that_the_archive_understates_does_not_help(small: Path) -> None:
    packed = bytearray(archive(("visits.csv", HEAD + b"0" * (3 << 20))))
    for signature, at in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        place = packed.index(signature) + at
        packed[place : place + 4] = (10).to_bytes(4, "little")
    with pytest.raises(FileRefused):
        receive([file("load.zip", bytes(packed))])
    assert kept(small) == []


@pytest.mark.parametrize(
    "name", ["../../visits.csv", "/etc/visits.csv", "a\\..\\visits.csv", "a/b/visits.csv"]
)
def test_a_climbing_path_stays_in_the_uploads_own_folder(small: Path, name: str) -> None:
    received = receive([file("load.zip", archive((name, HEAD)))])
    assert [p.name for p in received.folder.iterdir()] == ["visits.csv"]
    assert received.folder.parent == small / "uploads"
    assert oct(received.folder.stat().st_mode & 0o777) == "0o700"


def test_an_archive_in_an_archive_is_not_unpacked(small: Path) -> None:
    inner = archive(("visits.csv", HEAD))
    received = receive([file("load.zip", archive(("inner.zip", inner), ("visits.csv", HEAD)))])
    assert received.ignored == ["inner.zip"]


@pytest.mark.parametrize(
    "content",
    [b"", b"PK\x03\x04 cut", archive(("a.txt", b"x"))[:-9]],
    ids=["empty", "only a head", "cut at its end"],  # an archive's bytes hold the time of making
)
def test_a_broken_archive_is_refused_in_words(small: Path, content: bytes) -> None:
    with pytest.raises(FileRefused):
        receive([file("load.zip", content)])
    assert kept(small) == []
