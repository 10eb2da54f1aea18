"""Columns of cells to PostgreSQL's COPY form: at once where cells are regular, else one by one.

One by one, a ``Converter`` is a dictionary from the text of a cell to its COPY form, filled as
texts are met: real columns repeat (dates, kinds, stores), and a hit costs a fraction of a
conversion. Columns that do not repeat (numbers of orders, instants, amounts) are matched as one
text against the type's usual form, which costs a tenth of looking at each cell.
"""

import re
from collections.abc import Sequence

from customers.importing.columns import NULL, REMEMBERED, Column, Context
from customers.importing.messages import CellRefused, Problem

# Beyond this share of irregular cells, finding them costs more than taking each cell by itself.
_FEW = 0.05


class Converter(dict[str, str]):
    """Cell text → COPY text of one column in one run."""

    def __init__(self, column: Column, context: Context) -> None:
        super().__init__()
        self.column, self.context = column, context
        self.empty = "\t".join([NULL] * len(column.type.stages))
        # What has been refused so far, by text; of the last column converted, by position.
        self.refused: dict[str, Problem] = {}
        self.refused_at: dict[int, Problem] = {}
        self._required = column.required and not column.may_be_empty
        if column.type.regular is not None:
            body = column.type.regular.body
            self._usual = re.compile(
                rf"(?:(?:{body})\n)*+" if self._required else rf"(?:(?:{body})?\n)*+"
            )

    def convert(self, cells: Sequence[str]) -> Sequence[str]:
        """The COPY forms of a column; ``refused_at`` says which of its cells were refused."""
        self.refused_at = {}
        # Only between columns: what their cells were refused for is asked once all are converted.
        if len(self) >= REMEMBERED:
            self.clear()
            self.refused.clear()
        if self.column.type.regular is not None:
            converted = self._at_once(cells)
            if converted is not None:
                return converted
        return self._one_by_one(cells)

    def _one_by_one(self, cells: Sequence[str]) -> Sequence[str]:
        converted = list(map(self.__getitem__, cells))
        if self.refused and not self.refused.keys().isdisjoint(cells):
            self.refused_at = {
                at: self.refused[cell] for at, cell in enumerate(cells) if cell in self.refused
            }
        return converted

    def _at_once(self, cells: Sequence[str]) -> Sequence[str] | None:
        regular = self.column.type.regular
        assert regular is not None
        joined = "\n".join(cells) + "\n"
        odd = self._irregular(joined, len(cells))
        if odd is None:
            return None
        taken = list(cells)
        if odd:
            for at in odd:
                taken[at] = ""
            joined = "\n".join(taken) + "\n"
        converted = regular.finish(taken, joined, self.context)
        if converted is None:
            return None
        for at in odd:
            converted[at] = self[cells[at]]
            if cells[at] in self.refused:
                self.refused_at[at] = self.refused[cells[at]]
        return converted

    def _irregular(self, joined: str, count: int) -> list[int] | None:
        """Positions of cells that are not of the usual form; None if they are not few."""
        if joined.count("\n") != count:
            return None  # a cell holds a line break
        odd: list[int] = []
        most = _FEW * count + 1
        place = at = 0
        while True:
            match = self._usual.match(joined, at)
            if match is None or match.end() == len(joined):
                return odd
            place += joined.count("\n", at, match.end())
            odd.append(place)
            if len(odd) > most:
                return None
            place += 1
            at = joined.index("\n", match.end()) + 1

    def __missing__(self, text: str) -> str:
        try:
            self[text] = converted = self._convert(text.strip())
        except CellRefused as refusal:
            self.refused[text] = refusal.problem
            self[text] = converted = self.empty
        return converted

    def _convert(self, text: str) -> str:
        if not text:
            if self._required:
                raise CellRefused("required_empty", column=self.column.name)
            return self.empty
        if text[0] == "=":
            raise CellRefused("formula", value=text[:60])
        return self.column.type.parse(text, self.context)
