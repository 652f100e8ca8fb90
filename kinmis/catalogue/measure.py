"""`measure`: many galaxies, one table."""

import astropy.units as u

from kinmis.catalogue.formats import check_output, rehearse, write_table
from kinmis.catalogue.options import Options
from kinmis.catalogue.progress import Progress
from kinmis.catalogue.provenance import provenance
from kinmis.catalogue.sources import Sources, attach
from kinmis.catalogue.stages import clean_all, measure_all, read_one
from kinmis.catalogue.table import column_arrays, join_arrays, make_table

__all__ = ["measure", "measure_chunk"]

# Chunks are cut at fixed places, so that the table does not depend on how they are shared out.
CHUNK_SIZE = 256


def measure(sources, *, format=None, clean=True, weights="bins", method="harmonic",
            fit_options=None, threshold=30 * u.deg, common=True, source_column=None, out=None,
            overwrite=False, progress="auto", chunk_size=CHUNK_SIZE, **reader_options):
    """
    Measure position angles and misalignments of many galaxies.

    A galaxy that can't be read or measured does not end the run: its row says why.

    Parameters
    ----------
    sources : sequence, `~astropy.table.Table` or a single source
        Paths, identifiers, `~kinmis.Galaxy` or `~kinmis.VelocityField` objects; or a table
        with a column ``source``, ``path``, ``file``, ``filename``, ``plateifu`` or ``id``
        that names them. The columns of a table are carried through: they stand first in the
        output, and one whose name the catalogue uses itself gets ``_input`` appended.
    format : str, optional
        Format of the sources; by default it is recognised. See ``Galaxy.read.list_formats()``.
    clean : bool or dict
        Whether to clean fields that are not yet clean; or the options of `kinmis.clean`, for
        all of them.
    weights : {"bins", "area"}
        What counts alike in the fit: see `kinmis.fit_pa`.
    method : {"harmonic", "bisymmetric", "pafit"}
        Engine of the fit: see `kinmis.fit_pa`.
    fit_options : dict, optional
        Further options of `kinmis.fit_pa`, such as ``center``, ``rmin`` and ``rmax``.
    threshold : `~astropy.units.Quantity`
        Angle between 0 and 180 deg beyond which a galaxy counts as misaligned.
    common : bool
        Whether to compare stars and gas over the spaxels that they share, too.
    source_column : str, optional
        Column of the table that names the sources.
    out : str or os.PathLike, optional
        File to write the table to; see `kinmis.catalogue.write_table`.
    overwrite : bool
        Whether to replace a file that exists.
    progress : bool or "auto"
        Whether to show a progress bar; "auto" does so on a terminal.
    chunk_size : int
        Number of galaxies that are in memory at a time.
    **reader_options
        Options of the reader of the format.

    Returns
    -------
    table : `~astropy.table.QTable`
        A row a galaxy, in the order of the sources; `kinmis.catalogue.describe_columns`
        lists the columns. Missing values are masked. ``table.meta["kinmis"]`` says how it
        was made.

    Raises
    ------
    TypeError, ValueError, KeyError
        If an option has a value that it can't have, or the table names no sources.
    FileExistsError
        If ``out`` exists and ``overwrite`` is not given. What stands in the way of writing
        is told before the run.
    ModuleNotFoundError
        If ``out`` or ``method`` needs a package that is missing.

    Notes
    -----
    The column ``status`` is "ok" where both fields were fitted, be it that they don't rotate;
    "partial" where one is missing, has too few data, or an error came in the way; and
    "failed" where nothing was measured. ``message`` gives the class and the text of errors
    and warnings, in ASCII.

    Examples
    --------
    >>> import kinmis
    >>> galaxies = [kinmis.mock.galaxy(pa_stellar=40, pa_gas=angle, seed=1)
    ...             for angle in (42, 140)]
    >>> table = kinmis.measure([*galaxies, "missing.fits"])
    >>> print(table["misalignment"].round())
    [2. 100. ———] deg
    >>> table["status"].tolist()
    ['ok', 'ok', 'failed']
    """
    if not isinstance(chunk_size, int) or chunk_size < 1:
        raise ValueError(f"chunk_size must be a whole number above 0, not {chunk_size!r}")
    sources = Sources(sources, source_column)
    options = Options.checked(
        format=format, reader=reader_options, clean=clean, threshold=threshold, common=common,
        fit={"method": method, "weights": weights, **(fit_options or {})})
    meta = {"kinmis": provenance(options.plain())}
    if out is not None:
        check_output(out, overwrite=overwrite)
        if sources.carried is not None and len(sources.carried):
            rehearse(sources.carried, out)
    with Progress(progress, sources.total) as tick:
        chunks = [measure_chunk(chunk, options, tick) for chunk in sources.chunks(chunk_size)]
    table = make_table(join_arrays(chunks), meta)
    if sources.carried is not None:
        table = attach(table, sources.carried)
    if out is not None:
        write_table(table, out, overwrite=overwrite)
    return table


def measure_chunk(sources, options, tick=None):
    """
    Measure a chunk of galaxies.

    It stands alone: sources that are paths or identifiers, options and result can be sent
    to and from another process.

    Parameters
    ----------
    sources : list
        What `~kinmis.catalogue.stages.read_one` takes.
    options : `~kinmis.catalogue.options.Options`
        How to measure.
    tick : callable, optional
        Called with whether it failed after each galaxy is read.

    Returns
    -------
    arrays : dict of `~numpy.ma.MaskedArray`
        One for each column, as `~kinmis.catalogue.table.make_table` takes them.
    """
    rows = []
    for source in sources:
        rows.append(read_one(source, options))
        if tick is not None:
            tick(rows[-1].galaxy is None)
    clean_all(rows, options)
    measure_all(rows, options)
    return column_arrays([row.values() for row in rows])
