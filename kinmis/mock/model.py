"""Velocity of a rotating disc along the line of sight, and the ways it departs from one."""

from dataclasses import dataclass, fields

import astropy.units as u
import numpy as np

from kinmis._units import KMS, scalar_in, values_in

__all__ = ["CURVES", "Bar", "Core", "Disc", "Warp", "disc_velocity"]

SIGMA_OF_FWHM = 1 / (2 * np.sqrt(2 * np.log(2)))

# rotation speed over v_max as a function of radius over turnover radius
CURVES = {
    "arctan": lambda x: 2 / np.pi * np.arctan(x),
    "tanh": np.tanh,
    "hyperbolic": lambda x: x / np.sqrt(1 + x**2),
    "exponential": lambda x: 1 - np.exp(-x),
    # a Plummer sphere, whose speed is largest at sqrt(2) turnover radii and falls outside
    "declining": lambda x: 3**0.75 / 2**0.5 * x * (1 + x**2) ** -0.75,
}


@dataclass(frozen=True)
class Warp:
    """
    Rings whose PA turns with radius: constant inside ``r_start``, linear outside.

    Radii are projected ones, so that the velocity along a circle on the sky is largest
    exactly at the PA of that radius.

    Parameters
    ----------
    angle : float
        Change of the PA between ``r_start`` and ``r_end`` (deg); it goes on outside.
    r_start, r_end : float
        Projected radii in arcsec, ``r_start < r_end``.

    Raises
    ------
    ValueError
        If the radii are not in order.

    Examples
    --------
    >>> from kinmis.mock import Warp
    >>> print(Warp(angle=20, r_start=5, r_end=10).turn(7.5))
    10.0
    """

    angle: float
    r_start: float
    r_end: float

    def __post_init__(self):
        if not 0 <= self.r_start < self.r_end:
            raise ValueError("a warp needs 0 <= r_start < r_end, not "
                             f"{self.r_start} and {self.r_end} arcsec")

    def turn(self, radius):
        """Return how far the PA has turned (deg) at a projected radius (arcsec)."""
        return self.angle * np.maximum((radius - self.r_start) / (self.r_end - self.r_start), 0)


@dataclass(frozen=True)
class Bar:
    """
    Streaming along a bar: an m = 2 distortion in the plane, m = 1 and 3 on the sky.

    Parameters
    ----------
    amplitude : float
        Tangential streaming as a fraction of the rotation speed.
    angle : float
        Angle in the plane of the disc from the receding major axis to the bar (deg).
    radius : float
        The streaming falls as a Gaussian of this radius (arcsec, in the plane).
    radial : float, optional
        Radial streaming over tangential; with 1 there is no m = 3 on the sky.

    Raises
    ------
    ValueError
        If the radius is not positive.

    Notes
    -----
    The bisymmetric flow of Spekkens and Sellwood 2007 (ApJ 664, 204), equation 5.

    Examples
    --------
    >>> from kinmis import mock
    >>> bar = mock.Bar(amplitude=0.3, angle=30, radius=5)
    >>> field = mock.velocity_field(bar=bar, seed=1)
    """

    amplitude: float
    angle: float
    radius: float
    radial: float = 0.5

    def __post_init__(self):
        if not self.radius > 0:
            raise ValueError(f"the radius of a bar must be positive, not {self.radius} arcsec")


@dataclass(frozen=True)
class Core:
    """
    A kinematically decoupled core.

    Parameters
    ----------
    angle : float
        PA of the core minus PA of the disc (deg); 180 counter-rotates.
    radius : float
        Projected radius (arcsec) at which core and disc have equal weight.
    v_max, r_turn : float, optional
        Rotation of the core (km/s, arcsec), by default as the disc.

    Raises
    ------
    ValueError
        If the radius is not positive.

    Examples
    --------
    >>> from kinmis import mock
    >>> core = mock.Core(angle=180, radius=4, v_max=80)
    >>> field = mock.velocity_field(core=core, seed=1)
    """

    angle: float
    radius: float
    v_max: float | None = None
    r_turn: float | None = None

    def __post_init__(self):
        if not self.radius > 0:
            raise ValueError(f"the radius of a core must be positive, not {self.radius} arcsec")

    def weight(self, radius):
        """Return the weight of the core at a projected radius (arcsec)."""
        return 1 / (1 + (radius / self.radius) ** 8)


