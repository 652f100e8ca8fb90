"""ECSV files of tables."""

from astropy.table import Table

from kinmis.catalogue.encoding import KEY, from_json, to_json

_NOTES = f"{KEY}_columns"


def write(plain, document, path):
    """Write the plain table; metadata stand in the header as YAML."""
    plain.meta = dict(document["meta"])
    if document["columns"]:
        plain.meta[_NOTES] = to_json(document | {"meta": {}})
    plain.write(path, format="ascii.ecsv")


def read(path):
    """Return the plain table and the document."""
    plain = Table.read(path, format="ascii.ecsv")
    notes = plain.meta.pop(_NOTES, None)
    document = None if notes is None else from_json(notes)
    return plain, document and document | {"meta": dict(plain.meta)}
