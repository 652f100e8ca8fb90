"""A tree of MAPS files as the survey's archive has it, for a server."""

import gzip

from kinmis import mock
from kinmis.readers.sas import maps_path

GALAXIES = {"8485-1901": "DR17", "7815-3702": "DR15"}


def write_mock(folder, plateifu="8485-1901", **options):
    """Write a model galaxy in the DR17 schema, and return its path."""
    path = folder / maps_path(plateifu)
    path.parent.mkdir(parents=True, exist_ok=True)
    options = {"pa_stellar": 40., "pa_gas": 70., "bins": 200, "noise": 10., "seed": 1, **options}
    return mock.write_maps(mock.galaxy(id=plateifu, **options), path)


def copy_real(folder, source):
    """
    Copy the real file to where DR15 has it, and return its path.

    The file was made by a version of the pipeline a little older than that of DR15, which a
    server of DR15 refuses.
    """
    content = gzip.decompress(source.read_bytes())
    place = content.index(b"VERSDAP = '2.2.3dev'")
    content = content[:place] + b"VERSDAP = '2.2.1   '" + content[place + 20:]
    path = folder / maps_path("7815-3702", "DR15")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(content, 1, mtime=0))
    return path
