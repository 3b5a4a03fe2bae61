"""Long tables of scores: a row for each guide, gene or pair and each read-out, turned so that each read-out is a column.

    sgrna,gene,donor,readout,score              sgrna,gene,donor,IFNG,IL2
    g1,CD28,d1,IFNG,-2.1            becomes     g1,CD28,d1,-2.1,-1.8
    g1,CD28,d1,IL2,-1.8

Tables that have a column for each read-out already, as those of CRISPR screens and of genetic interactions mostly have, stay as they are.
"""

from __future__ import annotations

import polars as pl

from hooke.cells.profiles import Profiles
from hooke.core.errors import DataError

READOUT_COLUMNS = ("readout", "read_out", "phenotype", "assay")
SCORE_COLUMNS = ("score", "value", "lfc", "log2fc", "log_fold_change", "effect", "z", "zscore", "z_score")


def by_readout(profiles: Profiles, name: str) -> Profiles:
    """A long table with a column for each read-out; any other as it is. What a row does not have is NaN.

    Args:
        profiles: As they were read: the scores are their only feature.
        name: Of the file, for messages.

    Raises:
        DataError: A row states no read-out, or there are two scores of one read-out.
    """
    table = profiles.metadata
    column = next((each for each in table.columns if each.lower() in READOUT_COLUMNS), None)
    if column is None or profiles.dim != 1 or profiles.features[0].lower() not in SCORE_COLUMNS:
        return profiles
    keys = [each for each in table.columns if each != column]
    readouts = sorted({str(each) for each in table[column].drop_nulls()} - {""})
    long = table.with_columns(pl.Series("", profiles.values[:, 0]), pl.col(column).cast(pl.String))
    if nameless := long.filter(pl.col(column).fill_null("") == "").height:
        raise DataError(f"{name}: {nameless} rows state no {column}")
    repeated = long.filter(long.select(*keys, column).is_duplicated())
    if len(repeated):
        where = ", ".join(str(repeated[key][0]) for key in keys)
        raise DataError(
            f"{name}: {len(repeated)} rows repeat a score of one read-out, the first {repeated[column][0]} of {where}; a column that tells "
            "guides or replicates apart makes them rows of their own"
        )
    wide = long.pivot(column, index=keys, values="", aggregate_function=None, sort_columns=False)
    return Profiles(wide.select(readouts).fill_null(float("nan")).to_numpy(), wide.select(keys), tuple(readouts))
