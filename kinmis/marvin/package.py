"""The marvin package as a source, and its ``Maps`` objects."""

import sys
import warnings

import numpy as np

from kinmis._sky import LazyWCS
from kinmis.marvin.answers import channel_of, integers, numbers
from kinmis.readers.cards import Cards
from kinmis.readers.manga_dap import MapsPlanes

__all__ = ["open_maps", "planes_of_maps"]

_ANOTHER_WAY = ('Galaxy.from_marvin and VelocityField.from_marvin read the same data without it: '
                'leave out access="package"')


def open_maps(question):
    """
    Open a galaxy with the marvin package.

    Parameters
    ----------
    question : `~kinmis.marvin.access.Question`
        Which galaxy. Where the package looks for it, and whom it asks, is up to the
        package's own configuration.

    Returns
    -------
    maps : ``marvin.tools.Maps``

    Raises
    ------
    ImportError
        If the package is missing, or can't work beside the numpy that there is.
    OSError
        If it does not find the galaxy.
    """
    _refuse_new_numpy()
    maps_class, error_class = _import_marvin()
    with warnings.catch_warnings():
        # of the summary tables that are not there, and of its old dependencies
        warnings.simplefilter("ignore")
        try:
            return maps_class(plateifu=question.plateifu, release=question.release,
                              bintype=question.bintype, template=question.template)
        except error_class as error:
            said = str(error).strip().splitlines()[0]
            raise OSError(f"{question.plateifu} ({question.release}, {question.bintype}-"
                          f"{question.template}): the marvin package does not open it: {said}"
                          ) from error


def _import_marvin():
    hook = sys.excepthook
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from marvin.core.exceptions import MarvinError
            from marvin.tools.maps import Maps
    except ImportError as error:
        raise ImportError(
            'access="package" needs the package marvin, in an environment of its own: '
            f'pip install "kinmis[marvin]" ({error}). {_ANOTHER_WAY}.') from error
    finally:
        sys.excepthook = hook       # it puts its own there
    return Maps, MarvinError


def _refuse_new_numpy():
    if int(np.__version__.split(".")[0]) >= 2:
        raise ImportError(
            f"the marvin package does not work with numpy {np.__version__}: where it can be "
            "imported at all it loses the DONOTUSE bit of the masks without a word. It needs "
            f"numpy below 2, in an environment of its own. {_ANOTHER_WAY}.")


def planes_of_maps(maps, line):
    """
    Take from a ``marvin.tools.Maps`` what a galaxy is made from.

    Parameters
    ----------
    maps : ``marvin.tools.Maps``
        Local or remote.
    line : str
        Emission line of the gas.

    Returns
    -------
    planes : `~kinmis.readers.manga_dap.MapsPlanes`

    Raises
    ------
    ImportError
        If numpy is so new that the package makes mistakes.
    AnswerError
        If the maps do not fit each other.
    """
    _refuse_new_numpy()
    shape = tuple(int(side) for side in maps._shape)

    def take(name, channel=None):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")     # of its old dependencies
            return maps.getMap(name, channel=channel, exact=channel is None)

    def bins(channel):
        return integers(np.asarray(take("binid", channel).value), shape,
                        f"binid {channel}").astype(np.int32)

    def offsets(channel):
        return numbers(np.asarray(take("spx_skycoo", channel).value), shape, channel)

    def velocities(name, channel=None):
        found = take(name, channel)
        return (numbers(np.asarray(found.value), shape, name),
                numbers(np.asarray(found.ivar), shape, f"ivar of {name}"),
                integers(np.asarray(found.mask), shape, f"mask of {name}"))
    header = Cards(maps.wcs.to_header_string().encode("ascii"))
    return MapsPlanes(
        Cards(maps.header.tostring().encode("ascii")), header, LazyWCS(_copy, maps.wcs, shape),
        (offsets("on_sky_x"), offsets("on_sky_y")),
        {"stellar": bins("stellar_continua"), "gas": bins("em_line_models")},
        {"stellar": velocities("stellar_vel"),
         "gas": velocities("emline_gvel", channel_of(line))})


def _copy(wcs, shape):
    wcs = wcs.celestial.deepcopy()
    wcs.pixel_shape = shape[::-1]
    return wcs
