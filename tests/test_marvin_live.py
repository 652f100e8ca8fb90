"""The survey's own servers: run with ``pytest --remote-data tests/test_marvin_live.py``."""

import numpy as np
import pytest

from kinmis import Galaxy, VelocityField
from kinmis.marvin import NotFoundError, OutageError, download_summary
from kinmis.marvin.summary import read_summary

pytestmark = pytest.mark.remote_data

PLATEIFU = "8485-1901"


@pytest.fixture(autouse=True)
def _nothing_local(tmp_path, monkeypatch):
    from astropy.config import set_temp_cache
    monkeypatch.delenv("SAS_BASE_DIR", raising=False)
    with set_temp_cache(tmp_path):
        yield


@pytest.mark.parametrize("release", ["DR17", "DR15"])
def test_api_equals_the_archive(release):
    file = Galaxy.from_marvin(PLATEIFU, release=release, access="sas")
    try:
        galaxy = Galaxy.from_marvin(PLATEIFU, release=release, access="api")
    except OutageError as error:
        pytest.xfail(f"Marvin is out of order: {error}")
    for component, field in galaxy.fields.items():
        other = file.fields[component]
        for name in ("data", "mask", "bin_id", "ivar", "east", "north"):
            np.testing.assert_array_equal(getattr(field, name), getattr(other, name))
    for key in ("id", "mangaid", "ra", "dec", "z", "reff", "photometric_pa", "ellipticity"):
        assert galaxy.meta[key] == file.meta[key]


def test_some_way_works():
    field = VelocityField.from_marvin(PLATEIFU)
    assert field.id == PLATEIFU and field.meta["access"] in ("api", "sas")
    assert field.fit_pa().ok


def test_no_such_observation():
    with pytest.raises((NotFoundError, OutageError)):
        Galaxy.from_marvin("9999-1901", access="sas")


def test_summary():
    summary = read_summary(download_summary())
    assert len(summary) > 10_000 and 0 < summary[PLATEIFU]["z"] < 0.2
