"""The disc models behind the mocks."""

import json

import astropy.units as u
import numpy as np
import pytest

from kinmis import mock

RADIUS = 8.0


def kinematic_pa(disc, radius=RADIUS):
    """PA at which the velocity along a circle is largest, by brute force."""
    angles = np.arange(0, 360, 0.1)
    east, north = radius * np.sin(np.deg2rad(angles)), radius * np.cos(np.deg2rad(angles))
    return angles[np.argmax(disc.velocity(east + disc.center[0], north + disc.center[1]))]


@pytest.mark.parametrize("pa", [0, 30, 90, 145, 200, 270, 359])
@pytest.mark.parametrize("center", [(0.0, 0.0), (3.0, -2.0)])
def test_velocity_is_largest_at_the_pa(pa, center):
    disc = mock.Disc(pa=pa, center=center)
    assert abs((kinematic_pa(disc) - pa + 180) % 360 - 180) < 0.15


@pytest.mark.parametrize("curve", mock.CURVES)
def test_rotation_curve_along_the_major_axis(curve):
    disc = mock.Disc(pa=90, inclination=30, v_max=200, r_turn=2, v_sys=12, curve=curve)
    radius = np.array([0.0, 1.0, 2.0, 2 * 2**0.5, 1000.0])
    velocity = disc.velocity(radius, np.zeros(5)) - 12
    assert velocity[0] == 0
    assert np.all(velocity[1:4] > 0)
    if curve == "declining":
        assert velocity[3] == pytest.approx(100) and velocity[4] < 20
    else:
        assert velocity[4] == pytest.approx(100, rel=2e-3)
    np.testing.assert_allclose(disc.velocity(-radius, np.zeros(5)) - 12, -velocity, atol=1e-9)


def test_minor_axis_does_not_move():
    disc = mock.Disc(pa=30, v_sys=-5)
    east, north = 6 * np.sin(np.deg2rad(120)), 6 * np.cos(np.deg2rad(120))
    assert disc.velocity(east, north) == pytest.approx(-5)


def test_face_on_and_no_rotation():
    east, north = np.mgrid[-5:6, -5:6].astype(float)
    assert np.all(mock.Disc(inclination=0).velocity(east, north) == 0)
    assert np.all(mock.Disc(v_max=0, v_sys=3).velocity(east, north) == 3)


def test_warp_turns_the_outer_pa():
    disc = mock.Disc(pa=350, warp=mock.Warp(angle=40, r_start=4, r_end=8))
    for radius, pa in ((2, 350), (4, 350), (6, 10), (8, 30)):
        assert abs((kinematic_pa(disc, radius) - pa + 180) % 360 - 180) < 0.15


@pytest.mark.parametrize("radial", [0, 0.5, 1])
def test_bar_is_m_1_and_3_on_the_sky(radial):
    # face-on but for the sine of the inclination, so that azimuths are not deprojected
    plain = mock.Disc(pa=0, inclination=1e-3)
    barred = mock.Disc(pa=0, inclination=1e-3, bar=mock.Bar(0.2, 40, 5, radial))
    angle = np.linspace(0, 2 * np.pi, 720, endpoint=False)
    east, north = 3 * np.sin(angle), 3 * np.cos(angle)
    extra = np.abs(np.fft.rfft(barred.velocity(east, north) - plain.velocity(east, north)))
    assert extra[1] > 1e6 * extra[[0, 2, 4, 5]].max()
    # equal tangential and radial streaming leaves one of the two harmonics
    assert extra[3] == pytest.approx((1 - radial) / (1 + radial) * extra[1], abs=1e-6 * extra[1])


def test_bar_moves_the_inner_pa_only():
    disc = mock.Disc(pa=60, bar=mock.Bar(0.3, angle=45, radius=2))
    assert abs(kinematic_pa(disc, 1.5) - 60) > 3
    assert abs(kinematic_pa(disc, 10) - 60) < 0.15


def test_core_turns_inside_only():
    disc = mock.Disc(pa=60, core=mock.Core(angle=180, radius=3))
    assert abs(kinematic_pa(disc, 1) - 240) < 0.15
    assert abs(kinematic_pa(disc, 9) - 60) < 0.15
    own = mock.Disc(pa=60, core=mock.Core(angle=90, radius=3, v_max=30, r_turn=0.5))
    east, north = 0.5 * np.sin(np.deg2rad(150)), 0.5 * np.cos(np.deg2rad(150))
    assert own.velocity(east, north) == pytest.approx(30 * np.sin(np.pi / 3) / 2, rel=1e-3)


def test_light_is_exponential_in_the_plane():
    disc = mock.Disc(pa=0, inclination=60, scale_length=4)
    np.testing.assert_allclose(disc.light(np.array([0, 0, 4]), np.array([0, 4, 0])),
                               np.exp([0, -1, -2]))


def test_psf_at_any_place_agrees_with_the_map():
    disc, grid = mock.Disc(), mock.make_grid()
    _, velocity = grid.smear(disc, 2.5)
    east, north = grid.east[grid.inside], grid.north[grid.inside]
    np.testing.assert_allclose(disc.observed(east, north, 2.5), velocity[grid.inside], atol=0.02)
    np.testing.assert_array_equal(disc.observed(east, north, 0), disc.velocity(east, north))


def test_function_takes_quantities():
    east, north = np.array([1.0, 2.0]), np.array([0.5, -3.0])
    plain = mock.disc_velocity(east, north, 40, 50, 180, 1.5, 10, center=(0.2, 0.1))
    with_units = mock.disc_velocity(
        (east * u.arcsec).to(u.arcmin), north * u.arcsec, 40 * u.deg, (50 * u.deg).to(u.rad),
        0.18 * u.Mm / u.s, 1.5 * u.arcsec, 1e4 * u.m / u.s,
        center=(0.2 * u.arcsec, 0.1 * u.arcsec))
    assert with_units.unit == u.km / u.s
    np.testing.assert_allclose(with_units.value, plain)
    assert type(plain) is np.ndarray
    with pytest.raises(u.UnitsError, match="v_max has the unit"):
        mock.disc_velocity(east, north, 40, 50, 180 * u.arcsec, 1.5)


def test_function_is_the_disc():
    east, north = np.mgrid[-5:6, -5:6].astype(float)
    core = mock.Core(90, 2.0)
    disc = mock.Disc(pa=40, inclination=50, v_max=180, r_turn=1.5, v_sys=10, core=core)
    np.testing.assert_allclose(
        mock.disc_velocity(east, north, 40, 50, 180, 1.5, 10, core=core, psf_fwhm=2.0),
        disc.observed(east, north, 2.0))


def test_dict_round_trip_through_json():
    disc = mock.Disc(pa=12, center=(1.0, 2.0), warp=mock.Warp(10, 2, 5), bar=mock.Bar(0.2, 30, 4),
                     core=mock.Core(180, 2))
    assert mock.Disc.from_dict(json.loads(json.dumps(disc.to_dict()))) == disc


@pytest.mark.parametrize("make, message", [
    (lambda: mock.Disc(inclination=90), "inclination must be at least 0 and below 90"),
    (lambda: mock.Disc(r_turn=0), "r_turn must be positive"),
    (lambda: mock.Disc(scale_length=-1), "scale_length must be positive"),
    (lambda: mock.Disc(curve="flat"), "curve must be one of arctan, tanh"),
    (lambda: mock.Warp(10, 5, 5), "0 <= r_start < r_end"),
    (lambda: mock.Bar(0.2, 30, 0), "radius of a bar"),
    (lambda: mock.Core(180, -1), "radius of a core"),
])
def test_bad_values_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()
