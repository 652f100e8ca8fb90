"""The position angle of a field: values, errors, flags, options and bad input."""

import pickle

import astropy.units as u
import numpy as np
import pytest

from kinmis import PositionAngle, VelocityField, fit_pa, mock
from kinmis.position_angle.circular import angle_difference
from kinmis.position_angle.rows import field_rows


def grid(size=21, spaxel=0.5):
    x = (np.arange(size) - size // 2) * spaxel
    return np.meshgrid(-x, x)


def field_of(velocity, **options):
    east, north = grid(velocity.shape[0])
    return VelocityField.from_arrays(velocity, east=east, north=north, **options)


def noise(size=21, seed=0):
    return np.random.default_rng(seed).normal(0, 10, (size, size))


def off(result, truth):
    return abs(angle_difference(result.values["pa"], truth))


@pytest.mark.parametrize("pa", range(0, 360, 30))
@pytest.mark.parametrize("handedness", ["manga", "east"])
def test_every_direction_and_both_handednesses(pa, handedness):
    field = mock.velocity_field(pa=pa, handedness=handedness, seed=pa)
    result = field.fit_pa()
    assert off(result, pa) < 5 * result.values["pa_err"]
    assert result.flags == 0


@pytest.mark.parametrize("weights", ["bins", "area"])
@pytest.mark.parametrize("options", [
    dict(bins=150), dict(wedge=80), dict(holes=0.3), dict(noise_fwhm=2.8), dict(ivar=False),
    dict(shape="circle"), dict(shape="square"), dict(noise=50), dict(error_scale=0.3),
    dict(center=(0.5, -0.3)), dict(v_sys=80.), dict(inclination=80.), dict(rotation=25.)])
def test_angle_is_within_its_error_whatever_the_data_look_like(options, weights):
    results = fit_pa([mock.velocity_field(pa=200, seed=seed, **options) for seed in range(20)],
                     weights=weights,
                     center=options.get("center"))
    pulls = np.array([angle_difference(r.values["pa"], 200) / r.values["pa_err"]
                      for r in results])
    # 20 draws: the rms pull is between 0.5 and 1.8 unless the error is wrong
    assert 0.4 < np.sqrt(np.mean(pulls**2)) < 2.0
    assert all(r.ok for r in results)


def test_coverage_of_the_intervals_is_what_they_say():
    fields = [mock.velocity_field(pa=70, size=11, noise=30, psf_fwhm=None, seed=seed)
              for seed in range(600)]
    results = fit_pa(fields)
    for level, low, high in (("68", 0.62, 0.75), ("95", 0.92, 0.98)):
        inside = [r.values[f"pa_lower_{level}"] <= 70 <= r.values[f"pa_upper_{level}"]
                  for r in results]
        assert low < np.mean(inside) < high


def test_batch_and_single_agree():
    fields = [mock.velocity_field(pa=40 * i, size=9 + 3 * i, bins=None if i % 2 else 60, seed=i)
              for i in range(8)]
    together = fit_pa(fields)
    for field, result in zip(fields, together):
        alone = fit_pa(field)
        for name, value in alone.values.items():
            np.testing.assert_allclose(result.values[name], value, rtol=1e-5, atol=1e-5,
                                       err_msg=name)


def test_fields_of_one_grid_share_their_layout_and_give_the_same():
    one = mock.velocity_field(pa=33, seed=0)
    rng = np.random.default_rng(1)
    shared = [one._replace(data=one.data + rng.normal(0, 5, one.shape)) for _ in range(20)]
    apart = [VelocityField.from_arrays(f.data, east=f.east.copy(), north=f.north.copy(),
                                       mask=f.mask, ivar=f.ivar) for f in shared]
    for first, second in zip(fit_pa(shared), fit_pa(apart)):
        assert first.values["pa"] == pytest.approx(second.values["pa"], abs=1e-6)
        assert first.values["pa_err"] == pytest.approx(second.values["pa_err"], rel=1e-6)
    known = {}
    for field in shared:
        field_rows(field, known=known)
    assert len(known) == 1


def test_outliers_are_clipped_and_counted():
    field = mock.velocity_field(pa=120, noise=5, outliers=0.03, outlier_amplitude=500, seed=3)
    result = field.fit_pa()
    assert off(result, 120) < 1
    assert result.n_clipped > 0.02 * field.n_valid
    assert "OUTLIERS_CLIPPED" in result.flag_names
    assert result.n_data + result.n_clipped == field.n_valid
    kept = fit_pa(field, clip=None)
    assert kept.n_clipped == 0
    assert kept.values["pa_err"] > 2 * result.values["pa_err"]


def test_correlated_noise_widens_the_error_and_is_flagged():
    fields = [mock.velocity_field(pa=10, noise=20, noise_fwhm=2.8, seed=seed)
              for seed in range(10)]
    careful, naive = fit_pa(fields), fit_pa(fields, correlated=False)
    assert all("CORRELATED_NOISE" in r.flag_names for r in careful)
    ratio = [a.values["pa_err"] / b.values["pa_err"] for a, b in zip(careful, naive)]
    assert 2 < np.median(ratio) < 6


def test_white_noise_is_not_called_correlated():
    results = fit_pa([mock.velocity_field(pa=10, seed=seed) for seed in range(40)])
    assert sum("CORRELATED_NOISE" in r.flag_names for r in results) <= 1


def test_noise_has_no_angle():
    results = fit_pa([field_of(noise(seed=seed)) for seed in range(300)])
    alarms = [r for r in results if r.ok]
    assert len(alarms) <= 3
    for result in results:
        if not result.ok:
            assert result.flag_names[0] == "NO_ROTATION"
            assert np.isnan(result.pa_err)
            assert abs(result.v_sys.value) < 5 * result.v_sys_err.value


def test_rotation_of_low_signal_is_found_with_wide_interval():
    field = mock.velocity_field(pa=90, noise=200, psf_fwhm=None, seed=4)
    result = field.fit_pa()
    assert result.ok
    assert 3 < result.values["pa_err"] < 40
    low, high = result.interval_68.value
    assert low < result.values["pa"] < high


def test_counter_rotating_core_flags_inner_and_outer():
    field = mock.velocity_field(pa=50, noise=3, size=25, core=mock.Core(180, 4), seed=0)
    result = field.fit_pa()
    assert off(result, 50) < 3
    assert "INNER_OUTER_DIFFER" in result.flag_names
    assert abs(angle_difference(result.values["pa_inner"], 230)) < 10
    assert abs(angle_difference(result.values["pa_outer"], 50)) < 10


def test_balanced_counter_rotation_has_an_ambiguous_sense():
    fields = [mock.velocity_field(pa=50, noise=5, size=20, psf_fwhm=None,
                                  core=mock.Core(180, radius), seed=0)
              for radius in np.linspace(5, 9, 17)]
    assert any("AMBIGUOUS_SENSE" in r.flag_names for r in fit_pa(fields))


def test_missing_azimuth_is_flagged():
    assert "INCOMPLETE_AZIMUTH" in mock.velocity_field(wedge=120, seed=0).fit_pa().flag_names
    assert "INCOMPLETE_AZIMUTH" not in mock.velocity_field(wedge=60, seed=0).fit_pa().flag_names


def test_center_option_moves_the_centre():
    field = mock.velocity_field(pa=0, center=(2, 0), seed=0)
    right = fit_pa(field, center=(2 * u.arcsec, 0 * u.arcsec))
    assert off(right, 0) < 5 * right.values["pa_err"]
    assert right.values["intrinsic_scatter"] <= fit_pa(field).values["intrinsic_scatter"]


def test_radial_range_in_arcsec_and_effective_radii():
    field = mock.velocity_field(pa=30, warp=mock.Warp(60, 4, 10), size=25, noise=2, seed=0)
    inside, outside = fit_pa(field, rmax=4 * u.arcsec), fit_pa(field, rmin=8)
    assert off(inside, 30) < 5
    assert off(outside, 30) > 20
    assert inside.area_fraction < 0.5
    field.meta["reff"] = 4 * u.arcsec
    in_reff = fit_pa(field, rmax=1 * u.dimensionless_unscaled)
    assert in_reff.values["pa"] == inside.values["pa"]


def test_weights_by_area_follow_the_large_bins():
    field = mock.velocity_field(pa=30, warp=mock.Warp(60, 4, 10), size=25, noise=2, bins=120,
                                seed=0)
    by_bins, by_area = field.fit_pa(), field.fit_pa(weights="area")
    assert off(by_area, 30) > off(by_bins, 30) + 3


def test_model_and_residual():
    field = mock.velocity_field(pa=30, v_sys=300., seed=0)
    result = field.fit_pa()
    model, residual = result.model(), result.residual()
    good = ~field.mask
    np.testing.assert_allclose((model.data + residual.data)[good], field.data[good], rtol=1e-6)
    assert np.std(residual.data[good]) < 1.2 * 5
    assert model.uncertainty is None
    assert model.shape == field.shape
    assert result.values["v_sys"] == pytest.approx(300, abs=2)


def test_posterior_is_normalised_and_peaks_at_the_angle():
    result = mock.velocity_field(pa=222, noise=60, seed=1).fit_pa()
    angles = np.arange(0, 360, 0.5) * u.deg
    density = result.posterior(angles)
    assert density.sum() * 0.5 == pytest.approx(1)
    assert abs(angle_difference(angles[density.argmax()].value, result.values["pa"])) <= 0.5
    flat = field_of(noise()).fit_pa().posterior()
    np.testing.assert_allclose(flat, 1 / 360)


def test_list_of_bins_gives_the_angle_of_the_map():
    field = mock.velocity_field(pa=140, seed=2)
    good = ~field.mask
    as_list = VelocityField.from_arrays(field.data[good], east=field.east[good],
                                        north=field.north[good], ivar=field.ivar[good])
    assert as_list.fit_pa().values["pa"] == pytest.approx(field.fit_pa().values["pa"], abs=1e-6)


def test_results_print_and_pickle():
    result = mock.velocity_field(pa=30, seed=0).fit_pa()
    assert "PositionAngle: 30." in repr(result) or "PositionAngle: 29." in repr(result)
    assert "km/s" in result._repr_html_()
    again = pickle.loads(pickle.dumps(result))
    assert again.values == result.values
    np.testing.assert_array_equal(again.model().data, result.model().data)
    none = field_of(noise()).fit_pa()
    assert "none" in repr(none) and "NO_ROTATION" in repr(none)
    with pytest.raises(ValueError, match="has no model .NO_ROTATION"):
        none.model()
    with pytest.raises(KeyError, match="no value named"):
        PositionAngle({"angle": 3.})


# -- bad input ----------------------------------------------------------------------------


def test_everything_masked():
    result = field_of(noise(), mask=np.ones((21, 21), bool)).fit_pa()
    assert not result.ok
    assert result.flag_names == ["NO_DATA"]


def test_fewer_spaxels_than_parameters():
    mask = np.ones((21, 21), bool)
    mask[10, 9:12] = False
    result = field_of(noise(), mask=mask).fit_pa()
    assert result.flag_names == ["TOO_FEW_DATA"]
    assert result.n_data == 3


def test_one_single_bin():
    result = field_of(np.full((21, 21), 7.), bin_id=np.zeros((21, 21), int)).fit_pa()
    assert result.flag_names == ["TOO_FEW_DATA"]
    assert result.n_data == 1


@pytest.mark.parametrize("ivar", [None, np.ones((21, 21))])
def test_constant_velocity(ivar):
    result = field_of(np.full((21, 21), 7.), ivar=ivar).fit_pa()
    assert not result.ok
    assert "NO_ROTATION" in result.flag_names


def test_perfect_data_without_noise():
    east, north = grid()
    result = VelocityField.from_arrays(10 * north, east=east, north=north).fit_pa()
    assert off(result, 0) < 1e-3
    assert np.isfinite(result.values["pa_err"])


def test_extreme_weights_do_not_break_the_fit():
    ivar = np.ones((21, 21))
    ivar[10, 10], ivar[3, 3] = 1e12, 1e-12
    east, _ = grid()
    result = field_of(10 * east + noise(), ivar=ivar).fit_pa()
    assert off(result, 90) < 10


@pytest.mark.parametrize("weights", ["bins", "area"])
def test_degenerate_places_and_values_do_not_break_the_fit(weights):
    east, north = grid()
    on_a_line = field_of(10 * north, mask=abs(east) > 0.1).fit_pa(weights=weights)
    # what is measured along one line fits nearly any angle
    assert on_a_line.values["pa_err"] > 30
    assert "INCOMPLETE_AZIMUTH" in on_a_line.flag_names
    at_the_centre = VelocityField.from_arrays(noise(), east=0 * east, north=0 * north)
    assert at_the_centre.fit_pa(weights=weights).flag_names == ["TOO_FEW_DATA"]
    for velocity in (np.sign(north) * 50, np.where(north > 0, 10., 0.), 1e8 * north,
                     1e-8 * north, 10 * north + 3e5, (10 * north).astype(int)):
        assert off(field_of(velocity).fit_pa(weights=weights), 0) < 0.01
    chequered = 100. * (np.indices((21, 21)).sum(axis=0) % 2)
    assert not field_of(chequered).fit_pa(weights=weights).ok


def test_missing_fields_in_a_sequence_keep_their_place():
    results = fit_pa([None, mock.velocity_field(pa=30, seed=0), None])
    assert [r.ok for r in results] == [False, True, False]
    assert results[0].flag_names == ["NO_DATA"]
    assert fit_pa([]) == []


@pytest.mark.parametrize("options, message", [
    (dict(method="magic"), "method must be one of"),
    (dict(weights="flux"), "weights must be one of"),
    (dict(harmonics=(2,)), "harmonics must be"),
    (dict(clip=-1), "clip must be a positive number"),
    (dict(center=3), "center must be a pair"),
    (dict(center=(np.nan, 0)), "must be finite"),
    (dict(rmin=5, rmax=2), "rmin .5 arcsec. must be below rmax"),
    (dict(rmax=-2), "rmax must not be negative"),
    (dict(rmax=1 * u.dimensionless_unscaled), "effective radii"),
])
def test_wrong_options_are_told(options, message):
    with pytest.raises(ValueError, match=message):
        fit_pa(field_of(noise()), **options)


def test_wrong_units_and_types_are_told():
    with pytest.raises(u.UnitsError, match="rmax has the unit 'km / s'"):
        fit_pa(field_of(noise()), rmax=3 * u.km / u.s)
    with pytest.raises(TypeError, match="fields must be a VelocityField or a sequence"):
        fit_pa(3)
    with pytest.raises(TypeError, match=r"fields\[1\] must be a VelocityField, not ndarray"):
        fit_pa([field_of(noise()), noise()])


def test_input_is_not_changed():
    field = mock.velocity_field(pa=30, bins=80, seed=0)
    before = [array.copy() for array in (field.data, field.mask, field.uncertainty.array,
                                         field.bin_id, field.east.value)]
    field.fit_pa()
    after = (field.data, field.mask, field.uncertainty.array, field.bin_id, field.east.value)
    for old, new in zip(before, after):
        np.testing.assert_array_equal(old, new)
