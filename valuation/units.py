"""The organization tree as a valuation sees it: what stores have, their parents have by adding."""

import datetime as dt
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from organization.models import Unit

T = TypeVar("T")


@dataclass(frozen=True)
class Node:
    id: int
    code: str
    name: str
    level: str
    parent_id: int | None
    path: tuple[int, ...]
    authorised_until: dt.date | None = None


@dataclass(frozen=True)
class Tree:
    """All units of a group, parents before children."""

    nodes: tuple[Node, ...]

    @classmethod
    def read(cls) -> "Tree":
        """The tree of the entered tenant."""
        rows = Unit.objects.order_by("code").values_list(
            "pk", "code", "name", "level", "parent_id", "path", "authorised_until"
        )
        nodes = [
            Node(pk, code, name, level, up, tuple(path), until)
            for pk, code, name, level, up, path, until in rows
        ]
        return cls(tuple(sorted(nodes, key=lambda node: (len(node.path), node.code))))

    @cached_property
    def stores(self) -> tuple[Node, ...]:
        return tuple(node for node in self.nodes if node.level == Unit.Level.STORE)

    @cached_property
    def by_id(self) -> dict[int, Node]:
        return {node.id: node for node in self.nodes}

    @property
    def root(self) -> Node:
        return self.nodes[0]

    def children(self, unit_id: int) -> list[Node]:
        return [node for node in self.nodes if node.parent_id == unit_id]

    def store_index(self, ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """Position of each unit id in :attr:`stores`.

        Raises ``ValueError`` for an id that is not a store: its customers would belong to no child.
        """
        known = np.array([store.id for store in self.stores], dtype=np.int64)
        order = np.argsort(known)
        place = np.searchsorted(known[order], ids).clip(max=max(len(known) - 1, 0))
        if len(ids) and (not len(known) or (known[order][place] != ids).any()):
            raise ValueError("some customers are counted at a unit that is not a store")
        return np.asarray(order[place] if len(ids) else place, dtype=np.int64)

    def stores_below(self, unit_id: int) -> NDArray[np.int64]:
        """Positions in :attr:`stores` of the stores of a unit, itself included."""
        return np.array(
            [i for i, store in enumerate(self.stores) if unit_id in store.path], dtype=np.int64
        )

    def division_of(self, node: Node) -> Node:
        """The division above a unit; the group itself where there is none."""
        above = [self.by_id[one] for one in node.path if one in self.by_id]
        return next((one for one in above if one.level == Unit.Level.DIVISION), self.root)

    def region_of(self, node: Node) -> Node:
        """The region above a unit; its division where that level is skipped."""
        above = [self.by_id[one] for one in node.path if one in self.by_id]
        regions = [one for one in above if one.level == Unit.Level.REGION]
        return regions[-1] if regions else self.division_of(node)

    def rolled_up(
        self, of_store: Callable[[int], T], total: Callable[[Iterable[T]], T]
    ) -> dict[int, T]:
        """Every unit's figure: a store's own, any other's the total of its children."""
        found: dict[int, T] = {}
        position = {store.id: i for i, store in enumerate(self.stores)}
        for node in reversed(self.nodes):
            if node.id in position:
                found[node.id] = of_store(position[node.id])
            else:
                found[node.id] = total([found[child.id] for child in self.children(node.id)])
        return found
