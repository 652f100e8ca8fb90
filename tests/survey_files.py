"""A small survey on disk, and what two tables of it must have in common."""

import json

import numpy as np
from pyarrow import parquet

from kinmis import mock


def make(pa_stellar=40., pa_gas=None, **options):
    """Return a small galaxy, the same every time."""
    return mock.galaxy(pa_stellar, pa_gas, **{"size": 12., "seed": 1, **options})


def write_survey(folder, count):
    """Write so many small galaxies as MAPS files; return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    return [str(mock.write_maps(
        mock.galaxy(17 * i % 360, 61 * i % 360, size=8., bins=60, seed=i, id=f"{9000 + i}-1901"),
        folder)) for i in range(count)]


def report(folder):
    """Return what a folder says of the last run into it."""
    return json.loads((folder / "last_run.json").read_text())


def content(folder):
    """Return the table in a folder as Arrow table and metadata, without the date."""
    table = parquet.read_table(folder / "catalogue.parquet")
    document = json.loads(table.schema.metadata[b"kinmis"])
    del document["meta"]["kinmis"]["date"]
    return table.replace_schema_metadata(), document


def assert_same_content(one, other):
    """To the bit, what is missing too; the date of the run aside."""
    (first, facts), (second, others) = content(one), content(other)
    assert facts == others
    assert first.schema.equals(second.schema, check_metadata=True)
    # of NaN Arrow says that it differs from itself, but there is none: it is null
    assert first.equals(second)


def assert_same_tables(one, other):
    """To the bit, and masked alike."""
    assert one.colnames == other.colnames
    for name in one.colnames:
        masks = [np.asarray(getattr(table[name], "mask", False)) for table in (one, other)]
        np.testing.assert_array_equal(*masks, err_msg=name)
        values = [np.asarray(getattr(table[name], "unmasked", table[name]))
                  for table in (one, other)]
        keep = ~np.broadcast_to(masks[0], len(one))
        np.testing.assert_array_equal(*(value[keep] for value in values), err_msg=name)
