"""The tables of docs/data-format.md, from the declarations that the loader works by."""

from customers.importing.columns import Column
from customers.importing.kinds import KINDS
from customers.importing.kinds.kind import Kind
from customers.importing.messages import CELLS, ROWS


def column_tables() -> str:
    """One table a file, in load order: column, type, need, what a bad cell costs, aliases."""
    return "\n".join(_table(kind) for kind in KINDS.values())


def _table(kind: Kind) -> str:
    lines = [
        f"### {kind.name}",
        "",
        "| column | holds | a bad cell refuses | also accepted as header |",
        "|---|---|---|---|",
    ]
    lines += [_line(column) for column in kind.columns]
    return "\n".join([*lines, ""])


def _line(column: Column) -> str:
    name = f"**{column.name}**" if column.required else column.name
    cost = "the row" if column.whole_row else "the cell"
    holds = column.type.name.replace("|", "\\|")
    return f"| {name} | {holds} | {cost} | {'、'.join(column.aliases)} |"


def refusal_table() -> str:
    """Every code of a refused row or cell with its message in both languages."""
    lines = ["| code | message | 说明 |", "|---|---|---|"]
    for code, (english, chinese) in (CELLS | ROWS).items():
        lines.append(f"| {code} | {english} | {chinese} |")
    return "\n".join([*lines, ""])
