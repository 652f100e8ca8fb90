"""The folder of a long run."""

import json
import shutil
from pathlib import Path

from kinmis.catalogue.folder.atomic import write_atomically
from kinmis.catalogue.folder.assemble import assemble
from kinmis.catalogue.folder.identity import identity, same_inputs
from kinmis.catalogue.folder.lock import FolderLock, RunInProgressError
from kinmis.catalogue.folder.manifest import Manifest, differences
from kinmis.catalogue.folder.shard import read_shard, replace_rows, write_shard
from kinmis.catalogue.formats import TABLE

__all__ = ["Folder", "RunInProgressError", "is_folder"]

MANIFEST, SHARDS, LOCK, LAST_RUN = "manifest.json", "shards", ".lock", "last_run.json"


def is_folder(path):
    """Return whether a path is that of a folder that a run has written to."""
    return (Path(path) / MANIFEST).is_file()


class Folder:
    """
    The folder of a long run; what is written to it survives the end of the process.

    ``manifest.json`` says how its rows are made, ``shards/`` holds them, a file for each chunk
    of galaxies, and ``catalogue.parquet`` is the table.

    Parameters
    ----------
    path : str or os.PathLike
        The folder.
    """

    def __init__(self, path):
        self.path = Path(path).expanduser()
        self.manifest = None

    @property
    def table(self):
        """Path of the table."""
        return self.path / TABLE

    def check(self, key, *, resume=True, overwrite=False):
        """
        Check that rows made with a key may be written here.

        Parameters
        ----------
        key : dict
            Options, versions and model of the run.
        resume : bool
            Whether to go on with what is there.
        overwrite : bool
            Whether to begin anew where there is something.

        Raises
        ------
        FileExistsError
            If the folder holds something else, or a run that may not be resumed.
        ValueError
            If the shards in it were made with another key.
        """
        if self.path.exists() and not self.path.is_dir():
            raise FileExistsError(f"'{self.path}' is a file; name a folder")
        if overwrite:
            if self.path.exists() and any(self.path.iterdir()) and not self._is_ours():
                raise FileExistsError(f"'{self.path}' holds other files and no catalogue; it is "
                                      "not replaced, choose another folder")
            return
        there = Manifest.read(self.path / MANIFEST)
        if there is None:
            if self.path.exists() and not self._is_ours() and any(self.path.iterdir()):
                raise FileExistsError(f"'{self.path}' is not empty and holds no catalogue; "
                                      "choose another folder")
            return
        if not resume:
            raise FileExistsError(f"'{self.path}' holds a catalogue; ask for overwrite to begin "
                                  "anew, or for resume to go on with it")
        lines = differences(there.key, Manifest(key).key)
        if lines:
            raise ValueError(
                f"'{self.path}' holds rows that were made in another way, and the two must not "
                f"be mixed: {'; '.join(lines)}. Run it as it was, choose another folder, or ask "
                "for overwrite to begin anew")

    def _is_ours(self):
        """Whether nothing is there but what a run writes; it may have ended before the manifest."""
        ours = {MANIFEST, TABLE, SHARDS, LOCK, LAST_RUN, f".{MANIFEST}.part", f".{TABLE}.part"}
        names = {path.name for path in self.path.iterdir()}
        return MANIFEST in names or bool(names) and names <= ours

    def open(self, key, *, resume=True, overwrite=False):
        """
        Return a context in which rows made with a key are written here, by this run alone.

        Parameters
        ----------
        key, resume, overwrite
            As for `check`.

        Raises
        ------
        RunInProgressError
            If another run writes to the folder.
        FileExistsError, ValueError
            As `check`.
        """
        return _Open(self, key, resume, overwrite)

    def shard_path(self, number):
        """Return the file of a shard."""
        return self.path / SHARDS / f"{number:06d}.parquet"

    def inputs(self, sources):
        """Return what identifies the sources of a chunk, now."""
        return [list(identity(source)) for source in sources]

    def valid(self, number, inputs):
        """Return the rows of a shard if it was made from these inputs, else None."""
        table, recorded = read_shard(self.shard_path(number))
        return table if table is not None and same_inputs(recorded, inputs) else None

    def add(self, number, arrays, inputs, places=None):
        """
        Write a shard, or some rows of one; a table that was put together before is out of date.

        Parameters
        ----------
        number : int
            Its place among the shards.
        arrays : dict of `~numpy.ma.MaskedArray`
            The columns.
        inputs : list of pairs
            What identifies the sources of these rows.
        places : list of int, optional
            Rows that are replaced; by default the shard holds these rows and no others.
        """
        self.table.unlink(missing_ok=True)
        if places is None:
            write_shard(self.shard_path(number), arrays, inputs)
        else:
            replace_rows(self.shard_path(number), places, arrays, inputs)

    def note_run(self, report):
        """Keep what is to be said of the last run, a dict of plain values."""
        write_atomically(self.path / LAST_RUN, json.dumps(report, indent=1).encode())

    def finish(self, count, meta, carried=None):
        """
        Put the table together.

        Parameters
        ----------
        count : int
            Number of shards; those beyond are left from a longer list, and go.
        meta : dict
            Metadata of the table.
        carried : `~astropy.table.Table`, optional
            Columns of the input.
        """
        assemble(self.table, [self.shard_path(number) for number in range(count)], meta, carried)
        for path in (self.path / SHARDS).iterdir():
            stem = path.name.removesuffix(".parquet")
            if path.suffix == ".part" or stem.isdecimal() and int(stem) >= count:
                path.unlink()


class _Open:
    """The folder while a run writes to it."""

    def __init__(self, folder, key, resume, overwrite):
        self.folder, self.key, self.resume, self.overwrite = folder, key, resume, overwrite

    def __enter__(self):
        folder = self.folder
        folder.check(self.key, resume=self.resume, overwrite=self.overwrite)
        folder.path.mkdir(parents=True, exist_ok=True)
        self._lock = FolderLock(folder.path / LOCK)
        self._lock.__enter__()
        try:
            # the other run may have begun between the check and the lock
            folder.check(self.key, resume=self.resume, overwrite=self.overwrite)
            if self.overwrite:
                _remove(folder.path)
            manifest = Manifest.read(folder.path / MANIFEST)
            if manifest is None:
                # shards without a manifest could have been made in any way
                _remove(folder.path)
                manifest = Manifest(self.key)
                manifest.write(folder.path / MANIFEST)
            (folder.path / SHARDS).mkdir(exist_ok=True)
            folder.manifest = manifest
        except BaseException:
            self._lock.__exit__()
            raise
        return folder

    def __exit__(self, *exception):
        self._lock.__exit__()


def _remove(path):
    """Remove manifest, table and shards, the manifest first."""
    for name in (MANIFEST, TABLE):
        (path / name).unlink(missing_ok=True)
    if (path / SHARDS).exists():
        shutil.rmtree(path / SHARDS)
