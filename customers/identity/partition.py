"""Who is one customer as a function of the decisions that stand: connected components.

Union-find (Tarjan 1975) over the merges in the order in which they were decided. A merge that would
bring both sides of a split or rejection together has no effect while that stands. The result
depends on the set of decisions only, never on how or in which order the records got there.
"""

from collections.abc import Collection, Iterable

Sides = tuple[Collection[int], Collection[int]]
_SIDE_A, _SIDE_B = 1, 2


class Components:
    """Sets of customers, each named by its lowest id.

    ``apart``: pairs of sides that must not come into one set.
    """

    def __init__(self, apart: Iterable[Sides] = ()) -> None:
        self._parent: dict[int, int] = {}
        # Of a root: on which side of which pair its members stand, as bits.
        self._marks: dict[int, dict[int, int]] = {}
        for number, sides in enumerate(apart):
            for bit, members in zip((_SIDE_A, _SIDE_B), sides, strict=True):
                for member in members:
                    marks = self._marks.setdefault(member, {})
                    marks[number] = marks.get(number, 0) | bit

    def find(self, item: int) -> int:
        """The lowest id of the set of ``item``."""
        parent = self._parent
        root = item
        while (above := parent.get(root, root)) != root:
            root = above
        while (above := parent.get(item, item)) != root:
            parent[item], item = root, above
        return root

    def union(self, a: int, b: int) -> bool:
        """Join the sets of ``a`` and ``b``; false if they are one already or must stay apart."""
        low, high = sorted((self.find(a), self.find(b)))
        if low == high or self._apart(low, high):
            return False
        self._parent[high] = low
        if (marks := self._marks.pop(high, None)) is not None:
            ours = self._marks.setdefault(low, {})
            for number, bits in marks.items():
                ours[number] = ours.get(number, 0) | bits
        return True

    def may_join(self, a: int, b: int) -> bool:
        """Whether no pair of sides stands between the sets of ``a`` and ``b``."""
        return not self._apart(self.find(a), self.find(b))

    def _apart(self, a: int, b: int) -> bool:
        ours, theirs = self._marks.get(a), self._marks.get(b)
        if not ours or not theirs:
            return False
        if len(ours) > len(theirs):
            ours, theirs = theirs, ours
        both = _SIDE_A | _SIDE_B
        return any(
            (bits | theirs[number]) == both for number, bits in ours.items() if number in theirs
        )

    def moves(self) -> dict[int, int]:
        """Every member that is not the lowest of its set, with the lowest."""
        return {item: self.find(item) for item in self._parent}


def partition(merges: Iterable[tuple[int, int]], apart: Iterable[Sides]) -> Components:
    """The components of ``merges``, in their order, that ``apart`` lets be."""
    components = Components(apart)
    for a, b in merges:
        components.union(a, b)
    return components
