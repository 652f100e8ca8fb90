"""Fixtures that all tests share."""

import os
from pathlib import Path

import pytest
from survey_files import make

from kinmis import mock


@pytest.fixture(scope="session")
def shared_data():
    """Folder with real data of several surveys; tests that need it skip where it is absent."""
    asked = os.environ.get("KINMIS_TEST_DATA")
    folder = Path(asked) if asked else Path(__file__).parents[2] / "shared" / "data"
    if not folder.is_dir():
        if asked:
            pytest.fail(f"KINMIS_TEST_DATA names {folder}, which is no folder")
        pytest.skip(f"no real data: {folder} is absent and KINMIS_TEST_DATA is not set")
    return folder


@pytest.fixture(scope="session")
def manga_maps_file(shared_data):
    """A real MAPS file of MaNGA (DR15 schema)."""
    return shared_data / "ifu" / "manga" / "manga-7815-3702-MAPS-HYB10-GAU-MILESHC.fits.gz"


@pytest.fixture(scope="session")
def three_files(tmp_path_factory):
    """Three galaxies as MAPS files; the folder has accents."""
    folder = tmp_path_factory.mktemp("données")
    return [str(mock.write_maps(make(40, angle, seed=seed, id=f"9000{seed}-1901"), folder))
            for seed, angle in enumerate((43, 130, 220))]
