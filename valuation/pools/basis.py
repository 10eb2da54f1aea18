"""What a pool is made from: the newest valuation, its terms, curve maps and units."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.curves import CurveMap
from ml.lifetime_value import alive_months
from ml.models import ModelVersion
from ml.transaction_models import AnyParameters, parameters_from
from valuation.assumptions import Terms, terms_of
from valuation.models import PoolCandidate, Valuation
from valuation.pool_flows import CurveMaps, FlowAssumptions
from valuation.regimes import Regimes, regimes_of
from valuation.units import Node, Tree

Integers = NDArray[np.int64]


class NoCandidates(Exception):
    """The newest valuation was made before pools could be built from it."""


@dataclass(frozen=True)
class Basis:
    """Read once a request, inside an entered access. ``fits``: position of each fit's id."""

    valuation: Valuation
    tree: Tree
    terms: Terms
    regimes: Regimes
    versions: list[ModelVersion]

    @cached_property
    def fits(self) -> dict[int, int]:
        return {version.pk: number for number, version in enumerate(self.versions)}

    @cached_property
    def maps(self) -> CurveMaps:
        maps = [CurveMap.from_dict(version.parameters["map"]) for version in self.versions]
        return CurveMaps(
            visits=np.stack([one.cumulative for one in maps]),
            alive=np.stack([alive_months(one) for one in maps]),
        )

    @cached_property
    def parameters(self) -> list[AnyParameters]:
        chosen = [version.parameters["chosen"]["params"] for version in self.versions]
        return [parameters_from(one) for one in chosen]

    @property
    def yearly_cost(self) -> float:
        """Retention cost in yuan a year alive, as the valuation found it."""
        return 12.0 * float(self.valuation.notes["retention_cost_per_month"])

    @property
    def flows(self) -> FlowAssumptions:
        return self.regimes.assumptions(self.terms, self.yearly_cost)

    def stores_of(self, unit_id: int) -> list[Node]:
        return [self.tree.stores[i] for i in self.tree.stores_below(unit_id)]

    def regime_of(self, stores: list[Node]) -> list[int]:
        position = {store.id: i for i, store in enumerate(self.tree.stores)}
        return [int(self.regimes.of_store[position[store.id]]) for store in stores]

    def covariance(self, number: int) -> NDArray[np.float64]:
        """Of the parameters of one fit on the log scale, as the valuation stored it."""
        stored: dict[str, Any] = self.valuation.notes["parameter_covariance"]
        return np.asarray(stored[str(self.versions[number].pk)], dtype=float)


def basis_of(valuation: Valuation) -> Basis:
    """The basis of the group's newest valuation.

    Raises :class:`NoCandidates` where it has none.
    """
    if not PoolCandidate.objects.filter(valuation=valuation).exists():
        raise NoCandidates
    tree, terms = Tree.read(), terms_of(valuation.assumptions.values)
    versions = (
        ModelVersion.objects.filter(
            pk__in=[int(one) for one in valuation.notes["parameter_covariance"]]
        )
        .order_by("pk")
        .defer("file")
    )
    months = valuation.score_set.horizon_months
    return Basis(
        valuation, tree, terms, regimes_of(tree, terms, valuation.as_of, months), list(versions)
    )
