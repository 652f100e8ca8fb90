"""Training data: galaxies on lattices with their labels, from files of either kind."""

import csv
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from kinmis.classifier.labels import Labels, check_quality
from kinmis.classifier.lattice import make_lattice
from kinmis.classifier.packed import PackedMaps
from kinmis.classifier.split import plate_groups, split_of

__all__ = ["Dataset", "load_dataset"]

#: Columns of a label table and what they may hold.
COLUMNS = {"stel_qual": (0, 1, 2), "halpha_qual": (0, 1, 2), "stel_feature": (0, 1, 2, 3),
           "halpha_feature": (0, 1, 2, 3), "halpha_notes": (0, 1, 2, 3)}
REQUIRED = ("stel_qual", "halpha_qual")


class Dataset:
    """
    Galaxies with labels, and the side of the split that each belongs to.

    Parameters
    ----------
    ids : sequence of str
        Plate-IFU, or any name; what stands before the first hyphen is kept together.
    lattices : list of `~kinmis.classifier.lattice.Lattice`
    labels : `~kinmis.classifier.labels.Labels`
    repeats : sequence of pairs of str
        Observations of one galaxy.
    """

    def __init__(self, ids, lattices, labels, repeats=()):
        self.ids = np.asarray(ids, str)
        self.lattices = list(lattices)
        self.labels = labels
        self.repeats = list(repeats)
        self.groups = plate_groups(self.ids, repeats)
        self.sides = split_of(self.groups)

    def __len__(self):
        return len(self.ids)

    def take(self, index):
        """Return lattices and labels of some galaxies."""
        index = np.asarray(index)
        if index.dtype == bool:
            index = np.flatnonzero(index)
        return [self.lattices[i] for i in index], self.labels[index]


def load_dataset(folder, progress=False):
    """
    Load galaxies and labels from a folder.

    Parameters
    ----------
    folder : path
        Holds ``labels.csv`` (columns ``plateifu``, ``stel_qual``, ``halpha_qual`` and
        optionally ``stel_feature``, ``halpha_feature``, ``halpha_notes``) and the fields:
        either ``velocity_maps.npz`` or files that kinmis can read, whose names contain the
        ``plateifu``. ``repeats.csv`` (``plateifu``, ``repeat``) lists galaxies observed twice.
    progress : bool
        Show a progress bar.

    Returns
    -------
    dataset : `Dataset`

    Raises
    ------
    FileNotFoundError
        If there is no label table, or there are no fields.
    ValueError
        If a column is missing, or labels and fields do not match.

    Warns
    -----
    InvalidValueWarning
        If labels have values that they can't have; they are dropped.
    """
    folder = Path(folder)
    table = _read_csv(folder / "labels.csv", ("plateifu", *REQUIRED))
    ids = [row["plateifu"].strip() for row in table]
    double = sorted({name for name in ids if ids.count(name) > 1}) if len(set(ids)) < len(ids) \
        else []
    if double:
        raise ValueError(f"{folder / 'labels.csv'} has two rows for {', '.join(double[:3])}")
    columns = {name: check_quality([_number(row.get(name)) for row in table],
                                   f"{name} in {folder / 'labels.csv'}", allowed)
               for name, allowed in COLUMNS.items()}
    labels = Labels(np.stack([columns["stel_qual"], columns["halpha_qual"]], axis=1),
                    np.stack([columns["stel_feature"], columns["halpha_feature"]], axis=1),
                    columns["halpha_notes"])
    source = folder / "velocity_maps.npz"
    fields = _packed(source, ids) if source.exists() else _files(folder, ids, progress)
    repeats = []
    if (folder / "repeats.csv").exists():
        repeats = [(row["plateifu"], row["repeat"])
                   for row in _read_csv(folder / "repeats.csv", ("plateifu", "repeat"))]
    lattices = [make_lattice(*pair) for pair in fields]
    kept = np.array([lattice is not None for lattice in lattices])
    return Dataset(np.array(ids)[kept], [lattice for lattice in lattices if lattice is not None],
                   labels[kept], repeats)


def _read_csv(path, needed):
    if not path.exists():
        raise FileNotFoundError(f"there is no {path}: training needs a table with the columns "
                                f"{', '.join(needed)}")
    with open(path, newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        missing = [name for name in needed if name not in (reader.fieldnames or ())]
        if missing:
            raise ValueError(f"{path} has no column {', '.join(missing)}; it has "
                             f"{', '.join(reader.fieldnames or ['no header'])}")
        return list(reader)


def _number(text):
    if text is None or not text.strip():
        return np.nan
    try:
        return float(text)
    except ValueError:
        # told with the name of the column
        return text


def _packed(path, ids):
    """Yield the fields of each galaxy of the packed set of maps."""
    maps = PackedMaps(path)
    place = {name: number for number, name in enumerate(maps.names)}
    unknown = [name for name in ids if (name, "stellar") not in place
               and (name, "gas") not in place]
    if unknown:
        raise ValueError(f"{path} has no map of {len(unknown)} galaxies of the label table, for "
                         f"instance {unknown[0]}")
    for name in ids:
        yield [maps[place[name, component]] if (name, component) in place else None
               for component in ("stellar", "gas")]


def _files(folder, ids, progress):
    """Yield the cleaned fields of each galaxy of a folder of files."""
    from tqdm import tqdm

    from kinmis import Galaxy
    names = sorted(path for path in folder.rglob("*") if ".fits" in path.suffixes)
    if not names:
        raise FileNotFoundError(f"{folder} has neither velocity_maps.npz nor FITS files")
    paths = {}
    for name in ids:
        matching = [path for path in names if name in path.name.replace(".", "-").split("-")
                    or f"-{name}-" in f"-{path.name.split('.')[0]}-"]
        if len(matching) != 1:
            raise ValueError(f"{len(matching)} files in {folder} have {name} in their name; "
                             "each galaxy of the label table needs one")
        paths[name] = matching[0]

    def read(name):
        galaxy = Galaxy.read(str(paths[name])).clean()
        return galaxy.stellar, galaxy.gas

    with ThreadPoolExecutor(2) as pool:
        yield from tqdm(pool.map(read, ids), total=len(ids), disable=not progress, unit="galaxy")
