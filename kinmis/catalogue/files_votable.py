"""VOTable files of tables."""

import warnings

from astropy.io import votable
from astropy.io.votable.exceptions import W03, VOTableSpecWarning
from astropy.io.votable.tree import Info
from astropy.table import Table

from kinmis.catalogue.encoding import KEY, fill_numbers, from_json, to_json


def make_votable(plain, document):
    """Return the VOTable of a plain table, the document in an INFO of its resource."""
    for name, column in plain.columns.items():
        if column.ndim > 1 and column.dtype.kind == "U":
            raise TypeError(f"column {name!r} holds several texts a row, which VOTable lacks; "
                            "write ECSV, FITS or Parquet")
    for name, null in fill_numbers(plain).items():
        plain[name].info.meta["values"] = {"null": null}
    with warnings.catch_warnings():
        # XML wants an ID of letters and digits, and gets one beside the name of the column
        warnings.simplefilter("ignore", W03)
        file = votable.from_table(plain, table_id=KEY)
    resource = file.resources[0]
    resource.tables[0].name = KEY
    resource.infos.append(Info(name=KEY, value=to_json(document)))
    return file


def write(plain, document, path):
    """Write the plain table, numbers as text."""
    with open(path, "wb") as stream:
        make_votable(plain, document).to_xml(stream, tabledata_format="tabledata")


def read(path):
    """Return the plain table and the document."""
    with warnings.catch_warnings():
        # other people's files break the rules in ways that do no harm here
        warnings.simplefilter("ignore", VOTableSpecWarning)
        file = votable.parse(path)
    table = file.get_first_table()
    plain = table.to_table(use_names_over_ids=True)
    notes = [info.value for resource in file.resources for info in resource.infos
             if info.name == KEY]
    document = from_json(notes[0]) if notes else None
    if document is not None:
        for column in plain.columns.values():
            ucd = (column.info.meta or {}).get("ucd")
            column.info.meta = {"ucd": ucd} if ucd else {}
            # XML breaks and indents long lines
            text = column.info.description
            column.info.description = text and " ".join(text.split())
    return Table(plain), document
