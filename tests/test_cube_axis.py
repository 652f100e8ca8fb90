"""Lines, and the spectral axis of cubes: units, order, air and vacuum."""

import astropy.units as u
import numpy as np
import pytest
from astropy.io import fits

from kinmis.cube.line_fit import C_KMS
from kinmis.cube.lines import (COMPLEXES, WAVELENGTHS, air_to_vacuum, find_complex,
                               vacuum_to_air)
from kinmis.cube.plan import make_plan
from kinmis.cube.spectral_axis import axis_from_header, instrument_dispersion, make_axis

HEADER = {"CTYPE3": "AWAV", "CUNIT3": "Angstrom", "CRVAL3": 6500.0, "CRPIX3": 1.0,
          "CDELT3": 1.25}


def axis_of(count=400, **changes):
    cards = {key: value for key, value in {**HEADER, **changes}.items() if value is not None}
    return axis_from_header(fits.Header(cards), count, "the cube")


def test_air_and_vacuum():
    # NIST, air: H-alpha 6562.8, [OIII] 5006.84, [NII] 6583.45, [OII] 3726.03
    for name, air in (("Ha", 6562.80), ("[OIII]5008", 5006.84), ("[NII]6585", 6583.45),
                      ("[OII]3727", 3726.03), ("Hb", 4861.33)):
        assert vacuum_to_air(WAVELENGTHS[name]) == pytest.approx(air, abs=0.015)
    there = np.linspace(3000, 20000, 50)
    np.testing.assert_allclose(air_to_vacuum(vacuum_to_air(there)), there, rtol=1e-9)
    shift = C_KMS * (WAVELENGTHS["Ha"] / vacuum_to_air(WAVELENGTHS["Ha"]) - 1)
    assert shift == pytest.approx(83, abs=1)


def test_every_complex_has_its_main_line_first():
    for name in COMPLEXES:
        lines = find_complex(name, "vacuum")
        assert 0 < lines.main <= len(lines.groups)
        for group in lines.groups:
            assert group[0][1] == 1 and all(0 < part <= 1 for _, part in group)


@pytest.mark.parametrize("spelling", ["Ha", "H-alpha", "halpha", "H alpha", "Ha-6564", "Ha 6563"])
def test_names_of_lines_are_read_kindly(spelling):
    assert find_complex(spelling, "air").name == "Ha"


def test_lines_by_wavelength():
    lines = find_complex(5006.84, "air")
    assert lines.groups == (((5006.84, 1.0),),) and lines.name == "5006.84"
    assert find_complex(0.500684 * u.um, "air").wavelengths[0] == pytest.approx(5006.84)
    with pytest.raises(ValueError, match="no rest wavelength"):
        find_complex(0.5, "air")
    with pytest.raises(u.UnitsError):
        find_complex(5 * u.s, "air")
    with pytest.raises(ValueError, match="unknown; give one of Ha, NII"):
        find_complex("Hx", "air")


@pytest.mark.parametrize("changes", [
    {}, {"CRPIX3": 101.0, "CRVAL3": 6625.0}, {"CDELT3": None, "CD3_3": 1.25},
    {"CUNIT3": "nm", "CRVAL3": 650.0, "CDELT3": 0.125}, {"CUNIT3": "um", "CRVAL3": 0.65,
                                                         "CDELT3": 1.25e-4},
    {"CUNIT3": "m", "CRVAL3": 6.5e-7, "CDELT3": 1.25e-10}, {"CUNIT3": "angstroms"},
    {"CDELT3": 2.5, "PC3_3": 0.5}, {"CTYPE3": "awav"}])
def test_linear_axes(changes):
    axis = axis_of(**changes)
    np.testing.assert_allclose(axis.wavelength, 6500 + 1.25 * np.arange(400))
    assert axis.medium == "air" and not axis.reversed


def test_decreasing_axis_is_turned():
    axis = axis_of(CRVAL3=6500 + 399 * 1.25, CDELT3=-1.25)
    np.testing.assert_allclose(axis.wavelength, 6500 + 1.25 * np.arange(400))
    assert axis.reversed


def test_logarithmic_axes():
    expected = 6500 * np.exp(np.arange(400) * 2e-4)
    natural = axis_of(CTYPE3="WAVE-LOG", CDELT3=1.3)
    np.testing.assert_allclose(natural.wavelength, expected)
    assert natural.medium == "vacuum"
    step = 2e-4 * np.log10(np.e)
    for cards in ({"CTYPE3": "AWAV", "DC-FLAG": 1}, {"CTYPE3": "AWAV-LOG10"}):
        axis = axis_of(CRVAL3=np.log10(6500), CDELT3=step, **cards)
        np.testing.assert_allclose(axis.wavelength, expected)


