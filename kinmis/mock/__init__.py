"""Model galaxies with known truth, as objects and as files."""

from kinmis.mock.field import velocity_field
from kinmis.mock.footprint import BUNDLES, Grid, make_grid
from kinmis.mock.model import CURVES, Bar, Core, Disc, Warp, disc_velocity
from kinmis.mock.target import galaxy

__all__ = ["BUNDLES", "CURVES", "Bar", "Core", "Disc", "Grid", "Warp", "disc_velocity", "galaxy",
           "make_grid", "velocity_field"]
