"""Model galaxies with known truth, as objects and as files."""

from kinmis.mock.field import disc_and_grid, noiseless, velocity_field
from kinmis.mock.footprint import BUNDLES, Grid, make_grid
from kinmis.mock.maps_file import write_maps
from kinmis.mock.model import CURVES, Bar, Core, Disc, Warp, disc_velocity
from kinmis.mock.target import galaxy

__all__ = ["BUNDLES", "CURVES", "Bar", "Core", "Disc", "Grid", "Warp", "disc_and_grid",
           "disc_velocity", "galaxy", "make_grid", "noiseless", "velocity_field", "write_maps"]
