"""
Pictures of velocity fields (they need matplotlib: ``pip install "kinmis[plot]"``).

Every picture has North up and East left. It is drawn from the sky offsets of the spaxels,
never from the array axes, whose handedness differs between surveys.
"""

from kinmis.plotting.pictures import plot_field, plot_fit, plot_galaxy

__all__ = ["plot_field", "plot_fit", "plot_galaxy"]
