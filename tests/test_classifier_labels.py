"""Labels and label tables: what they may hold, and what becomes of the rest."""

import numpy as np
import pytest
from classifier_helper import COLUMNS, labelled_galaxies, plates, write_labels, write_packed

from kinmis import mock
from kinmis.classifier.dataset import load_dataset
from kinmis.classifier.labels import Labels, check_quality
from kinmis.exceptions import InvalidValueWarning


def test_values_that_may_be():
    assert check_quality([0, 1.0, 2]).tolist() == [0, 1, 2]
    assert check_quality([np.nan, -1, None, 2]).tolist() == [-1, -1, -1, 2]
    masked = np.ma.MaskedArray([0, 1, 2], [False, True, False])
    assert check_quality(masked).tolist() == [0, -1, 2]
    assert check_quality([]).tolist() == []


@pytest.mark.parametrize("values, match", [
    ([0, 3, 2, 3], r"2 of the labels are none of \(0, 1, 2\) \(3\): dropped"),
    ([12, 0, 1, 0.5], r"2 of the labels .* \(0.5, 12\): dropped"),
    ([0, 1, 2, np.inf, -2], r"1 of the labels .* \(-2\): dropped")])
def test_values_outside_are_dropped_with_a_warning(values, match):
    with pytest.warns(InvalidValueWarning, match=match):
        found = check_quality(values)
    assert set(found) <= {-1, 0, 1, 2} and len(found) == len(values)


@pytest.mark.parametrize("values", [["good", "bad"], [[1, 2], [3]], [object()]])
def test_values_that_are_no_numbers(values):
    with pytest.raises(ValueError, match=r"the labels must be numbers, one of \(0, 1, 2\)"):
        check_quality(values, "the labels")


def test_labels_are_cut():
    labels = Labels([[0, 1], [2, -1]])
    assert len(labels) == 2
    assert labels.features.tolist() == [[-1, -1]] * 2 and labels.notes.tolist() == [-1, -1]
    assert labels[np.array([1])].quality.tolist() == [[2, -1]]


@pytest.fixture
def folder(tmp_path):
    """A small labelled set, and its rows."""
    names = [f"{plate}-1901" for plate in plates(train=2, validation=2)]
    galaxies, rows = labelled_galaxies(names)
    write_packed(tmp_path, galaxies)
    return tmp_path, rows


def test_packed_set(folder):
    path, rows = folder
    write_labels(path / "labels.csv", rows)
    dataset = load_dataset(path)
    assert dataset.ids.tolist() == [row[0] for row in rows]
    assert dataset.sides.tolist() == ["train"] * 2 + ["validation"] * 2
    assert dataset.labels.quality.tolist() == [[row[1], row[3]] for row in rows]
    assert dataset.labels.features.tolist() == [[row[2], row[4]] for row in rows]
    lattices, labels = dataset.take(dataset.sides == "train")
    assert len(lattices) == len(labels) == 2 and lattices[0].present.all()
    assert lattices[0].n_bins[0] == pytest.approx(40, abs=3)


def test_packed_set_is_the_right_way_round(folder):
    path, rows = folder
    write_labels(path / "labels.csv", rows)
    galaxy = labelled_galaxies([rows[0][0]])[0][0]
    lattice = load_dataset(path).lattices[0]
    from classifier_helper import lattice_of
    other = lattice_of(galaxy)
    both = (lattice.bins[0] >= 0) & (other.bins[0] >= 0)
    # positions in the file are rounded, so that a point here and there takes its neighbour
    assert np.mean(np.abs(lattice.velocity[0] - other.velocity[0])[both] < 0.01) > 0.98


def test_labels_outside_are_dropped(folder):
    path, rows = folder
    rows[0] = (rows[0][0], 3, 0, 2, 0, 12)
    write_labels(path / "labels.csv", rows)
    with pytest.warns(InvalidValueWarning) as caught:
        dataset = load_dataset(path)
    assert [str(one.message).split(" of the ")[1].split(" in ")[0] for one in caught] == [
        "stel_qual", "halpha_notes"]
    assert dataset.labels.quality[0].tolist() == [-1, 2] and dataset.labels.notes[0] == -1


