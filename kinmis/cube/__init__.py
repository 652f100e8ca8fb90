"""
Velocity fields measured in cubes of spectra.

`measure_field` opens a cube, finds the lines where the redshift says, fits them in every spaxel
or bin, and returns a `~kinmis.VelocityField`. `Templates` are what stars are fitted with.
"""

from kinmis.cube.field import measure_field
from kinmis.cube.stars import Templates

__all__ = ["Templates", "measure_field"]
