"""A group's records as they stood on an earlier day.

Back-tests ask what a model would have said then. Everything dated from that day on is taken away,
also where no reader would look at it, so that no model can know what it is judged by. Corrections
of earlier rows stay, as in any extract of an earlier as-of date.
"""

from dataclasses import replace
from datetime import date

import pandas as pd

from ml.extraction import Extract, home_stores
from ml.records import Records


def as_of_earlier(data: Extract, cut_off: date) -> Extract:
    """``data`` with nothing in it from ``cut_off`` on; home stores and divisions as of then.

    Raises ValueError for a day after the extract's own.
    """
    if cut_off > data.as_of:
        raise ValueError(f"{cut_off} lies after the records' own day {data.as_of}")
    cut = pd.Timestamp(cut_off)
    records = data.records
    visits = _before(records.visit_days, "day", cut)
    vehicles = _vehicles_before(records.vehicles, cut)
    purchases = _before(records.purchases, "day", cut)
    known = pd.Index(pd.concat([visits["customer"], purchases["customer"]]).unique())
    customers = records.customers[records.customers.index.isin(known)].copy()
    if "store" in customers.columns:
        of_store = records.customers.groupby("store")["division"].first()
        listed = customers.reset_index().rename(columns={customers.index.name: "customer"})
        customers["store"] = home_stores(listed, visits, vehicles, cut_off)
        customers["division"] = (
            customers["store"].map(of_store).fillna(customers["division"]).to_numpy()
        )
    contracts = records.contracts
    return replace(
        data,
        as_of=cut_off,
        records=Records(
            customers=customers,
            purchases=purchases,
            vehicles=vehicles,
            visit_days=visits,
            surveys=_before(records.surveys, "day", cut),
            events=_before(records.events, "day", cut),
            contracts=contracts[~(contracts["starts_on"] >= cut)],
        ),
        margin_factors=_before(data.margin_factors, "month", cut),
        readings=_before(data.readings, "day", cut),
    )


def _before(frame: pd.DataFrame, column: str, cut: pd.Timestamp) -> pd.DataFrame:
    return frame[frame[column] < cut]


def _vehicles_before(vehicles: pd.DataFrame, cut: pd.Timestamp) -> pd.DataFrame:
    """Ownerships begun by then; an end that was still to come is not known yet."""
    begun = vehicles["owned_from"].fillna(vehicles["sold_on"])
    frame = vehicles[~(begun >= cut)].copy()
    frame["owned_to"] = frame["owned_to"].where(frame["owned_to"] < cut)
    return frame
