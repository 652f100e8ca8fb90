"""Position angles: the fit, its engines and the arithmetic of angles."""

from kinmis.position_angle.fit import fit_pa
from kinmis.position_angle.result import PositionAngle

__all__ = ["PositionAngle", "fit_pa"]
