"""`VelocityField`: the velocity field of one component of one galaxy."""

import html

import astropy.units as u
import numpy as np
from astropy.io.registry import UnifiedReadWriteMethod
from astropy.nddata import InverseVariance, NDData, NDSlicingMixin

from kinmis import _sky
from kinmis._input import (COMPONENTS, check_bin_id, check_velocity, number_bins,
                           rank_bins)
from kinmis._meta import copy_meta, slice_maps
from kinmis._units import IVAR, KMS, scalar_in
from kinmis.readers.registry import VelocityFieldRead, VelocityFieldWrite

__all__ = ["VelocityField"]


class VelocityField(NDSlicingMixin, NDData):
    """
    Line-of-sight velocities of the stars or the gas of one galaxy, with their sky positions.

    A field is a 2-D map or a 1-D list of bins. Every array has the same shape. Fields are
    not changed in place: `clean` and slicing return new ones.

    Make one with `from_arrays` or `read` rather than by calling the class.

    Parameters
    ----------
    data : `~numpy.ndarray`
        Velocity in km/s, positive receding, relative to ``v_ref``. Values under the mask
        may be anything.
    east, north : `~astropy.units.Quantity`
        Offset of each spaxel or bin from the galaxy centre, to the East and to the North.
    mask : `~numpy.ndarray` of bool
        True where the velocity is bad.
    uncertainty : `~astropy.nddata.InverseVariance`, optional
        Inverse variance in (km/s)^-2.
    wcs : `~astropy.wcs.WCS`, optional
        Celestial WCS of a 2-D map.
    meta : dict, optional
        Metadata; see the notes for the keys that kinmis understands.
    bin_id : `~numpy.ndarray` of int, optional
        Number of the bin that a spaxel belongs to, negative for none. Spaxels of one bin
        repeat one measurement.
    component : {"stellar", "gas"}, optional
        What moves.
    line : str, optional
        Emission line of a gas field, such as ``"Ha-6564"``.
    v_ref : `~astropy.units.Quantity`, optional
        The velocity cz that counts as zero.
    partner : `VelocityField`, optional
        The other component of the same galaxy.
    unit : `~astropy.units.Unit`, optional
        Unit of ``data``; always km/s.

    Notes
    -----
    Keys of ``meta`` that have a meaning: ``id``, ``survey``, ``release``, ``source`` (where
    the data come from), ``access`` (which way they came, where there are several), ``ra`` and
    ``dec`` (deg), ``z`` (redshift), ``reff`` (effective radius, arcsec), ``photometric_pa``
    (deg, North through East), ``ellipticity``, ``psf_fwhm`` (arcsec), ``spaxel`` (arcsec),
    ``cleaning`` (what `clean` did), ``orientation`` (``"assumed"`` where the source does not
    tell which way is East).
    ``maps`` is a dict of more arrays of the field's shape, which are sliced with it.
    Quantities are `~astropy.units.Quantity`.

    Examples
    --------
    >>> import numpy as np
    >>> from kinmis import VelocityField
    >>> north, east = np.mgrid[-8:9, -8:9] * 0.5
    >>> field = VelocityField.from_arrays(12 * east, east=east, north=north,
    ...                                   component="stellar")
    >>> field
    <VelocityField: stellar, 17 x 17, 289 valid, -48 to 48 km/s>
    >>> field[4:13, 4:13].shape
    (9, 9)
    """

    read = UnifiedReadWriteMethod(VelocityFieldRead)
    write = UnifiedReadWriteMethod(VelocityFieldWrite)

    def __init__(self, data, *, east, north, mask=None, uncertainty=None, wcs=None, meta=None,
                 bin_id=None, component=None, line=None, v_ref=None, partner=None, unit=KMS):
        super().__init__(data, uncertainty=uncertainty, mask=mask, wcs=wcs, meta=meta, unit=unit)
        if self.mask is None:
            self.mask = ~np.isfinite(self.data)
        self._east = u.Quantity(east, u.arcsec, copy=False)
        self._north = u.Quantity(north, u.arcsec, copy=False)
        self._bin_id = bin_id
        self._component = component
        self._line = line
        self._v_ref = v_ref
        self._partner = partner

    @classmethod
    def from_arrays(cls, velocity, *, east=None, north=None, center=None, mask=None, ivar=None,
                    error=None, bin_id=None, component=None, line=None, v_ref=None, wcs=None,
                    meta=None):
        """
        Make a field from arrays.

        Parameters
        ----------
        velocity : `~astropy.units.Quantity` or array-like
            Velocity, 1-D or 2-D; plain numbers are km/s. NaN means no measurement.
        east, north : `~astropy.units.Quantity` or array-like, optional
            Sky offsets, same shape; plain numbers are arcsec. Needed without ``wcs``.
        center : `~astropy.coordinates.SkyCoord` or pair of `~astropy.units.Quantity`, optional
            Centre of the galaxy: with ``wcs`` a sky position (by default the reference
            position of the WCS), with ``east`` and ``north`` an offset that is subtracted.
        mask : array-like of bool, optional
            True where bad.
        ivar, error : `~astropy.units.Quantity` or array-like, optional
            Inverse variance or 1-sigma error of the velocity (one of them). Zero or NaN
            inverse variance means no measurement.
        bin_id : array-like of int, optional
            Bin number of each spaxel, negative for none.
        component : {"stellar", "gas"}, optional
            What moves.
        line : str, optional
            Emission line of a gas field.
        v_ref : `~astropy.units.Quantity` or float, optional
            The velocity cz that counts as zero; plain numbers are km/s.
        wcs : `~astropy.wcs.WCS`, optional
            Celestial WCS of a map.
        meta : dict, optional
            Metadata.

        Returns
        -------
        field : `VelocityField`

        Raises
        ------
        ValueError
            If shapes differ, if there are neither offsets nor a WCS, or if an argument has
            a value that it can't have.
        astropy.units.UnitsError
            If a unit is of the wrong kind.

        Warns
        -----
        InvalidValueWarning
            If spaxels outside the mask have an infinite velocity, or a negative or infinite
            inverse variance: they are masked.

        Examples
        --------
        >>> import astropy.units as u
        >>> from kinmis import VelocityField
        >>> field = VelocityField.from_arrays([-20, 0, 20] * u.km / u.s,
        ...                                   east=[-1, 0, 1] * u.arcsec,
        ...                                   north=[0, 0, 0] * u.arcsec)
        >>> field.velocity
        <Quantity [-20.,   0.,  20.] km / s>
        """
        velocity, mask, ivar = check_velocity(velocity, mask, ivar, error)
        east, north = _sky.offsets(east, north, center, wcs, velocity.shape)
        if component not in COMPONENTS and component is not None:
            raise ValueError(f"component must be one of {COMPONENTS} or None, not {component!r}")
        v_ref = scalar_in(v_ref, KMS, "v_ref")
        outside = ~(np.isfinite(east) & np.isfinite(north))
        return cls(
            velocity, east=east << u.arcsec, north=north << u.arcsec, mask=mask | outside,
            uncertainty=None if ivar is None else InverseVariance(ivar, unit=IVAR, copy=False),
            wcs=wcs if velocity.ndim == 2 else None, meta=dict(meta or {}),
            bin_id=check_bin_id(bin_id, velocity.shape), component=component, line=line,
            v_ref=None if v_ref is None else v_ref * KMS)

    @classmethod
    def from_marvin(cls, plateifu, component="stellar", release="DR17", bintype=None,
                    template=None, access="auto", base_url=None, timeout=30., **options):
        """
        Read the field of a galaxy of MaNGA over the network.

        It needs neither the package marvin nor a password.

        Parameters
        ----------
        plateifu : str
            Such as ``"8485-1901"``.
        component : {"stellar", "gas"}, optional
            Which field; the other one is its ``partner``.
        release : {"DR17", "DR16", "DR15"}, optional
            Data release.
        bintype, template : str, optional
            Bins and templates, by default those that Marvin has.
        access : {"auto", "api", "sas", "local", "package"}, optional
            Which way: from Marvin's API, as a file from the survey's archive (kept in
            astropy's cache), from a local file below ``$SAS_BASE_DIR``, or through the
            package marvin. ``"auto"`` takes a file that is there already, then the API, and
            the archive if that is out of order.
        base_url : str, optional
            Root of the Marvin server, by default the survey's.
        timeout : float, optional
            Seconds in which a connection has to be there, and each piece of an answer to come.
        **options
            Further options of `kinmis.marvin.reader.read_marvin`, such as ``line``,
            ``mask_bits``, ``tries`` and ``rate``.

        Returns
        -------
        field : `VelocityField`
            ``meta["access"]`` and ``meta["source"]`` tell which way it came.

        Raises
        ------
        FileNotFoundError
            If there is no such observation.
        OSError, ValueError, ImportError
            As for `kinmis.marvin.reader.read_marvin`.

        Warns
        -----
        FallbackWarning
            If it came from the archive, since Marvin did not have it.

        Examples
        --------
        >>> from kinmis import VelocityField
        >>> field = VelocityField.from_marvin("8485-1901")    # doctest: +REMOTE_DATA
        >>> field.id                                          # doctest: +REMOTE_DATA
        '8485-1901'
        """
        return cls.read(plateifu, component, format="marvin", release=release, bintype=bintype,
                        template=template, access=access, base_url=base_url, timeout=timeout,
                        **options)

    @classmethod
    def from_cube(cls, cube, **options):
        """
        Measure the field in a cube of spectra; see `kinmis.cube.measure_field`.

        Parameters
        ----------
        cube : str, os.PathLike, array or object
            A FITS file, an array, or a cube of specutils, spectral-cube or mpdaf.
        **options
            As for `kinmis.cube.measure_field`, such as ``line`` and the redshift ``z``.

        Returns
        -------
        field : `VelocityField`

        Examples
        --------
        >>> from kinmis import VelocityField, mock
        >>> cube = mock.cube(pa=75, snr=40, size=16, seed=1)
        >>> field = VelocityField.from_cube(cube.flux, variance=cube.variance, z=cube.z,
        ...                                 wavelength=cube.wavelength, medium="air",
        ...                                 wcs=cube.wcs)
        >>> print(field.fit_pa().pa.round())
        75.0 deg
        """
        from kinmis.cube import measure_field
        return measure_field(cube, **options)

    def _replace(self, **changes):
        """Return a copy that shares arrays and metadata values, with ``changes`` made."""
        new = object.__new__(type(self))
        new.__dict__.update(self.__dict__)
        if "meta" not in changes:
            new._meta = copy_meta(self.meta)
        for name, value in changes.items():
            setattr(new, f"_{name}", value)
        return new

    def _slice(self, item):
        kwargs = super()._slice(item)
        if np.ndim(kwargs["data"]) == 0:
            raise IndexError("one spaxel is no field; its velocity is field.velocity[...]")
        kwargs["east"], kwargs["north"] = self.east[item], self.north[item]
        kwargs["bin_id"] = None if self.bin_id is None else self.bin_id[item]
        for name in ("component", "line", "v_ref"):
            kwargs[name] = getattr(self, name)
        kwargs["meta"] = slice_maps(copy_meta(self.meta), item, self.data.shape)
        return kwargs

    def _slice_wcs(self, item):
        return _sky.slice_wcs(self.wcs, item, self.data.shape)

    @property
    def uncertainty(self):
        """Inverse variance in (km/s)^-2 (`~astropy.nddata.InverseVariance`), or None."""
        return self._uncertainty

    @uncertainty.setter
    def uncertainty(self, uncertainty):
        # not linked to this field as NDData does: copies share it, and each would drag the
        # field that it was made with along, into pickles too
        if uncertainty is not None:
            if not isinstance(uncertainty, InverseVariance):
                raise TypeError("uncertainty must be an astropy.nddata.InverseVariance, not "
                                f"{type(uncertainty).__name__}")
            if uncertainty.unit is not IVAR:
                ivar = u.Quantity(uncertainty.array, uncertainty.unit or IVAR, copy=False)
                uncertainty = InverseVariance(ivar.to_value(IVAR), unit=IVAR, copy=False)
        self._uncertainty = uncertainty

    @property
    def wcs(self):
        """Celestial WCS of a map (`~astropy.wcs.WCS`), or None."""
        if isinstance(self._wcs, _sky.LazyWCS):
            self._wcs = self._wcs.load()
        return self._wcs

    @wcs.setter
    def wcs(self, wcs):
        if isinstance(wcs, _sky.LazyWCS):
            self._wcs = wcs
        else:
            NDData.wcs.fset(self, wcs)

    @property
    def velocity(self):
        """Velocity (`~astropy.units.Quantity`, km/s), NaN under the mask."""
        return np.where(self.mask, np.nan, self.data) << KMS

    @property
    def ivar(self):
        """Inverse variance (`~astropy.units.Quantity`, (km/s)^-2), or None."""
        return None if self.uncertainty is None else self.uncertainty.array << IVAR

    @property
    def error(self):
        """1-sigma error (`~astropy.units.Quantity`, km/s), NaN under the mask; or None."""
        if self.uncertainty is None:
            return None
        good = ~self.mask
        error = np.full(self.data.shape, np.nan)
        error[good] = self.uncertainty.array[good] ** -0.5
        return error << KMS

    @property
    def east(self):
        """Offset to the East of the galaxy centre (`~astropy.units.Quantity`, arcsec)."""
        return self._east

    @property
    def north(self):
        """Offset to the North of the galaxy centre (`~astropy.units.Quantity`, arcsec)."""
        return self._north

    @property
    def bin_id(self):
        """Bin number of each spaxel (negative for none), or None where nothing is binned."""
        return self._bin_id

    @property
    def component(self):
        """``"stellar"``, ``"gas"`` or None."""
        return self._component

    @property
    def line(self):
        """Emission line of a gas field, or None."""
        return self._line

    @property
    def v_ref(self):
        """The velocity cz that counts as zero (`~astropy.units.Quantity`), or None."""
        return self._v_ref

    @property
    def partner(self):
        """The other component of the same galaxy, if it was read with this one."""
        return self._partner

    @property
    def id(self):
        """Name of the galaxy, or None."""
        return self.meta.get("id")

    @property
    def profile(self):
        """What fields of its survey look like (`~kinmis.surveys.SurveyProfile`), or None."""
        from kinmis.surveys import find_profile
        try:
            return find_profile(self.meta.get("survey"))
        except ValueError:
            return None

    @property
    def shape(self):
        """Shape of the arrays."""
        return self.data.shape

    @property
    def n_valid(self):
        """Number of spaxels (or bins, in a list) that are not masked."""
        return int(np.count_nonzero(~self.mask))

    @property
    def n_bins(self):
        """Number of independent data: of different bins among the valid spaxels."""
        if self.bin_id is None:
            return self.n_valid
        return rank_bins(number_bins(self.bin_id[~self.mask]))[1]

    def clean(self, **options):
        """
        Drop outlying spaxels and detached regions; see `kinmis.clean`.

        Parameters
        ----------
        **options
            As for `kinmis.clean`.

        Returns
        -------
        field : `VelocityField`
            A new field; ``field.meta["cleaning"]`` says what was removed.
        """
        from kinmis.cleaning import clean
        return clean(self, **options)

    def fit_pa(self, **options):
        """
        Fit the global kinematic position angle; see `kinmis.fit_pa`.

        Parameters
        ----------
        **options
            As for `kinmis.fit_pa`.

        Returns
        -------
        result : `~kinmis.PositionAngle`
        """
        from kinmis.position_angle import fit_pa
        return fit_pa(self, **options)

    def caveats(self):
        """
        Say in what the field differs from those that the classifier was trained on.

        Returns
        -------
        caveats : `~kinmis.caveats.Caveats`
            A tuple that prints as sentences; see `kinmis.caveats.find_caveats`.
        """
        from kinmis.caveats import find_caveats
        return find_caveats(self)

    def classify(self, **options):
        """
        Classify the field as an expert would: 0 do not use, 1 messy, 2 clean.

        Its ``partner`` is seen beside it, if there is one.

        Parameters
        ----------
        **options
            As for `kinmis.classify`.

        Returns
        -------
        result : `~kinmis.Classification`
        """
        from kinmis.classifier import classify
        return classify(self, **options)

    def plot(self, pa=None, **options):
        """
        Draw the field; see `kinmis.plotting.plot_field`.

        Parameters
        ----------
        pa : `~kinmis.PositionAngle`, `~astropy.units.Quantity` or False, optional
            The angle to draw; by default it is fitted.
        **options
            As for `kinmis.plotting.plot_field`.

        Returns
        -------
        figure : `~matplotlib.figure.Figure`
        """
        from kinmis.plotting import plot_field
        return plot_field(self, pa, **options)

    def _facts(self):
        """Return what a reader of the field wants to know first, as label and text."""
        valid = self.data[~self.mask]
        facts = {
            "galaxy": self.id,
            "component": " ".join(filter(None, [self.component, self.line])) or None,
            "shape": " x ".join(map(str, self.shape)) if self.data.ndim == 2
                     else f"list of {self.data.size}",
            "valid": f"{self.n_valid} valid" + (
                "" if self.bin_id is None else f" in {self.n_bins} bins"),
            "velocity": f"{valid.min():.0f} to {valid.max():.0f} km/s" if valid.size else None,
        }
        return {label: text for label, text in facts.items() if text}

    def __repr__(self):
        facts = self._facts()
        name = facts.pop("galaxy", None)
        return f"<VelocityField{' ' + name if name else ''}: {', '.join(facts.values())}>"

    __str__ = __repr__

    def _repr_html_(self):
        facts = self._facts()
        for label, value in (("reference", self.v_ref), ("source", self.meta.get("source"))):
            if value is not None:
                facts[label] = f"{value:.1f}" if isinstance(value, u.Quantity) else str(value)
        rows = "".join(f"<tr><th style='text-align:left'>{html.escape(label)}</th>"
                       f"<td style='text-align:left'>{html.escape(text)}</td></tr>"
                       for label, text in facts.items())
        return f"<table><caption>VelocityField</caption>{rows}</table>"
