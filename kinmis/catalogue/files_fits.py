"""FITS files of tables."""

import warnings
from contextlib import contextmanager

import numpy as np
from astropy.io import fits
from astropy.table import Table

from kinmis.catalogue.encoding import KEY, fill_numbers, from_json, to_json


def write(plain, document, path):
    """
    Write the plain table as a binary table.

    Descriptions and UCDs go into TCOMMn and TUCDn, as TOPCAT has them, and the document
    into the keyword KINMIS.
    """
    nulls = fill_numbers(plain)
    notes = document["columns"]
    # what is masked is blank already: NaN, nothing, or a null value
    filled = Table({name: np.ma.getdata(column.data) for name, column in plain.columns.items()})
    with _any_names():
        hdu = fits.table_to_hdu(filled)
    hdu.name = KEY
    for number, name in enumerate(plain.colnames, 1):
        info, column = plain[name].info, hdu.columns[name]
        if info.unit is not None:
            column.unit = info.unit.to_string("fits")
        if name in nulls:
            column.null = nulls[name]
        for card, text in (("TCOMM", info.description), ("TUCD", info.meta.get("ucd"))):
            if text and _is_ascii(text):
                hdu.header[f"{card}{number}"] = text
            elif text:
                notes.setdefault(name, {})[card] = text
    hdu.header["CREATOR"] = "kinmis"
    hdu.header[KEY.upper()] = to_json(document)
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(path, checksum=True)


def read(path):
    """Return the plain table and the document."""
    with _any_names(), fits.open(path, memmap=False) as hdus:
        tables = [hdu for hdu in hdus if isinstance(hdu, (fits.BinTableHDU, fits.TableHDU))]
        if not tables:
            raise ValueError(f"{path} has no table")
        hdu = next((hdu for hdu in tables if KEY.upper() in hdu.header), tables[0])
        document = from_json(hdu.header.get(KEY.upper(), ""))
        plain = Table.read(hdu, character_as_bytes=False, unit_parse_strict="silent")
        if document is not None:
            for number, name in enumerate(plain.colnames, 1):
                info, notes = plain[name].info, document["columns"].get(name, {})
                info.description = notes.get("TCOMM", hdu.header.get(f"TCOMM{number}"))
                ucd = notes.get("TUCD", hdu.header.get(f"TUCD{number}"))
                info.meta = {"ucd": ucd} if ucd else {}
    return plain, document


@contextmanager
def _any_names():
    """A column that the user brought keeps its name: astropy and TOPCAT read any."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "It is strongly recommended that column names",
                                fits.verify.VerifyWarning)
        yield


def _is_ascii(text):
    return text.isascii() and text.isprintable() and text == text.strip()
