"""Which channels are fitted, and with which lines, for a galaxy at a redshift."""

import numpy as np

from kinmis.cube.line_fit import C_KMS, LineModel
from kinmis.cube.spectral_axis import instrument_dispersion

__all__ = ["make_plan"]


def make_plan(axis, lines, z, *, lsf, v_max, sigma_max, window, degree, where):
    """
    Return the channels around a complex of lines, and the model to fit there.

    Parameters
    ----------
    axis : `~kinmis.cube.spectral_axis.SpectralAxis`
        Wavelengths of the cube.
    lines : `~kinmis.cube.lines.LineComplex`
        Lines.
    z : float
        Redshift.
    lsf : object
        See `~kinmis.cube.spectral_axis.instrument_dispersion`.
    v_max, sigma_max : float
        Largest velocity and observed dispersion (km/s).
    window : float
        Continuum beyond the outermost lines at ``v_max`` (km/s).
    degree : int
        Of the polynomial for the continuum.
    where : str
        The cube, for messages.

    Returns
    -------
    channels : slice
        Of increasing wavelength.
    model : `~kinmis.cube.line_fit.LineModel`

    Raises
    ------
    ValueError
        If the line is outside the range of the cube, or too close to its end.
    """
    wavelength = axis.wavelength
    groups, kept = [], 0
    low, high = wavelength[0], wavelength[-1]
    for number, group in enumerate(lines.groups):
        observed = [(place * (1 + z), part) for place, part in group]
        # a line beyond the end is left out, with all its velocities
        there = [item for item in observed
                 if low < item[0] * (1 + v_max / C_KMS) and item[0] * (1 - v_max / C_KMS) < high]
        if number < lines.main and (not there or there[0] != observed[0]
                                    or not low < there[0][0] < high):
            raise ValueError(f"{where}: the line {lines.name} lies at {observed[0][0]:.1f} "
                             f"Angstrom for z={z:.5g}, outside the range of the cube, {low:.1f} to "
                             f"{high:.1f} Angstrom")
        if there:
            groups.append(tuple(there))
            kept += number < lines.main
    places = np.array([place for group in groups for place, _ in group])
    reach = (v_max + window) / C_KMS
    inside = ((wavelength > places.min() * (1 - reach))
              & (wavelength < places.max() * (1 + reach)))
    first, last = np.flatnonzero(inside)[[0, -1]]
    channels = slice(int(first), int(last) + 1)
    part = wavelength[channels]
    parameters = len(groups) + degree + 3
    if len(part) < 2 * parameters:
        raise ValueError(f"{where} has only {len(part)} channels around the line {lines.name} at "
                         f"{places[0]:.1f} Angstrom, for a fit of {parameters} parameters; widen "
                         "window=")
    step = C_KMS * float(np.median(np.diff(part))) / places[0]
    instrument = instrument_dispersion(lsf, wavelength, places)
    smallest = max(0.7 * instrument[0], 0.4 * step)
    if not smallest * 1.5 < sigma_max:
        raise ValueError(f"sigma_max={sigma_max:g} km/s is too small for channels of {step:.0f} "
                         f"km/s and an instrumental dispersion of {instrument[0]:.0f} km/s")
    return channels, LineModel(part, tuple(groups), kept, instrument, degree, v_max,
                               (smallest, sigma_max), 22.0 if lines.blended else 9.0)
