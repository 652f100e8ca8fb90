"""`Galaxy`: the stellar and the gas field of one target."""

import html

import numpy as np
from astropy.io.registry import UnifiedReadWriteMethod

from kinmis._input import COMPONENTS
from kinmis.readers.registry import GalaxyRead, GalaxyWrite
from kinmis.velocity_field import VelocityField

__all__ = ["Galaxy"]


class Galaxy:
    """
    The stellar and the gas velocity field of one galaxy, with its metadata.

    Parameters
    ----------
    stellar, gas : `~kinmis.VelocityField`, optional
        The two fields; either may be missing. Each gets the other as its ``partner``.
    id : str, optional
        Name of the galaxy; by default the one in the metadata.
    meta : dict, optional
        Metadata of the galaxy; by default those that its fields share.

    Raises
    ------
    TypeError
        If a field is not a `~kinmis.VelocityField`.
    ValueError
        If both are missing, or if a field says that it is of the other component.

    Examples
    --------
    >>> from kinmis import mock
    >>> galaxy = mock.galaxy(pa_stellar=40, pa_gas=130, seed=1)
    >>> print(galaxy.misalignment().difference.round())
    90.0 deg
    """

    read = UnifiedReadWriteMethod(GalaxyRead)
    write = UnifiedReadWriteMethod(GalaxyWrite)

    def __init__(self, stellar=None, gas=None, id=None, meta=None):
        fields = {"stellar": stellar, "gas": gas}
        present = {name: field for name, field in fields.items() if field is not None}
        if not present:
            raise ValueError("a Galaxy needs a stellar or a gas field, or both")
        for name, field in present.items():
            if not isinstance(field, VelocityField):
                raise TypeError(f"{name} must be a VelocityField, not {type(field).__name__}")
            if field.component not in (None, name):
                raise ValueError(f"{name} got a field whose component is {field.component!r}")
            if field.component is None:
                present[name] = field._replace(component=name)
        if meta is None:
            first, *others = (field.meta for field in present.values())
            meta = {key: value for key, value in first.items()
                    if all(key in other and _same(other[key], value) for other in others)}
        self.meta = dict(meta)
        if id is not None:
            self.meta["id"] = id
        if len(present) == 2:
            alone = {name: field if field.partner is None else field._replace(partner=None)
                     for name, field in present.items()}
            present = {name: alone[name]._replace(partner=alone[other])
                       for name, other in zip(COMPONENTS, COMPONENTS[::-1])}
        self._fields = present

    @classmethod
    def from_marvin(cls, plateifu, release="DR17", bintype=None, template=None, access="auto",
                    base_url=None, timeout=30., **options):
        """
        Read a galaxy of MaNGA over the network, both its fields.

        It needs neither the package marvin nor a password.

        Parameters
        ----------
        plateifu : str
            Such as ``"8485-1901"``.
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
        galaxy : `Galaxy`
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
        >>> from kinmis import Galaxy
        >>> galaxy = Galaxy.from_marvin("8485-1901")    # doctest: +REMOTE_DATA
        >>> galaxy.id                                   # doctest: +REMOTE_DATA
        '8485-1901'
        """
        return cls.read(plateifu, format="marvin", release=release, bintype=bintype,
                        template=template, access=access, base_url=base_url, timeout=timeout,
                        **options)

    @property
    def stellar(self):
        """The field of the stars, or None."""
        return self._fields.get("stellar")

    @property
    def gas(self):
        """The field of the gas, or None."""
        return self._fields.get("gas")

    @property
    def fields(self):
        """The fields that there are, as a dict from component to field, stars first."""
        return dict(self._fields)

    @property
    def id(self):
        """Name of the galaxy, or None."""
        return self.meta.get("id")

    def clean(self, **options):
        """
        Clean both fields; see `kinmis.clean`.

        Parameters
        ----------
        **options
            As for `kinmis.clean`.

        Returns
        -------
        galaxy : `Galaxy`
            A new one.
        """
        return Galaxy(**{name: field.clean(**options) for name, field in self._fields.items()},
                      meta=self.meta)

    def misalignment(self, **options):
        """
        Measure the angle between the rotation of the stars and of the gas.

        Parameters
        ----------
        **options
            As for `kinmis.misalignment.measure_misalignment`.

        Returns
        -------
        result : `~kinmis.Misalignment`

        Raises
        ------
        ValueError
            If one of the two fields is missing.
        """
        from kinmis.misalignment import measure_misalignment
        return measure_misalignment(self, **options)

    def classify(self, **options):
        """
        Classify both fields, each beside the other; see `kinmis.classify`.

        Parameters
        ----------
        **options
            As for `kinmis.classify`.

        Returns
        -------
        result : `~kinmis.classifier.GalaxyClassification`
            With ``stellar`` and ``gas``.
        """
        from kinmis.classifier import classify
        return classify(self, **options)

    def plot(self, pa=None, **options):
        """
        Draw both fields side by side; see `kinmis.plotting.plot_galaxy`.

        Parameters
        ----------
        pa : `~kinmis.Misalignment`, dict or False, optional
            The angles to draw; by default they are fitted.
        **options
            As for `kinmis.plotting.plot_galaxy`.

        Returns
        -------
        figure : `~matplotlib.figure.Figure`
        """
        from kinmis.plotting import plot_galaxy
        return plot_galaxy(self, pa, **options)

    def __repr__(self):
        lines = [f"<Galaxy{' ' + self.id if self.id else ''}"]
        lines += [f"  {field!r}" for field in self._fields.values()]
        return "\n".join(lines) + ">"

    def _repr_html_(self):
        title = html.escape(f"Galaxy {self.id or ''}".strip())
        return f"<b>{title}</b>" + "".join(f._repr_html_() for f in self._fields.values())


def _same(first, second):
    """Whether two metadata values are equal; arrays and Quantities compare as a whole."""
    if first is second:
        return True
    try:
        equal = first == second
        if isinstance(equal, np.ndarray):
            return bool(equal.all()) and np.shape(first) == np.shape(second)
        return bool(equal)
    except ValueError:      # arrays of different shapes, or lists of arrays
        return False
