"""The product's own source, as trees: what the rules about shortcuts look at."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROOTS = ("platform/config", "platform/organization", "platform/web", "customers", "ml", "valuation")


@cache
def modules() -> dict[str, ast.Module]:
    """Every module of the product, by its dotted name; migrations are left to their reviews."""
    found = {}
    for root in ROOTS:
        for path in sorted((ROOT / root).rglob("*.py")):
            if "migrations" in path.parts:
                continue
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            name = name.removeprefix("platform.").removesuffix(".__init__")
            found[name] = ast.parse(path.read_text(encoding="utf-8"))
    return found


def templates() -> dict[str, str]:
    """Every template of the product, by its path."""
    return {
        str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
        for root in ROOTS
        for path in sorted((ROOT / root).rglob("templates/**/*"))
        if path.is_file()
    }


def nodes(module: str) -> Iterator[ast.AST]:
    return ast.walk(modules()[module])


def dotted(node: ast.AST) -> str:
    """``a.b.c`` of an attribute or call chain; what is no plain name becomes ``…``."""
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    if isinstance(node, ast.Call):
        return f"{dotted(node.func)}()"
    return node.id if isinstance(node, ast.Name) else "…"


def statements_of_sql() -> Iterator[tuple[str, str]]:
    """Every text in the source, f-strings with their gaps, in lower case and single spaces."""
    for name in modules():
        for node in nodes(name):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield f"{name}:{node.lineno}", " ".join(node.value.lower().split())
            elif isinstance(node, ast.JoinedStr):
                parts = [p.value if isinstance(p, ast.Constant) else "…" for p in node.values]
                yield f"{name}:{node.lineno}", " ".join("".join(map(str, parts)).lower().split())
