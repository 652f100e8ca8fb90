"""Catalogues: many galaxies, one table."""

from kinmis.catalogue.columns import COLUMNS, column_names, describe_columns
from kinmis.catalogue.compare import Comparison, compare
from kinmis.catalogue.formats import read_table, write_table
from kinmis.catalogue.into import measure_into
from kinmis.catalogue.measure import measure, measure_chunk
from kinmis.catalogue.selections import clean_pairs, join_repeats, misaligned, usable_pairs

__all__ = ["COLUMNS", "Comparison", "clean_pairs", "column_names", "compare", "describe_columns",
           "join_repeats", "measure", "measure_chunk", "measure_into", "misaligned", "read_table",
           "usable_pairs", "write_table"]
