"""What a position angle must not depend on, and what it must follow exactly."""

import functools

import astropy.units as u
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kinmis import VelocityField, mock
from kinmis.position_angle.circular import angle_difference, wrap_360

ENGINES = [("harmonic", "bins"), ("harmonic", "area"), ("bisymmetric", "bins")]

# The bisymmetric engine interpolates in a triangulation, which is not unique on a grid: what
# rounding decides there moves the angle by a part of its error.
TOLERANCE = {"harmonic": (1e-4, 0.01), "bisymmetric": (1., 0.6)}

kinds = st.sampled_from(["plain", "bins", "wedge", "noisy"])
engines = st.sampled_from(ENGINES)
quick = settings(max_examples=25, deadline=None)


@functools.cache
def field_of(kind, seed=1):
    options = {"plain": {}, "bins": dict(bins=100), "wedge": dict(wedge=70),
               "noisy": dict(noise=60)}[kind]
    return mock.velocity_field(pa=75, size=15, psf_fwhm=None, seed=seed, **options)


def arrays(field):
    return dict(velocity=field.data.astype(float), east=field.east.value.astype(float),
                north=field.north.value.astype(float), mask=field.mask, bin_id=field.bin_id,
                ivar=field.ivar.value.astype(float))


def fit(engine, **changed):
    return VelocityField.from_arrays(**changed).fit_pa(method=engine[0], weights=engine[1])


def expect(engine, result, pa, reference):
    angle, error = TOLERANCE[engine[0]]
    assert abs(angle_difference(result.values["pa"], pa)) < max(
        angle, error * reference.values["pa_err"])
    assert result.values["pa_err"] == pytest.approx(reference.values["pa_err"], rel=error)
    assert result.flags == reference.flags


@quick
@given(kinds, engines, st.floats(0, 360))
def test_rotating_the_sky_rotates_the_angle(kind, engine, turn):
    given_arrays = arrays(field_of(kind))
    reference = fit(engine, **given_arrays)
    cosine, sine = np.cos(np.radians(turn)), np.sin(np.radians(turn))
    east, north = given_arrays["east"], given_arrays["north"]
    turned = {**given_arrays, "east": cosine * east + sine * north,
              "north": cosine * north - sine * east}
    expect(engine, fit(engine, **turned), reference.values["pa"] + turn, reference)


@quick
@given(kinds, engines)
def test_mirroring_the_sky_mirrors_the_angle(kind, engine):
    given_arrays = arrays(field_of(kind))
    reference = fit(engine, **given_arrays)
    mirrored = {**given_arrays, "east": -given_arrays["east"]}
    expect(engine, fit(engine, **mirrored), wrap_360(-reference.values["pa"]), reference)


@quick
@given(kinds, engines)
def test_mirroring_the_array_changes_nothing(kind, engine):
    given_arrays = arrays(field_of(kind))
    reference = fit(engine, **given_arrays)
    flipped = {name: None if array is None else array[:, ::-1]
               for name, array in given_arrays.items()}
    expect(engine, fit(engine, **flipped), reference.values["pa"], reference)


@quick
@given(kinds, engines)
def test_reversing_the_velocity_reverses_the_angle(kind, engine):
    given_arrays = arrays(field_of(kind))
    reference = fit(engine, **given_arrays)
    reversed_ = {**given_arrays, "velocity": -given_arrays["velocity"]}
    result = fit(engine, **reversed_)
    expect(engine, result, reference.values["pa"] + 180, reference)
    assert result.values["v_sys"] == pytest.approx(-reference.values["v_sys"], abs=0.5)


@quick
@given(kinds, engines, st.floats(-2e4, 2e4))
def test_an_offset_goes_into_the_systemic_velocity(kind, engine, offset):
    given_arrays = arrays(field_of(kind))
    reference = fit(engine, **given_arrays)
    raised = {**given_arrays, "velocity": given_arrays["velocity"] + offset}
    result = fit(engine, **raised)
    expect(engine, result, reference.values["pa"], reference)
    assert result.values["v_sys"] - offset == pytest.approx(reference.values["v_sys"], abs=0.5)


