"""`measure`: many galaxies, one table."""

import astropy.units as u

from kinmis.catalogue.formats import check_output, is_folder_name, read_table, rehearse, write_table
from kinmis.catalogue.into import CHUNK_SIZE, check_chunk_size, measure_into
from kinmis.catalogue.options import options_of
from kinmis.catalogue.progress import Progress
from kinmis.catalogue.provenance import provenance
from kinmis.catalogue.running import Chunk, measure_chunk, run_chunks
from kinmis.catalogue.running.pools import check_executor
from kinmis.catalogue.sources import Sources, attach
from kinmis.catalogue.table import join_arrays, make_table

__all__ = ["measure", "measure_chunk"]


def measure(sources, *, format=None, clean=True, weights="bins", method="harmonic",
            fit_options=None, threshold=30 * u.deg, common=True, classify="auto",
            source_column=None, out=None, overwrite=False, executor=None, resume=True,
            retry_failed=False, progress="auto", chunk_size=CHUNK_SIZE, **reader_options):
    """
    Measure position angles, misalignments and quality of many galaxies.

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
        all of them. Angles and classification are those of the fields after it.
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
    classify : bool or "auto"
        Whether to classify the fields. "auto" does so where the packages of the extra
        ``classifier`` are installed. It is decided once for the whole run, and the metadata of
        the table say how: ``table.meta["kinmis"]["options"]["model"]`` is the model or None.
    source_column : str, optional
        Column of the table that names the sources.
    out : str or os.PathLike, optional
        File to write the table to (see `kinmis.catalogue.write_table`), or a folder for a
        long run, which can be interrupted and goes on where it was: a name without a suffix,
        or with ``/`` at its end.
    overwrite : bool
        Whether to replace a file that exists, or to begin a folder anew.
    executor : int or object, optional
        Who does the work: a number of worker processes, a pool of `concurrent.futures`, or a
        client of dask.distributed; by default this process. The table is the same to the bit.
    resume : bool
        Whether a folder may be gone on with. What is there is checked: rows made from files that
        have changed since are measured again, rows made with other options are an error.
    retry_failed : bool
        Whether to measure those galaxies of a folder again that failed; where the others of
        their chunk are files, with these, so that the table is that of a run without failures.
    progress : bool or "auto"
        Whether to show a progress bar; "auto" does so on a terminal.
    chunk_size : int
        Number of galaxies that are measured together and, in a folder, kept in one file.
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
        If an option has a value that it can't have, the table names no sources, or a folder
        holds rows that were made with other options or versions.
    FileExistsError
        If ``out`` exists and ``overwrite`` is not given, or is a folder with other things in
        it. What stands in the way of writing is told before the run.
    RuntimeError
        If another run writes to the folder, or worker processes die whatever they are at.
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
    >>> table = kinmis.measure([*galaxies, "missing.fits"], classify=False)
    >>> print(table["misalignment"].round())
    [2. 100. ———] deg
    >>> table["status"].tolist()
    ['ok', 'ok', 'failed']
    """
    check_chunk_size(chunk_size)
    check_executor(executor)
    how = {"format": format, "clean": clean, "weights": weights, "method": method,
           "fit_options": fit_options, "threshold": threshold, "common": common,
           "classify": classify, **reader_options}
    if out is not None and is_folder_name(out):
        folder = measure_into(sources, out, source_column=source_column, executor=executor,
                              resume=resume, retry_failed=retry_failed, overwrite=overwrite,
                              progress=progress, chunk_size=chunk_size, **how)
        return read_table(folder.table)
    sources = Sources(sources, source_column)
    options = options_of(**how)
    meta = {"kinmis": provenance(options.plain())}
    if out is not None:
        check_output(out, overwrite=overwrite)
        if sources.carried is not None and len(sources.carried):
            rehearse(sources.carried, out)
    with Progress(progress, sources.total) as tick:
        chunks = (Chunk(*item) for item in enumerate(sources.chunks(chunk_size)))
        done = {chunk.number: arrays
                for chunk, arrays, _ in run_chunks(chunks, options, executor, tick)}
    table = make_table(join_arrays(done[number] for number in sorted(done)), meta)
    if sources.carried is not None:
        table = attach(table, sources.carried)
    if out is not None:
        write_table(table, out, overwrite=overwrite)
    return table
