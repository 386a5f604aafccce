"""A table in chunks, and the means of its groups; the one file of the benchmarks that needs pandas."""

import pandas as pd

from benchmarks.peer import Table

KEY, VALUE = "key", "value"
GROUPS = 1000
# It shares no factor with the groups, so that neighbours are of different ones.
STEP = 7919


def table(chunks: int, rows: int) -> Table:
    return Table(
        chunks=chunks,
        rows=rows,
        key=KEY,
        value=VALUE,
        make=make,
        add_up=add_up,
        combine=combine,
    )


def make(number: int, rows: int) -> pd.DataFrame:
    """Return chunk `number` of a table, of which each chunk has `rows`."""
    position = pd.RangeIndex(number * rows, (number + 1) * rows).to_numpy()
    return pd.DataFrame({KEY: position * STEP % GROUPS, VALUE: position.astype("float64")})


def add_up(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the sum and the count of each group."""
    return frame.groupby(KEY)[VALUE].agg(["sum", "count"])


def combine(*parts: pd.DataFrame) -> dict[int, float]:
    """Return the mean of each group, of what `add_up` has returned for the chunks."""
    total = pd.concat(parts).groupby(level=0).sum()
    means: dict[int, float] = (total["sum"] / total["count"]).to_dict()
    return means


def means(table: Table) -> dict[int, float]:
    """Return the means as one process works them out."""
    return combine(*(add_up(make(number, table.rows)) for number in range(table.chunks)))
