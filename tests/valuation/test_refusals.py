"""Messages of the numeric modules: complete in Chinese, with the same placeholders."""

import ast
import re
from pathlib import Path

import polib

import valuation

FOLDER = Path(valuation.__file__).parent
CATALOGUE = polib.pofile(str(FOLDER / "locale" / "zh_Hans" / "LC_MESSAGES" / "django.po"))


def messages() -> set[str]:
    calls = (
        node
        for file in FOLDER.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "gettext_noop"
    )
    return {ast.literal_eval(call.args[0]) for call in calls}


def test_every_message_is_translated():
    translated = {entry.msgid for entry in CATALOGUE if entry.msgstr}
    assert messages()
    assert messages() - translated == set()


def test_translations_keep_the_placeholders():
    placeholder = re.compile(r"%(?:\((\w+)\)s|%)")
    for entry in CATALOGUE:
        if "python-format" in entry.flags:
            before, after = placeholder.findall(entry.msgid), placeholder.findall(entry.msgstr)
            assert sorted(before) == sorted(after), entry.msgid
