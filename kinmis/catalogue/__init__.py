"""Catalogues: many galaxies, one table."""

from kinmis.catalogue.columns import COLUMNS, column_names, describe_columns
from kinmis.catalogue.formats import read_table, write_table
from kinmis.catalogue.measure import measure, measure_chunk

__all__ = ["COLUMNS", "column_names", "describe_columns", "measure", "measure_chunk",
           "read_table", "write_table"]
