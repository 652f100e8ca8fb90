"""
Model galaxies with known truth, as objects and as files.

`velocity_field` and `galaxy` make discs of any position angle, with seeing, noise, bins and
defects; ``meta["truth"]`` tells what went in, `noiseless` gives the field without the noise.
`write_maps` writes a galaxy as a file of the MaNGA survey, so that everything from a file on
can be tried without data.
"""

from kinmis.mock.cube import MockCube, cube
from kinmis.mock.field import disc_and_grid, noiseless, velocity_field
from kinmis.mock.footprint import BUNDLES, Grid, make_grid
from kinmis.mock.maps_file import write_maps
from kinmis.mock.model import CURVES, Bar, Core, Disc, Warp, disc_velocity
from kinmis.mock.target import galaxy

__all__ = ["BUNDLES", "CURVES", "Bar", "Core", "Disc", "Grid", "MockCube", "Warp", "cube",
           "disc_and_grid", "disc_velocity", "galaxy", "make_grid", "noiseless", "velocity_field",
           "write_maps"]