def test_blank_cells_and_missing_columns(folder):
    path, rows = folder
    write_labels(path / "labels.csv", [(name, "", 2) for name, *_ in rows],
                 ("plateifu", "stel_qual", "halpha_qual"))
    labels = load_dataset(path).labels
    assert set(labels.quality[:, 0]) == {-1} and set(labels.quality[:, 1]) == {2}
    assert set(labels.features.ravel()) == {-1}


@pytest.mark.parametrize("change, match", [
    (lambda rows: [*rows, ("1-1", 0, 0, 0, 0, 0)], "has no map of 1 galaxies .* instance 1-1"),
    (lambda rows: [*rows, rows[0]], "has two rows for "),
    (lambda rows: [(rows[0][0], "good", 0, 0, 0, 0)], "good")])
def test_tables_that_do_not_match(folder, change, match):
    path, rows = folder
    write_labels(path / "labels.csv", change(rows))
    with pytest.raises(ValueError, match=match):
        load_dataset(path)


def test_table_without_a_column(folder):
    path, rows = folder
    write_labels(path / "labels.csv", rows, ("plateifu", "quality", *COLUMNS[2:]))
    with pytest.raises(ValueError, match="has no column stel_qual; it has plateifu, quality"):
        load_dataset(path)
    (path / "labels.csv").write_text("")
    with pytest.raises(ValueError, match="it has no header"):
        load_dataset(path)


def test_folder_without_labels_or_fields(tmp_path):
    with pytest.raises(FileNotFoundError, match="labels.csv: training needs a table"):
        load_dataset(tmp_path)
    write_labels(tmp_path / "labels.csv", [("1-1", 0, 0, 0, 0, 0)])
    with pytest.raises(FileNotFoundError, match="neither velocity_maps.npz nor FITS files"):
        load_dataset(tmp_path)


@pytest.mark.parametrize("names", [("7443-1901", "8485-12702"), ("ngc1", "ngc10"),
                                   ("12345", "12346")])
def test_files(tmp_path, names):
    # names without a hyphen are groups of their own
    for name in names:
        galaxy = mock.galaxy(40, size=12., seed=1, id=name)
        galaxy.write(tmp_path / f"manga-{name}-MAPS.fits", format="kinmis")
    write_labels(tmp_path / "labels.csv", [(name, 2, 0, 2, 0, 0) for name in names])
    dataset = load_dataset(tmp_path)
    assert dataset.ids.tolist() == list(names) and len(dataset.lattices) == 2
    (tmp_path / f"manga-{names[0]}-MAPS.fits").rename(tmp_path / "other.fits")
    with pytest.raises(ValueError, match=rf"0 files in .* have {names[0]} in their name"):
        load_dataset(tmp_path)


def test_empty_fields_are_left_out(folder):
    path, rows = folder
    with np.load(path / "velocity_maps.npz") as file:
        data = dict(file)
    first = slice(0, data["offset"][2])
    data["values"][first] = np.nan
    np.savez(path / "velocity_maps.npz", **data)
    write_labels(path / "labels.csv", rows)
    dataset = load_dataset(path)
    assert dataset.ids.tolist() == [row[0] for row in rows[1:]]
    assert len(dataset.labels) == len(dataset.lattices) == 3


def test_real_set(shared_data):
    folder = shared_data / "manga_mpl8"
    with pytest.warns(InvalidValueWarning, match="1 of the halpha_notes .* are none of"):
        from kinmis.classifier.dataset import COLUMNS as ALLOWED
        from kinmis.classifier.dataset import _number, _read_csv
        rows = _read_csv(folder / "labels.csv", ("plateifu",))
        for name, allowed in ALLOWED.items():
            check_quality([_number(row[name]) for row in rows], f"{name} in x", allowed)
    assert len(rows) == 5200
