"""An :class:`ml.extraction.Extract` around a simulated world, without a database."""

import datetime

import pandas as pd

from ml.extraction import Extract
from ml.records import Records
from tests.ml.dealer_world import END, dealer_world


def world_extract(customers: int, seed: int, as_of: datetime.date = END) -> Extract:
    """The world's records as if they were read on ``as_of``; one store a division."""
    records = dealer_world(customers, seed=seed, end=as_of)
    store = records.customers["division"].map({"luxury": 1, "joint": 2, "domestic": 3})
    people = records.customers.assign(store=store, kind="person")
    visits = records.visit_days.assign(
        store=store.reindex(records.visit_days["customer"]).to_numpy()
    )
    vehicles = records.vehicles.assign(
        vehicle=records.vehicles["customer"],
        store=store.reindex(records.vehicles["customer"]).to_numpy(),
    )
    whole = Records(
        customers=people,
        purchases=records.purchases,
        vehicles=vehicles,
        visit_days=visits,
        surveys=records.surveys,
        events=records.events,
        contracts=records.contracts,
    )
    factors = pd.DataFrame({"store": [1], "month": [pd.Timestamp("2020-01-01")], "factor": [1.0]})
    readings = pd.DataFrame({"vehicle_id": [0], "day": [pd.Timestamp("2020-01-01")], "km": [1.0]})
    return Extract(as_of, whole, factors, readings, pd.DataFrame())
