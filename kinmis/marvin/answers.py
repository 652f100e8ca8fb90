"""From the answers of Marvin's API to what a MAPS file holds, bit for bit."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from kinmis._sky import LazyWCS
from kinmis.marvin.errors import AnswerError
from kinmis.readers.cards import Cards
from kinmis.readers.celestial import wcs_of_header
from kinmis.readers.manga_dap import MapsPlanes

__all__ = ["fetch_planes", "integers", "numbers"]

# name and channel of each map; files hold velocities and offsets as float32, bins as int32
_BINS = {"stellar": ("binid", "stellar_continua"), "gas": ("binid", "em_line_models")}
_OFFSETS = (("spx_skycoo", "on_sky_x"), ("spx_skycoo", "on_sky_y"))
_AT_ONCE = 3


def fetch_planes(api, plateifu, release, bintype, template, line, *, together=True):
    """
    Ask Marvin for what a galaxy is made from: a header and six maps.

    Parameters
    ----------
    api : `~kinmis.marvin.api.Api`
        Whom to ask.
    plateifu, release, bintype, template : str
        Which file.
    line : str
        Emission line of the gas, such as ``"Ha-6564"``.
    together : bool
        Whether to ask for several maps at once. Threads that each read a galaxy need not.

    Returns
    -------
    planes : `~kinmis.readers.manga_dap.MapsPlanes`

    Raises
    ------
    NotFoundError, RequestError, AnswerError, OutageError
        As for `~kinmis.marvin.api.Api.header`.
    """
    which = plateifu, release, bintype, template
    answer = api.header(*which)
    velocities = {"stellar": ("stellar_vel", "None"), "gas": ("emline_gvel", channel_of(line))}
    names = [*velocities.values(), *_BINS.values(), *_OFFSETS]

    def ask(name):
        return api.map(*which, *name)
    if together:
        executor = ThreadPoolExecutor(_AT_ONCE)
        try:
            answers = dict(zip(names, executor.map(ask, names)))
        finally:
            # after an error nobody needs the others
            executor.shutdown(cancel_futures=True)
    else:
        answers = {name: ask(name) for name in names}

    shape = tuple(answer["shape"])
    primary, header = (Cards(answer[name].encode("ascii")) for name in ("header", "wcs"))
    if primary.get("PLATEIFU") != plateifu:
        raise AnswerError(f"{plateifu}: the header that Marvin gives is of "
                          f"{primary.get('PLATEIFU')}")

    def take(name, part, convert):
        what = f"{part} of {' '.join(name)} of {plateifu}"
        return convert(answers[name].get(part), shape, what)
    return MapsPlanes(
        primary, header, LazyWCS(_wcs, header, api.address(plateifu, bintype, template), shape),
        tuple(take(name, "value", numbers) for name in _OFFSETS),
        {component: take(name, "value", integers).astype(np.int32)
         for component, name in _BINS.items()},
        {component: (take(name, "value", numbers), take(name, "ivar", numbers),
                     take(name, "mask", integers))
         for component, name in velocities.items()})


def channel_of(line):
    """
    Return what Marvin calls an emission line.

    Examples
    --------
    >>> from kinmis.marvin.answers import channel_of
    >>> channel_of("Ha-6564")
    'ha_6564'
    """
    return line.lower().replace("-", "_")


def numbers(values, shape, what):
    """
    Return a map of numbers as the file holds them.

    The server writes float32 as decimals with all their digits, so that rounding them to
    float32 again gives the same bits.

    Parameters
    ----------
    values : list of list
        Numbers; None is NaN.
    shape : tuple of int
        The shape that there should be.
    what : str
        What they are, for messages.

    Returns
    -------
    image : `~numpy.ndarray` of float32

    Raises
    ------
    AnswerError
        If these are no numbers, or not so many.
    """
    try:
        image = np.array(values, dtype=np.float64)
    except (ValueError, TypeError, OverflowError):
        raise AnswerError(f"{what}: Marvin gives no map of numbers") from None
    _check_shape(image, shape, what)
    with np.errstate(over="ignore"):
        return image.astype(np.float32)


def integers(values, shape, what):
    """
    Return a map of whole numbers.

    Masks have bit 30, DONOTUSE, which narrow types and floats of 32 bits lose.

    Parameters
    ----------
    values, shape, what : object
        As for `numbers`; None is not allowed.

    Returns
    -------
    image : `~numpy.ndarray` of int64

    Raises
    ------
    AnswerError
        If these are no whole numbers, or not so many.
    """
    try:
        image = np.array(values)
    except ValueError:      # rows of different lengths
        raise AnswerError(f"{what}: Marvin gives no map of numbers") from None
    _check_shape(image, shape, what)
    if image.dtype.kind == "f" and np.all(np.abs(image) < 1 << 53) and np.all(image % 1 == 0):
        image = image.astype(np.int64)      # a server may write 3.0
    if image.dtype.kind not in "iu":
        raise AnswerError(f"{what}: Marvin gives values that are no whole numbers of 64 bits")
    return image.astype(np.int64)


def _check_shape(image, shape, what):
    if image.shape != shape:
        raise AnswerError(f"{what}: Marvin gives a map of the shape {image.shape}, where the "
                          f"header says {shape}")


def _wcs(header, source, shape):
    wcs = wcs_of_header(header, source)
    if wcs is not None:
        wcs.pixel_shape = shape[::-1]
    return wcs
