"""Every text of every application has a Simplified Chinese translation."""

import os
import re
from pathlib import Path

import polib
import pytest

from web.translations import catalogues, compile_catalogues, messages, translated

ROOT = Path(__file__).resolve().parents[2]
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|%[sd]|\{\w*\}")


@pytest.fixture
def app(tmp_path: Path) -> Path:
    """An application ``shop`` in an otherwise empty project."""
    folder = tmp_path / "shop"
    (folder / "locale/zh_Hans/LC_MESSAGES").mkdir(parents=True)
    (folder / "templates").mkdir()
    (folder / "__init__.py").touch()
    return folder


def write_catalogue(app: Path, text: str) -> Path:
    po = app / "locale/zh_Hans/LC_MESSAGES/django.po"
    head = 'msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\n"\n\n'
    po.write_text(head + text, encoding="utf-8")
    return po


def test_every_message_is_translated() -> None:
    known = translated(ROOT, "zh_Hans")
    missing = [f"{m.where}: {m.msgid!r}" for m in messages(ROOT) if m.key not in known]
    assert not missing, "No zh_Hans translation for\n" + "\n".join(missing)


def test_applications_agree_on_a_translation() -> None:
    """Catalogues are merged into one, so two translations of one text would hide each other."""
    seen: dict[tuple[str, str], dict[str, str]] = {}
    for po in catalogues(ROOT):
        for entry in polib.pofile(str(po)):
            by_text = seen.setdefault((entry.msgctxt or "", entry.msgid), {})
            by_text[entry.msgstr or entry.msgstr_plural.get(0, "")] = po.parts[-5]
    torn = {key: texts for key, texts in seen.items() if len(texts) > 1}
    assert not torn, "Give one a context (pgettext) or make them equal:\n" + "\n".join(
        f"{key[1]!r}: {texts}" for key, texts in torn.items()
    )


def test_placeholders_survive_translation() -> None:
    for po in catalogues(ROOT):
        for entry in polib.pofile(str(po)):
            wanted = set(PLACEHOLDER.findall(entry.msgid_plural or entry.msgid))
            for text in entry.msgstr_plural.values() or [entry.msgstr]:
                found = set(PLACEHOLDER.findall(text))
                assert found == wanted, f"{po.name} of {po.parts[-5]}: {entry.msgid!r} → {text!r}"


def test_texts_are_found_in_python_and_templates(app: Path) -> None:
    (app / "views.py").write_text(
        'a = _("From Python")\nb = ngettext("%d car", "%d cars", n)\nc = pgettext("verb", "Call")\n'
    )
    (app / "templates/page.html").write_text(
        "{% load i18n %}{% translate 'Say (one)' %}{{ x|default:_('Filtered') }}"
        "{% blocktranslate with n=x %}Block {{ n }}{% endblocktranslate %}"
        "{% blocktranslate count k=x %}one row{% plural %}{{ k }} rows{% endblocktranslate %}"
        '{% translate "target" context "aim" %} {# _("comment") #}'
    )
    found = {(m.context, m.msgid) for m in messages(app.parent)}
    assert found == {
        ("", "From Python"),
        ("", "%d car"),
        ("verb", "Call"),
        ("", "Say (one)"),
        ("", "Filtered"),
        ("", "Block %(n)s"),
        ("", "one row"),
        ("aim", "target"),
    }


def test_fuzzy_and_empty_entries_do_not_count(app: Path) -> None:
    write_catalogue(
        app,
        'msgid "a"\nmsgstr "甲"\n\n#, fuzzy\nmsgid "b"\nmsgstr "乙"\n\nmsgid "c"\nmsgstr ""\n',
    )
    assert translated(app.parent, "zh_Hans") == {"a"}


def test_catalogue_is_compiled_once_and_again_after_a_change(app: Path) -> None:
    po = write_catalogue(app, 'msgid "a"\nmsgstr "甲"\n')
    mo = po.with_suffix(".mo")
    assert compile_catalogues(app.parent) == [mo]
    assert compile_catalogues(app.parent) == []
    later = mo.stat().st_mtime_ns + 1_000_000_000
    os.utime(po, ns=(later, later))
    assert compile_catalogues(app.parent) == [mo]
    assert polib.mofile(str(mo)).find("a").msgstr == "甲"
    assert {p.name for p in mo.parent.iterdir()} == {"django.po", "django.mo"}


def test_malformed_catalogue_is_named(app: Path) -> None:
    write_catalogue(app, 'nonsense "a"\nmsgstr "甲"\n')
    with pytest.raises(OSError, match=r"django\.po"):
        compile_catalogues(app.parent)
