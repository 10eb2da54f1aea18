"""Features of how a customer was treated: surveys, complaints, comebacks, waiting, recalls."""

import numpy as np
from numpy.typing import NDArray

from ml.feature_view import Floats, Places, View, last_of, past_rows, pick
from ml.records import Records
from ml.statistics import VisitDays


def experience(view: View, records: Records, visits: VisitDays, at: Places) -> dict[str, Floats]:
    asked, asked_ago, row = past_rows(view, records.surveys)
    score = records.surveys["score"].to_numpy(dtype=np.float64)[row]
    last = last_of(asked, view.n)
    event, event_ago, row = past_rows(view, records.events)
    kind = records.events["kind"].to_numpy(dtype=object)[row]
    near = event_ago <= 730
    recent = (view.end - visits.day) <= 730
    wait = visits.amounts["wait_minutes"].to_numpy()
    timed = np.flatnonzero(~np.isnan(wait))
    last_visit = last_of(at, view.n)
    silence = view.end - pick(visits.day.astype(np.float64), last_visit)
    lowest = np.full(view.n, np.nan)
    np.fmin.at(lowest, asked, score)
    return {
        "nps_last": pick(score, last),
        "days_since_nps": pick(asked_ago, last),
        "complaints_24m": view.count(event[near & (kind == "complaint")]),
        "no_shows_24m": view.count(event[near & (kind == "no_show")]),
        "comebacks_24m": view.count(at, visits.amounts["comeback"].to_numpy() * recent),
        "declined_24m": view.count(at, visits.amounts["declined"].to_numpy() * recent),
        "comeback_last": pick(visits.amounts["comeback"].to_numpy(), last_visit),
        "complaint_after_last": (
            _days_since(view, event, event_ago, kind == "complaint") <= silence
        ).astype(np.float64),
        "nps_of_last": np.where(pick(asked_ago, last) <= silence, pick(score, last), np.nan),
        "nps_lowest": lowest,
        "wait_last": pick(wait[timed], last_of(at[timed], view.n)),
    }


def open_recall(view: View, records: Records, visits: VisitDays, at: Places) -> dict[str, Floats]:
    """Days since the last recall notice where no warranty work has followed it; NaN if none."""
    event, ago, row = past_rows(view, records.events)
    kind = records.events["kind"].to_numpy(dtype=object)[row]
    noticed = _days_since(view, event, ago, kind == "recall_notice")
    done = np.flatnonzero(visits.amounts["warranty_work"].to_numpy() > 0)
    since = view.end - pick(visits.day[done].astype(np.float64), last_of(at[done], view.n))
    return {"recall_open": np.where(since <= noticed, np.nan, noticed)}


def _days_since(view: View, at: Places, ago: Floats, wanted: NDArray[np.bool_]) -> Floats:
    """Of the last wanted row of each customer, (n,); NaN if none. Rows in order of days."""
    return pick(ago[wanted], last_of(at[wanted], view.n))
