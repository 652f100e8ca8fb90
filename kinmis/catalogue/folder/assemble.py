"""The final table of a folder, put together shard by shard, so that it need not fit in memory."""

from astropy.table import Table

from kinmis.catalogue.encoding import encode_table
from kinmis.catalogue.files_parquet import make_schema, to_arrow
from kinmis.catalogue.folder.atomic import atomic_file
from kinmis.catalogue.folder.shard import read_shard
from kinmis.catalogue.formats import TABLE_ENCODING
from kinmis.catalogue.sources import rename_carried
from kinmis.catalogue.table import column_arrays, make_table

__all__ = ["assemble"]

#: Rows that are gathered before they are written: few groups keep the end of the file short, small
#: ones the memory.
ROWS_TOGETHER = 4096


def assemble(path, shards, meta, carried=None):
    """
    Write the table that shards make.

    Parameters
    ----------
    path : `~pathlib.Path`
        Name of the Parquet file; it appears at once and complete.
    shards : sequence of `~pathlib.Path`
        Files of the shards, in order.
    meta : dict
        Metadata of the table.
    carried : `~astropy.table.Table`, optional
        Columns of the input, a row for each of the shards' rows.

    Raises
    ------
    OSError
        If a shard is damaged, or the table can't be written.
    """
    import pyarrow as pa
    from pyarrow import parquet
    empty = make_table(column_arrays([]), meta)
    plain, document = encode_table(empty, **TABLE_ENCODING)
    front = Table()
    if carried is not None:
        front, more = encode_table(rename_carried(carried), **TABLE_ENCODING)
        document["columns"] = more["columns"] | document["columns"]
        if carried.meta:
            document["meta"]["input"] = more["meta"]
    schema = make_schema(front, plain, document)
    with atomic_file(path) as stream:
        with parquet.ParquetWriter(stream, schema, write_page_checksum=True) as writer:
            held, start = [], 0
            for number, shard in enumerate(shards):
                table, _ = read_shard(shard)
                if table is None:
                    raise OSError(f"'{shard}' is damaged; run the same command again to make "
                                  "it anew")
                columns = [to_arrow(front[name][start:start + len(table)])
                           for name in front.colnames]
                start += len(table)
                held.append(pa.Table.from_arrays([*columns, *table.columns], schema=schema))
                if sum(map(len, held)) >= ROWS_TOGETHER:
                    writer.write_table(pa.concat_tables(held))
                    held = []
            if held:
                writer.write_table(pa.concat_tables(held).combine_chunks())
    if carried is not None and start != len(carried):
        raise ValueError(f"the shards have {start} rows, but the table of the input has "
                         f"{len(carried)}")
