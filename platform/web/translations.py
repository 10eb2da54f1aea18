"""Translation catalogues: compiled when stale, and checked for completeness.

The repository keeps ``.po`` files only; ``.mo`` files are made from them by
:func:`compile_catalogues` (GNU gettext is not needed) when the product is set up and in tests.
"""

import ast
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polib
from django.utils.translation.template import templatize

CONTEXT_END = "\x04"
# name → (position of the context, of the msgid, of the plural)
_FUNCTIONS: dict[str, tuple[int | None, int, int | None]] = {
    "_": (None, 0, None),
    "gettext": (None, 0, None),
    "gettext_lazy": (None, 0, None),
    "gettext_noop": (None, 0, None),
    "ngettext": (None, 0, 1),
    "ngettext_lazy": (None, 0, 1),
    "pgettext": (0, 1, None),
    "pgettext_lazy": (0, 1, None),
    "npgettext": (0, 1, 2),
    "npgettext_lazy": (0, 1, 2),
}


@dataclass(frozen=True, order=True)
class Message:
    """A text to be translated. ``where`` is ``file:line``."""

    msgid: str
    context: str
    where: str

    @property
    def key(self) -> str:
        """As gettext keys it: context and msgid."""
        return f"{self.context}{CONTEXT_END}{self.msgid}" if self.context else self.msgid


def app_folders(root: Path) -> list[Path]:
    """The Django applications below ``root`` and ``root/platform`` (folders with ``__init__``)."""
    found = [*root.glob("*/__init__.py"), *root.glob("platform/*/__init__.py")]
    return sorted(path.parent for path in found if path.parent.name != "tests")


def catalogues(root: Path) -> list[Path]:
    """Every ``.po`` file of the applications."""
    return sorted(po for app in app_folders(root) for po in app.glob("locale/*/LC_MESSAGES/*.po"))


def compile_catalogues(root: Path) -> list[Path]:
    """Compile every ``.po`` that is newer than its ``.mo``; answer with the files written.

    Fuzzy entries are left out. Written beside and moved into place, so that two processes that
    start together never read half a file. OSError names a malformed catalogue.
    """
    written = []
    for po in catalogues(root):
        mo = po.with_suffix(".mo")
        if mo.exists() and mo.stat().st_mtime_ns >= po.stat().st_mtime_ns:
            continue
        content = polib.pofile(str(po)).to_binary()
        with tempfile.NamedTemporaryFile(dir=po.parent, suffix=".part", delete=False) as part:
            part.write(content)
        Path(part.name).chmod(0o644)
        Path(part.name).replace(mo)
        written.append(mo)
    return written


def translated(root: Path, language: str) -> set[str]:
    """Keys with a complete translation in some application's catalogue for ``language``."""
    found: set[str] = set()
    for po in catalogues(root):
        if po.parts[-3] != language:
            continue
        for entry in polib.pofile(str(po)):
            forms = list(entry.msgstr_plural.values()) if entry.msgid_plural else [entry.msgstr]
            if not entry.fuzzy and not entry.obsolete and forms and all(forms):
                context = f"{entry.msgctxt}{CONTEXT_END}" if entry.msgctxt else ""
                found.add(context + entry.msgid)
    return found


def messages(root: Path) -> list[Message]:
    """Every text marked for translation in Python and templates of the applications."""
    found: set[Message] = set()
    for app in app_folders(root):
        for path in sorted(app.rglob("*")):
            if path.suffix not in {".py", ".html", ".txt"} or "migrations" in path.parts:
                continue
            if path.suffix != ".py" and "templates" not in path.parts:
                continue
            name = path.relative_to(root).as_posix()
            source = path.read_text(encoding="utf-8")
            if path.suffix != ".py":
                # templatize keeps line numbers and leaves only the gettext calls readable.
                found |= set(_template_messages(templatize(source, origin=name), name))
            else:
                found |= set(_python_messages(source, name))
    return sorted(found)


def _python_messages(source: str, name: str) -> Iterator[Message]:
    for node in ast.walk(ast.parse(source, filename=name)):
        if isinstance(node, ast.Call):
            yield from _call_messages(node, f"{name}:{node.lineno}")


def _call_messages(node: ast.Call, where: str) -> Iterator[Message]:
    function = node.func
    called = function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")
    if called not in _FUNCTIONS or not node.args:
        return
    context_at, msgid_at, _plural_at = _FUNCTIONS[called]
    texts = [a.value if isinstance(a, ast.Constant) else None for a in node.args]
    if msgid_at < len(texts) and isinstance(texts[msgid_at], str):
        context = texts[context_at] if context_at is not None else ""
        yield Message(str(texts[msgid_at]), str(context or ""), where)


_TEMPLATE_CALL = re.compile(
    r"\b(?P<name>_|gettext|ngettext|pgettext|npgettext)\((?=\s*u?['\"])", re.DOTALL
)


def _template_messages(templatized: str, name: str) -> Iterator[Message]:
    """Calls in the output of ``templatize``, each of which is valid Python up to its bracket."""
    for match in _TEMPLATE_CALL.finditer(templatized):
        line = templatized.count("\n", 0, match.start()) + 1
        for end in re.finditer(r"\)", templatized[match.end() :]):
            try:
                tree = ast.parse(templatized[match.start() : match.end() + end.end()], mode="eval")
            except SyntaxError:
                continue
            if isinstance(tree.body, ast.Call):
                yield from _call_messages(tree.body, f"{name}:{line}")
            break
