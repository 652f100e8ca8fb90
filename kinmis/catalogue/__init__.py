"""Catalogues: many galaxies, one table."""

from kinmis.catalogue.columns import column_names, describe_columns
from kinmis.catalogue.formats import read_table, write_table

__all__ = ["column_names", "describe_columns", "read_table", "write_table"]
