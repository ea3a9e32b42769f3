"""The data sets rekur knows, each a file here, and how their files are found.

`DATASETS` maps the name of a set to what it states about itself; `imdb.load` and its siblings read one.
"""

from __future__ import annotations

from rekur.data.datasets import (
    digits,
    etth,
    ewt,
    imdb,
    kospi,
    m4,
    mnist,
    multi30k,
    names,
    nsmc,
    pairs,
    shakespeare,
    small_series,
    tags,
    waves,
    wikitext2,
)
from rekur.data.datasets.base import DataSet, File, cache_folder, find, locate, to_fetch
from rekur.errors import DataError, nearest

DATASETS: dict[str, DataSet] = {
    module.SET.name: module.SET
    for module in (
        *(imdb, nsmc, kospi, mnist, shakespeare, wikitext2, digits, names, multi30k, pairs, ewt, tags),
        *(etth, m4, small_series, waves),
    )
}

__all__ = ["DATASETS", "DataSet", "File", "cache_folder", "find", "locate", "named", "to_fetch"]


def named(name: str) -> DataSet:
    """Return the set called `name`, or raise DataError with the nearest known name."""
    if name not in DATASETS:
        raise DataError(f"No data set is called `{name}`. {nearest(name, DATASETS)} See `rekur data list`.")
    return DATASETS[name]