@dataclass(frozen=True)
class Disc:
    """
    A thin, inclined, rotating disc; plain numbers in km/s, arcsec and degrees.

    Parameters
    ----------
    pa : float
        PA of the receding side, North through East.
    inclination : float
        0 is face-on; below 90.
    v_max : float
        Speed in the plane where the rotation curve is flat (or largest).
    r_turn : float
        Turnover radius of the rotation curve.
    v_sys : float
        Velocity of the centre.
    center : tuple of float
        Offset of the centre to the East and to the North.
    curve : str
        Shape of the rotation curve: a name in `CURVES`.
    scale_length : float
        Exponential scale length of the light, in the plane.
    warp : `Warp`, optional
    bar : `Bar`, optional
    core : `Core`, optional

    Raises
    ------
    ValueError
        If a parameter is out of its range.

    Examples
    --------
    >>> from kinmis.mock import Disc
    >>> disc = Disc(pa=90, inclination=30, v_max=200, r_turn=1, curve="tanh")
    >>> print(disc.velocity(east=8.0, north=0.0).round(3))
    100.0
    """

    pa: float = 30.0
    inclination: float = 60.0
    v_max: float = 150.0
    r_turn: float = 2.0
    v_sys: float = 0.0
    center: tuple = (0.0, 0.0)
    curve: str = "arctan"
    scale_length: float = 4.0
    warp: Warp | None = None
    bar: Bar | None = None
    core: Core | None = None

    def __post_init__(self):
        if not 0 <= self.inclination < 90:
            raise ValueError("inclination must be at least 0 and below 90 deg (the disc is "
                             f"thin), not {self.inclination}")
        for name in ("r_turn", "scale_length"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be positive, not {getattr(self, name)} arcsec")
        if self.curve not in CURVES:
            raise ValueError(f"curve must be one of {', '.join(CURVES)}, not {self.curve!r}")

    def velocity(self, east, north):
        """Return the velocity (km/s) at offsets in arcsec."""
        return self._rotation(east, north)[0] + self.v_sys

    def light_and_velocity(self, east, north):
        """Return the surface brightness (1 at the centre) and the velocity (km/s)."""
        velocity, radius = self._rotation(east, north)
        return self._light(radius), velocity + self.v_sys

    def light(self, east, north):
        """Return the surface brightness (1 at the centre) at offsets in arcsec."""
        return self._light(self._plane(east, north, self.pa)[1])

    def _light(self, radius):
        # the limit keeps the light from vanishing, since velocities are divided by it
        return np.exp(-np.minimum(radius / self.scale_length, 500))

    def _plane(self, east, north, pa):
        """Return the coordinate along the major axis, the radius, and that along the minor."""
        pa = np.deg2rad(pa)
        sine, cosine = np.sin(pa), np.cos(pa)
        east, north = east - self.center[0], north - self.center[1]
        along = east * sine + north * cosine
        across = (east * cosine - north * sine) / np.cos(np.deg2rad(self.inclination))
        return along, np.sqrt(along**2 + across**2), across

    def _rotation(self, east, north):
        """Return the velocity less ``v_sys``, and the radius in the plane."""
        pa, apparent = self.pa, None
        if self.warp is not None or self.core is not None:
            apparent = np.hypot(east - self.center[0], north - self.center[1])
        if self.warp is not None:
            pa = pa + self.warp.turn(apparent)
        along, radius, across = self._plane(east, north, pa)
        velocity = self._speed(along, radius, self.v_max, self.r_turn)
        if self.bar is not None:
            velocity = velocity - self._streaming(along, radius, across)
        if self.core is not None:
            core = self.core
            x, r, _ = self._plane(east, north, self.pa + core.angle)
            inner = self._speed(x, r, self.v_max if core.v_max is None else core.v_max,
                                self.r_turn if core.r_turn is None else core.r_turn)
            weight = core.weight(apparent)
            velocity = weight * inner + (1 - weight) * velocity
        return velocity, radius

    def _speed(self, along, radius, v_max, r_turn):
        """Return the projected rotation: v(R) sin(i) times the cosine of the azimuth."""
        radius = np.maximum(radius, 1e-9 * r_turn)  # the curves are linear there, 0/0 is not
        amplitude = v_max * np.sin(np.deg2rad(self.inclination))
        return amplitude * CURVES[self.curve](radius / r_turn) * (along / radius)

    def _streaming(self, along, radius, across):
        azimuth = np.arctan2(across, along)
        from_bar = 2 * (azimuth - np.deg2rad(self.bar.angle))
        amplitude = (self.bar.amplitude * self.v_max * CURVES[self.curve](radius / self.r_turn)
                     * np.exp(-0.5 * (radius / self.bar.radius) ** 2)
                     * np.sin(np.deg2rad(self.inclination)))
        return amplitude * (np.cos(from_bar) * np.cos(azimuth)
                            + self.bar.radial * np.sin(from_bar) * np.sin(azimuth))

    def observed(self, east, north, psf_fwhm):
        """
        Return the velocity (km/s) at any offsets (arcsec) as seen through a Gaussian PSF.

        Weighted with the light, and summed over a grid of the PSF that reaches 5 sigma. A
        whole map is smeared faster, and finer, by `kinmis.mock.Grid.smear`.
        """
        if not psf_fwhm:
            return self.velocity(east, north)
        steps = np.arange(-13, 14) / 2.6
        light = moment = 0.0
        for step_east in steps:
            for step_north in steps:
                radius = np.hypot(step_east, step_north)
                if radius > 5:
                    continue
                sigma = psf_fwhm * SIGMA_OF_FWHM
                flux, velocity = self.light_and_velocity(east + sigma * step_east,
                                                         north + sigma * step_north)
                flux = flux * np.exp(-0.5 * radius**2)
                light = light + flux
                moment = moment + flux * velocity
        return moment / light

    def to_dict(self):
        """Return the parameters as a plain dict that JSON can hold."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        values["center"] = list(self.center)
        for name in ("warp", "bar", "core"):
            if values[name] is not None:
                values[name] = {f.name: getattr(values[name], f.name)
                                for f in fields(values[name])}
        return values

    @classmethod
    def from_dict(cls, values):
        """Make a disc from `to_dict` or from the truth of a mock; other keys are left out."""
        values = {field.name: values[field.name] for field in fields(cls) if field.name in values}
        values["center"] = tuple(values.get("center", (0.0, 0.0)))
        for name, kind in (("warp", Warp), ("bar", Bar), ("core", Core)):
            if isinstance(values.get(name), dict):
                values[name] = kind(**values[name])
        return cls(**values)


def disc_velocity(east, north, pa, inclination, v_max, r_turn, v_sys=0.0, *, center=(0, 0),
                  curve="arctan", psf_fwhm=0.0, scale_length=4.0, warp=None, bar=None, core=None):
    """
    Line-of-sight velocity of a thin rotating disc.

    Parameters
    ----------
    east, north : `~astropy.units.Quantity` or array-like
        Offsets to the East and North; plain numbers are arcsec.
    pa : `~astropy.units.Quantity` or float
        PA of the receding side, North through East (deg).
    inclination : `~astropy.units.Quantity` or float
        0 is face-on; below 90 (deg).
    v_max : `~astropy.units.Quantity` or float
        Speed in the plane where the rotation curve is flat (km/s).
    r_turn : `~astropy.units.Quantity` or float
        Turnover radius (arcsec).
    v_sys : `~astropy.units.Quantity` or float, optional
        Velocity of the centre (km/s).
    center : pair of `~astropy.units.Quantity` or float, optional
        Offset of the centre to the East and North (arcsec).
    curve : {"arctan", "tanh", "hyperbolic", "exponential", "declining"}, optional
        Shape of the rotation curve.
    psf_fwhm : `~astropy.units.Quantity` or float, optional
        Full width at half maximum of a Gaussian PSF (arcsec); 0 for none.
    scale_length : `~astropy.units.Quantity` or float, optional
        Exponential scale length of the light that weights the PSF (arcsec).
    warp : `~kinmis.mock.Warp`, optional
        A PA that turns with radius.
    bar : `~kinmis.mock.Bar`, optional
        Streaming along a bar.
    core : `~kinmis.mock.Core`, optional
        A kinematically decoupled core.

    Returns
    -------
    velocity : `~astropy.units.Quantity` or `~numpy.ndarray`
        In km/s; a Quantity if ``east`` is one.

    Raises
    ------
    ValueError
        If a parameter is out of its range.
    astropy.units.UnitsError
        If a unit is of the wrong kind.

    Examples
    --------
    >>> from kinmis.mock import disc_velocity
    >>> east, north = [0, 10, -10], [0, 0, 0]
    >>> disc_velocity(east, north, pa=90, inclination=30, v_max=200, r_turn=1).round(1)
    array([  0. ,  93.7, -93.7])
    """
    disc = Disc(
        pa=scalar_in(pa, u.deg, "pa"), inclination=scalar_in(inclination, u.deg, "inclination"),
        v_max=scalar_in(v_max, KMS, "v_max"), r_turn=scalar_in(r_turn, u.arcsec, "r_turn"),
        v_sys=scalar_in(v_sys, KMS, "v_sys"), curve=curve, warp=warp, bar=bar, core=core,
        center=tuple(scalar_in(c, u.arcsec, "center") for c in center),
        scale_length=scalar_in(scale_length, u.arcsec, "scale_length"))
    velocity = disc.observed(values_in(east, u.arcsec, "east"),
                             values_in(north, u.arcsec, "north"),
                             scalar_in(psf_fwhm, u.arcsec, "psf_fwhm"))
    return velocity << KMS if isinstance(east, u.Quantity) else velocity
