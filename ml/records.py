"""The frames that features and labels are made of: what is known of a group's customers.

Days are datetime64 columns without a time zone (store-local days), money is yuan net of VAT as
float64, ``customer`` is int64 everywhere. Frames may hold the future: every reader cuts at its
as-of date.
"""

from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True)
class Records:
    """Columns per frame (further columns are ignored):

    customers: index ``customer``; ``division`` str, ``segment`` "person" | "organisation",
        ``distance_km`` float (NaN unknown).
    purchases: ``customer``, ``day`` of a vehicle bought from the group.
    vehicles: one row per ownership: ``customer``, ``owned_from``, ``owned_to`` (NaT open),
        ``sold_on`` (by the group; NaT elsewhere), ``built_on``, ``warranty_until`` (dates, NaT
        unknown), ``extended_warranty`` bool, ``service_interval_days``, ``service_interval_km``,
        ``km_at_sale`` float (NaN unknown).
    visit_days: one row per customer and day: :data:`ml.statistics.VISIT_DAY_COLUMNS` and
        ``revenue_customer``, ``revenue_insurer``, ``revenue_manufacturer``; ``mileage_km`` (NaN
        unknown), ``wait_minutes`` (NaN unknown), ``declined`` (lines), and the flags 0.0/1.0
        ``maintenance``, ``repair``, ``warranty_work``, ``comeback``.
    surveys: ``customer``, ``day`` of the answer, ``score`` 0–10.
    events: ``customer``, ``day``, ``kind`` (read are "complaint", "no_show" and "recall_notice").
    contracts: ``customer``, ``type``, ``starts_on``, ``ends_on`` (NaT open-ended).
    """

    customers: pd.DataFrame
    purchases: pd.DataFrame
    vehicles: pd.DataFrame
    visit_days: pd.DataFrame
    surveys: pd.DataFrame
    events: pd.DataFrame
    contracts: pd.DataFrame