def test_frequencies_and_velocities():
    frequency = axis_of(CTYPE3="FREQ", CUNIT3="Hz", CRVAL3=4.6e14, CDELT3=-1e11)
    assert frequency.medium == "vacuum" and frequency.told == "the frequencies"
    np.testing.assert_allclose(frequency.wavelength[0], 299792458 / 4.6e14 * 1e10)
    for kind, ratio in (("VOPT", 1 + 3000 / C_KMS), ("VRAD", 1 / (1 - 3000 / C_KMS))):
        axis = axis_of(CTYPE3=kind, CUNIT3="km/s", CRVAL3=3000, CDELT3=20, RESTWAV=6.564614e-7)
        assert axis.wavelength[0] == pytest.approx(6564.614 * ratio)
        assert axis.medium == "vacuum"


@pytest.mark.parametrize("changes, message", [
    ({"CTYPE3": "LAMBDA"}, "air or in vacuum; give medium"),
    ({"CTYPE3": None}, "air or in vacuum; give medium"),
    ({"CTYPE3": "LINEAR"}, "air or in vacuum; give medium"),
    ({"CUNIT3": None}, "have no unit; give wavelength_unit"),
    ({"CUNIT3": "furlongs"}, "unit 'furlongs' of its spectral axis is unknown"),
    ({"CUNIT3": "km/s"}, "nothing tells the rest wavelength"),
    ({"CUNIT3": "deg"}, "no unit of wavelength"),
    ({"CUNIT3": "nm"}, None), ({"CUNIT3": "m"}, "can't be right"),
    ({"CRVAL3": None}, "no spectral axis"), ({"CDELT3": 0.0}, "no spectral axis"),
    ({"CRVAL3": 3.813, "CDELT3": 1e-4, "CUNIT3": None}, "decimal logarithms"),
    ({"CRVAL3": -6500.0}, "can't be right")])
def test_bad_axes(changes, message):
    if message is None:     # 6.5 microns: unusual, not wrong
        assert axis_of(**changes).wavelength[0] == pytest.approx(65000)
        return
    with pytest.raises(ValueError, match=message):
        axis_of(**changes)


def test_axes_from_arrays():
    with pytest.raises(ValueError, match="neither grow nor fall"):
        make_axis([5000, 5001, 5001, 5002, 5003, 5004] * u.AA, None, "air", "you", "it")
    with pytest.raises(ValueError, match="medium must be"):
        make_axis(np.arange(5000, 5010) * u.AA, None, "water", "you", "it")
    with pytest.raises(ValueError, match="no unit"):
        make_axis(np.arange(5000, 5010), None, "air", "you", "it")
    with pytest.raises(ValueError, match="one for each channel"):
        make_axis(np.ones((3, 3)) * u.AA, None, "air", "you", "it")


def test_width_of_the_instrument():
    wavelength, at = np.arange(6000.0, 7000.0), np.array([6500.0])
    of_fwhm = 2.5 / 6500 * C_KMS / 2.3548
    for lsf in (2600, 2.5 * u.AA, 0.25 * u.nm, 2.5 / 6500 * C_KMS * u.km / u.s,
                np.full(1000, 2.5) * u.AA, np.full(1000, 2600)):
        assert instrument_dispersion(lsf, wavelength, at)[0] == pytest.approx(of_fwhm, rel=1e-3)
    assert instrument_dispersion(None, wavelength, at)[0] == 0
    for lsf, message in ((2.5, "resolving power"), (np.ones(3), "one for each of the 1000"),
                         (2 * u.s, "unit s"), (1e9, "can't be right")):
        with pytest.raises(ValueError, match=message):
            instrument_dispersion(lsf, wavelength, at)


def plan(axis, line="Ha", z=0.0, **options):
    settings = dict(lsf=None, v_max=500, sigma_max=500, window=1000, degree=1, where="it")
    return make_plan(axis, find_complex(line, "air"), z, **{**settings, **options})


def test_lines_that_the_cube_does_not_reach():
    axis = axis_of(count=80)     # 6500 to 6599
    channels, model = plan(axis)
    assert [len(group) for group in model.groups] == [1, 2]
    with pytest.raises(ValueError, match="6628.4 Angstrom for z=0.01, outside the range"):
        plan(axis, z=0.01)
    with pytest.raises(ValueError, match="outside the range of the cube, 6500.0 to"):
        plan(axis, "OIII")
    with pytest.raises(ValueError, match="too small for channels"):
        plan(axis, sigma_max=20)
    with pytest.raises(ValueError, match="channels around the line"):
        plan(axis_of(CDELT3=20.0, count=100))


def test_a_line_beyond_the_end_is_left_out():
    axis = axis_of(count=60)     # 6500 to 6573.75: no [NII] 6583
    _, model = plan(axis, v_max=300)
    places = [round(place) for group in model.groups for place, _ in group]
    assert places == [6563, 6548]
