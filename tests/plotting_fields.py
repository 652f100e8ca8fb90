"""Fields with known velocities, and ways to find what was drawn; for the tests of pictures."""

import matplotlib
import numpy as np
import pytest
from matplotlib import pyplot as plt

from kinmis import Galaxy, PositionAngle, VelocityField

# how columns and rows of a map may run on the sky: steps (east, north) of a column and a row
GRIDS = {
    "columns west": [(-0.5, 0), (0, 0.5)],
    "columns east": [(0.5, 0), (0, 0.5)],
    "rows south": [(0.5, 0), (0, -0.5)],
    "transposed": [(0, 0.5), (0.5, 0)],
    "rotated": [(0.4, 0.3), (-0.3, 0.4)],
    "rotated, mirrored": [(-0.4, 0.3), (0.3, 0.4)],
}


def disc(pa=40., *, grid="columns west", shape=(31, 33), v_sys=12., outside=7.5, **keywords):
    """Return a round field whose velocity is known at each position."""
    row, column = (axis - size // 2 for axis, size in zip(np.indices(shape), shape))
    (east_c, north_c), (east_r, north_r) = GRIDS[grid]
    east, north = column * east_c + row * east_r, column * north_c + row * north_r
    velocity = np.where(np.hypot(east, north) < outside, known(east, north, pa) + v_sys, np.nan)
    return VelocityField.from_arrays(velocity, east=east, north=north, **keywords)


def known(east, north, pa):
    """Return a velocity that rises linearly towards the position angle, in km/s."""
    pa = np.radians(pa)
    return 20 * (east * np.sin(pa) + north * np.cos(pa))


def fit_of(field, pa=40., error=3., v_sys=12., flags=0, model=True, **values):
    """Return the result of a fit as if `fit_pa` had made it."""
    def model_of():
        return known(field.east.value, field.north.value, pa) + v_sys
    values = {"pa": pa, "pa_err": error, "pa_lower_68": pa - error, "pa_upper_68": pa + error,
              "v_sys": v_sys, "v_sys_err": 0.4, "flags": flags, **values}
    return PositionAngle(values, source=field, model_of=model_of if model else None)


def pair(**keywords):
    """Return a galaxy whose gas is misaligned."""
    return Galaxy(disc(40, component="stellar", **keywords),
                  disc(130, component="gas", line="Ha-6564", v_sys=-30, **keywords), id="8485-1901")


def artist(ax, gid):
    """Return the one artist of a panel with a given name."""
    found = ax.findobj(lambda child: child.get_gid() == gid)
    assert len(found) == 1, f"{len(found)} x {gid}"
    return found[0]


def words(figure):
    """Return all that is written in a figure."""
    return " | ".join(text.get_text() for text in figure.findobj(matplotlib.text.Text))


def centers(collection):
    """Return the middle of each cell that is drawn, (east, north)."""
    return np.array([path.vertices[:-1].mean(axis=0) for path in collection.get_paths()])


@pytest.fixture(autouse=True)
def nothing_leaks():
    """Pictures leave no figure with pyplot, and the settings as they were."""
    before = dict(matplotlib.rcParams)
    yield
    assert dict(matplotlib.rcParams) == before
    assert not plt.get_fignums()