@quick
@given(kinds, engines, st.floats(-30, 30), st.floats(-30, 30))
def test_shifting_field_and_centre_together_changes_nothing(kind, engine, east, north):
    given_arrays = arrays(field_of(kind))
    reference = fit(engine, **given_arrays)
    shifted = VelocityField.from_arrays(**{**given_arrays, "east": given_arrays["east"] + east,
                                           "north": given_arrays["north"] + north})
    result = shifted.fit_pa(method=engine[0], weights=engine[1], center=(east, north))
    expect(engine, result, reference.values["pa"], reference)


@quick
@given(kinds, engines, st.floats(0.01, 100))
def test_the_distance_scale_does_not_matter(kind, engine, scale):
    given_arrays = arrays(field_of(kind))
    reference = fit(engine, **given_arrays)
    scaled = {**given_arrays, "east": given_arrays["east"] * scale,
              "north": given_arrays["north"] * scale}
    expect(engine, fit(engine, **scaled), reference.values["pa"], reference)


@quick
@given(kinds, engines, st.integers(0, 100))
def test_the_order_of_spaxels_does_not_matter(kind, engine, seed):
    given_arrays = {name: None if array is None else array.ravel()
                    for name, array in arrays(field_of(kind)).items()}
    reference = fit(engine, **given_arrays)
    order = np.random.default_rng(seed).permutation(given_arrays["velocity"].size)
    shuffled = {name: None if array is None else array[order]
                for name, array in given_arrays.items()}
    expect(engine, fit(engine, **shuffled), reference.values["pa"], reference)


@quick
@given(kinds, engines, st.sampled_from([np.nan, np.inf, -np.inf, 1e30, -1e30, 0.]))
def test_garbage_under_the_mask_changes_nothing(kind, engine, garbage):
    field = field_of(kind)
    given_arrays = arrays(field)
    reference = fit(engine, **given_arrays)
    spoiled = {**given_arrays, "velocity": np.where(field.mask, garbage, field.data),
               "ivar": np.where(field.mask, garbage, field.ivar.value)}
    result = fit(engine, **spoiled)
    assert result.values == pytest.approx(reference.values, nan_ok=True)


@quick
@given(kinds, engines)
def test_masked_spaxels_may_be_left_out(kind, engine):
    field = field_of(kind)
    good = ~field.mask
    given_arrays = {name: None if array is None else array.ravel()
                    for name, array in arrays(field).items()}
    reference = fit(engine, **given_arrays)
    fewer = {name: None if array is None else array[good.ravel()]
             for name, array in given_arrays.items()}
    expect(engine, fit(engine, **fewer), reference.values["pa"], reference)


@quick
@given(st.sampled_from(["harmonic"]), st.integers(1, 6))
def test_repeating_the_spaxels_of_a_bin_changes_nothing(method, times):
    field = field_of("bins")
    given_arrays = {name: None if array is None else array.ravel()
                    for name, array in arrays(field).items()}
    result = VelocityField.from_arrays(**given_arrays).fit_pa(method=method)
    repeated = {name: np.tile(array, times) for name, array in given_arrays.items()}
    again = VelocityField.from_arrays(**repeated).fit_pa(method=method)
    # n_valid and the areas grow alike, so that nothing is left to differ
    assert again.values["pa"] == pytest.approx(result.values["pa"], abs=1e-6)
    assert again.values["pa_err"] == pytest.approx(result.values["pa_err"], rel=1e-6)
    assert again.n_data == result.n_data


def test_units_of_the_input_do_not_matter():
    given_arrays = arrays(field_of("plain"))
    reference = fit(ENGINES[0], **given_arrays)
    other = {**given_arrays,
             "velocity": (given_arrays["velocity"] * u.km / u.s).to(u.m / u.s),
             "ivar": (given_arrays["ivar"] * (u.km / u.s)**-2).to((u.m / u.s)**-2),
             "east": (given_arrays["east"] * u.arcsec).to(u.arcmin),
             "north": (given_arrays["north"] * u.arcsec).to(u.deg)}
    result = fit(ENGINES[0], **other)
    assert result.values["pa"] == pytest.approx(reference.values["pa"], abs=1e-6)
