"""The CDNOW sample that ships inside `lifetimes`: 2,357 customers, weeks and dollars."""

from importlib.resources import files

import pandas as pd


def cdnow() -> pd.DataFrame:
    """Columns x, t_x, T (weeks) and zbar (dollars), one row per customer."""
    source = files("lifetimes") / "datasets" / "cdnow_customers_summary_with_transactions.csv"
    with source.open() as text:
        return pd.read_csv(text)
