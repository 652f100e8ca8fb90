"""VelocityField: what it takes, refuses, gives and cuts."""

import copy
import pickle

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.nddata import InverseVariance, NDData, StdDevUncertainty
from astropy.wcs import WCS
from hypothesis import given
from hypothesis import strategies as st
from readers_helper import sky_header

from kinmis import VelocityField
from kinmis._units import IVAR, KMS
from kinmis.exceptions import InvalidValueWarning

SHAPE = (5, 7)
NORTH, EAST = (np.indices(SHAPE) - 2.) * 0.5
VELOCITY = 10 * EAST + NORTH


def make(velocity=VELOCITY, **arguments):
    return VelocityField.from_arrays(velocity, **{"east": EAST, "north": NORTH, **arguments})


def sky_wcs(kind="usual"):
    wcs = WCS(sky_header(mirrored=kind == "mirrored"))
    if kind in ("rotated", "cd"):
        angle = np.deg2rad(30)
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        matrix = wcs.wcs.pc @ turn
        if kind == "cd":
            wcs = WCS(naxis=2)
            wcs.wcs.ctype, wcs.wcs.crpix = ("RA---TAN", "DEC--TAN"), (4, 3)
            wcs.wcs.crval = 150, 20
            wcs.wcs.cd = matrix
        else:
            wcs.wcs.pc = matrix
    return wcs


KINDS = ["usual", "mirrored", "rotated", "cd"]


class TestFromArrays:
    """What a field is made of."""

    def test_plain_numbers_are_kms_and_arcsec(self):
        field = make(ivar=np.full(SHAPE, 0.25), v_ref=7000, component="gas", line="Ha-6564",
                     bin_id=np.arange(35.).reshape(SHAPE), meta={"id": "x"})
        assert isinstance(field, NDData) and field.unit == KMS
        np.testing.assert_array_equal(field.velocity, VELOCITY * KMS)
        np.testing.assert_array_equal(field.east, EAST * u.arcsec)
        np.testing.assert_array_equal(field.ivar, np.full(SHAPE, 0.25) * IVAR)
        np.testing.assert_array_equal(field.error, np.full(SHAPE, 2) * KMS)
        assert field.v_ref == 7000 * KMS and field.id == "x" and field.bin_id.dtype == np.int64
        assert (field.component, field.line, field.partner) == ("gas", "Ha-6564", None)
        assert field.n_valid == field.n_bins == 35 and not field.mask.any()

    def test_units_are_converted(self):
        field = make(VELOCITY * 1000 * u.m / u.s, east=EAST / 3600 * u.deg, north=NORTH * u.arcsec,
                     error=np.full(SHAPE, 2000) * u.m / u.s, v_ref=7e6 * u.m / u.s)
        np.testing.assert_allclose(field.data, VELOCITY)
        np.testing.assert_allclose(field.east.value, EAST)
        np.testing.assert_allclose(field.ivar.value, 0.25)
        assert field.v_ref.value == pytest.approx(7000)

    @pytest.mark.parametrize("name, value", [
        ("velocity", VELOCITY * u.kg), ("east", EAST * u.km), ("north", NORTH * u.s),
        ("ivar", np.ones(SHAPE) * KMS), ("error", np.ones(SHAPE) * u.arcsec),
        ("v_ref", 3 * u.arcsec)])
    def test_wrong_units(self, name, value):
        with pytest.raises(u.UnitsError, match=rf"^{name} has the unit '.*must be convertible"):
            make(**{name: value})

    @pytest.mark.parametrize("name", ["east", "north", "mask", "ivar", "error", "bin_id"])
    def test_different_shapes(self, name):
        kind = {"mask": bool, "bin_id": int}.get(name, float)
        with pytest.raises(ValueError, match=rf"^{name} has the shape \(7, 5\), but velocity has "
                                             r"\(5, 7\)"):
            make(**{name: np.ones((7, 5), kind)})

    @pytest.mark.parametrize("velocity, text", [
        (np.zeros((2, 3, 4)), "1-D list or a 2-D map, not 3-D"), (3., "not 0-D"),
        (np.zeros((0, 4)), "velocity is empty")])
    def test_wrong_dimensions(self, velocity, text):
        with pytest.raises(ValueError, match=text):
            make(velocity)

    @pytest.mark.parametrize("name, value, error, text", [
        ("velocity", np.full(SHAPE, "x"), TypeError, "velocity must hold real numbers"),
        ("velocity", VELOCITY * 1j, TypeError, "velocity must hold real numbers"),
        ("mask", np.full(SHAPE, 4), TypeError, "mask must be boolean .*decode the bits"),
        ("mask", np.ones(SHAPE), TypeError, "mask must be boolean"),
        ("bin_id", EAST / 3, TypeError, "bin_id must hold whole numbers"),
        ("component", "dust", ValueError, "component must be one of"),
        ("v_ref", np.nan, ValueError, "v_ref must be finite"),
        ("v_ref", [1, 2], ValueError, "v_ref must be a single number"),
        ("wcs", "TAN", TypeError, "wcs must be an astropy.wcs.WCS, not str"),
        ("wcs", WCS(naxis=2), ValueError, "wcs must be a 2-D celestial WCS"),
        ("wcs", WCS(naxis=3), ValueError, "wcs must be a 2-D celestial WCS"),
        ("center", 3, ValueError, "center must be a pair"),
    ])
    def test_wrong_values(self, name, value, error, text):
        with pytest.raises(error, match=text):
            make(**{name: value})

    def test_both_ivar_and_error(self):
        with pytest.raises(ValueError, match="give ivar or error, not both"):
            make(ivar=np.ones(SHAPE), error=np.ones(SHAPE))

    def test_no_positions(self):
        with pytest.raises(ValueError, match="no sky positions: give east and north .*or wcs"):
            VelocityField.from_arrays(VELOCITY)
        with pytest.raises(ValueError, match="give both east and north, or neither"):
            VelocityField.from_arrays(VELOCITY, east=EAST)
        with pytest.raises(ValueError, match="list of bins has no pixel grid"):
            VelocityField.from_arrays(VELOCITY.ravel(), wcs=sky_wcs())

    def test_nan_is_masked_silently(self):
        velocity = VELOCITY.copy()
        velocity[0, 0] = np.nan
        ivar = np.ones(SHAPE)
        ivar[1, 1:3] = 0, np.nan
        east = EAST.copy()
        east[2, 2] = np.nan
        field = make(velocity, ivar=ivar, east=east)
        assert sorted(zip(*np.nonzero(field.mask))) == [(0, 0), (1, 1), (1, 2), (2, 2)]
        assert np.isnan(field.velocity[0, 0]) and np.isnan(field.error[1, 1])

    @pytest.mark.parametrize("name, value, text", [
        ("velocity", np.inf, "infinite velocity"), ("velocity", -np.inf, "infinite velocity"),
        ("ivar", np.inf, "inverse variance that is infinite or negative"),
        ("ivar", -1., "inverse variance that is infinite or negative"),
        ("error", 0., "error that is infinite, zero or negative"),
        ("error", -1., "error that is infinite"), ("error", np.inf, "error that is infinite"),
        ("error", 1e-200, "error that is infinite"),
    ])
    def test_impossible_values_are_masked_with_a_warning(self, name, value, text):
        array = VELOCITY.copy() if name == "velocity" else np.ones(SHAPE)
        array[1, 2:4] = value
        mask = np.zeros(SHAPE, bool)
        mask[1, 3] = True       # already masked: not counted
        with pytest.warns(InvalidValueWarning, match=f"^1 of 35 spaxels .*{text}") as caught:
            field = make(**{name: array, "mask": mask})
        assert caught[0].filename == __file__
        assert field.mask.sum() == 2 and field.mask[1, 2:4].all()

    def test_garbage_under_the_mask_is_nobodys_business(self):
        mask = np.zeros(SHAPE, bool)
        mask[:3] = True
        velocity, ivar = VELOCITY.copy(), np.ones(SHAPE)
        velocity[0], velocity[1], velocity[2] = np.nan, np.inf, 1e30
        ivar[0], ivar[1], ivar[2] = np.inf, -1, np.nan
        np.testing.assert_array_equal(make(velocity, ivar=ivar, mask=mask).mask, mask)

    def test_masks_of_zeros_and_ones(self):
        mask = np.zeros(SHAPE, int)
        mask[0, 0] = 1
        assert make(mask=mask).mask.dtype == bool and make(mask=mask).n_valid == 34

    def test_masked_arrays(self):
        field = make(np.ma.masked_greater(VELOCITY, 5))
        np.testing.assert_array_equal(field.mask, VELOCITY > 5)
        whole = np.ma.masked_equal(np.arange(35).reshape(SHAPE), 3)
        assert make(whole).mask.sum() == 1

    def test_big_endian_and_integers(self):
        field = make(VELOCITY.astype(">f4"), bin_id=np.ones(SHAPE, ">i4"))
        assert field.data.dtype == np.float32 and field.data.dtype.isnative
        assert field.bin_id.dtype == np.int32 and field.bin_id.dtype.isnative
        assert make(np.ones(SHAPE, int)).data.dtype == np.float64
        assert make(bin_id=np.ones(SHAPE, "u2")).bin_id.dtype == np.int64

    def test_input_stays_as_it_was(self):
        arrays = {"velocity": VELOCITY.copy(), "ivar": np.ones(SHAPE), "east": EAST.copy(),
                  "mask": np.zeros(SHAPE, bool), "bin_id": np.ones(SHAPE, int)}
        arrays["velocity"][0, 0] = arrays["ivar"][0, 1] = np.nan
        before = copy.deepcopy(arrays)
        meta = {"list": [1]}
        field = make(**arrays, meta=meta, center=(1 * u.arcsec, 0 * u.arcsec))
        field.meta["new"] = 1
        for name in arrays:
            np.testing.assert_array_equal(arrays[name], before[name])
        assert meta == {"list": [1]}

    def test_center_in_arcsec(self):
        field = make(center=(0.5 * u.arcsec, -1 / 3600 * u.deg))
        np.testing.assert_allclose(field.east.value, EAST - 0.5)
        np.testing.assert_allclose(field.north.value, NORTH + 1)

    def test_n_bins(self):
        bins = np.repeat(np.arange(-1, 4), 7).reshape(SHAPE)
        mask = np.zeros(SHAPE, bool)
        mask[4] = True
        field = make(bin_id=bins, mask=mask)
        assert field.n_bins == 3 + 7        # spaxels without a bin count for themselves


class TestWcs:
    """Positions from a WCS, never from the array axes."""

    @pytest.mark.parametrize("kind", KINDS)
    def test_offsets_from_the_wcs(self, kind):
        wcs = sky_wcs(kind)
        field = VelocityField.from_arrays(VELOCITY, wcs=wcs)
        row, column = np.indices(SHAPE)
        spaxels = wcs.pixel_to_world(column, row)
        center = SkyCoord(150, 20, unit="deg", frame=spaxels.frame.name)
        east = (spaxels.ra - center.ra).wrap_at("180d").arcsec * np.cos(center.dec)
        np.testing.assert_allclose(field.east.value, east, atol=2e-4)
        np.testing.assert_allclose(field.north.value, (spaxels.dec - center.dec).arcsec,
                                   atol=2e-4)
        assert field.east[2, 3] == field.north[2, 3] == 0 * u.arcsec

    def test_mirrored_axes(self):
        usual, mirrored = (VelocityField.from_arrays(VELOCITY, wcs=sky_wcs(kind))
                           for kind in ("usual", "mirrored"))
        assert usual.east[2, 0] > 1 * u.arcsec > -1 * u.arcsec > mirrored.east[2, 0]

    def test_center_on_the_sky(self):
        wcs = sky_wcs()
        field = VelocityField.from_arrays(VELOCITY, wcs=wcs, center=wcs.pixel_to_world(0, 0))
        assert abs(field.east[0, 0]) < 1e-9 * u.arcsec and field.north[4, 0] > 1.9 * u.arcsec
        with pytest.raises(TypeError, match="center must be an .*SkyCoord, not tuple"):
            VelocityField.from_arrays(VELOCITY, wcs=wcs, center=(0, 0))

    @pytest.mark.parametrize("kind", KINDS)
    @pytest.mark.parametrize("item", [
        np.s_[1:4, 2:6], np.s_[2:, :3], np.s_[::2, 1::3], np.s_[::-1, ::-1], np.s_[4:0:-2, -3:],
        np.s_[...], np.s_[1:2, 3:4], np.s_[3:]])
    def test_slices_keep_their_place(self, kind, item):
        wcs = sky_wcs(kind)
        before = wcs.to_header()
        field = VelocityField.from_arrays(VELOCITY, wcs=wcs)
        cut = field[item]
        row, column = np.indices(cut.shape)
        whole = np.indices(SHAPE)[(slice(None), *(item if isinstance(item, tuple) else (item,)))]
        expected = wcs.pixel_to_world(whole[1], whole[0])
        assert cut.wcs.pixel_to_world(column, row).separation(expected).max() < 1e-7 * u.arcsec
        np.testing.assert_array_equal(cut.east, field.east[item])
        assert cut.wcs.to_header()["CTYPE1"] == "RA---TAN"
        assert tuple(cut.wcs.pixel_shape) == cut.shape[::-1]
        assert wcs.to_header() == before and field.wcs is wcs

    @given(st.tuples(*[st.slices(length) for length in SHAPE]))
    def test_any_slice(self, item):
        field = VelocityField.from_arrays(VELOCITY, wcs=sky_wcs("rotated"))
        cut = field[item]
        np.testing.assert_array_equal(cut.data, VELOCITY[item])
        if cut.data.size:
            row, column = np.indices(cut.shape)
            again = VelocityField.from_arrays(cut.data, wcs=cut.wcs, center=SkyCoord(
                150, 20, unit="deg", frame="icrs"))
            np.testing.assert_allclose(again.east.value, cut.east.value, atol=1e-6)

    @pytest.mark.parametrize("item", [np.s_[1], np.s_[:, 2], VELOCITY > 0, np.s_[[0, 3, 4]]])
    def test_pieces_that_are_no_regular_map_have_no_wcs(self, item):
        cut = VelocityField.from_arrays(VELOCITY, wcs=sky_wcs())[item]
        assert cut.wcs is None
        np.testing.assert_array_equal(cut.data, VELOCITY[item])

    def test_distortion_moves_along(self):
        from astropy.wcs import Sip
        wcs = sky_wcs()
        wcs.wcs.ctype = "RA---TAN-SIP", "DEC--TAN-SIP"
        a = np.zeros((3, 3))
        a[2, 0] = 0.1
        wcs.sip = Sip(a, a, None, None, wcs.wcs.crpix)
        field = VelocityField.from_arrays(VELOCITY, wcs=wcs)
        cut = field[1:, 2:]
        assert cut.wcs.pixel_to_world(2, 1).separation(wcs.pixel_to_world(4, 2)) < 1e-7 * u.arcsec
        assert field[::2].wcs is None


class TestSlices:
    """Everything that belongs to a spaxel is cut with it."""

    def full(self):
        return make(ivar=1 + EAST**2, mask=VELOCITY > 10, v_ref=100, component="gas",
                    line="Ha-6564", bin_id=np.arange(35).reshape(SHAPE),
                    meta={"id": "x", "list": [1]})

    @pytest.mark.parametrize("item", [np.s_[1:4, ::2], np.s_[2], VELOCITY > -5, np.s_[[1, 2]]])
    def test_arrays_and_attributes(self, item):
        field = self.full()
        cut = field[item]
        for name in ("data", "mask", "east", "north", "bin_id", "ivar"):
            np.testing.assert_array_equal(getattr(cut, name), getattr(field, name)[item])
        for name in ("component", "line", "v_ref", "unit", "meta"):
            assert getattr(cut, name) == getattr(field, name)
        cut.meta["list"].append(2)
        assert field.meta["list"] == [1]

    def test_partner_is_dropped(self):
        field = self.full()._replace(partner=make())
        assert field.partner is not None and field[1:3].partner is None

    def test_one_spaxel_is_no_field(self):
        with pytest.raises(IndexError, match="one spaxel is no field"):
            self.full()[1, 2]


class TestObject:
    """Copies, pickles and the words that describe a field."""

    def test_replace_leaves_the_original_alone(self):
        field = make(meta={"a": [1], "q": 3 * u.arcsec}, ivar=np.ones(SHAPE))
        new = field._replace(component="gas", uncertainty=None)
        new.meta["a"].append(2)
        new.meta["q"] *= 2
        assert field.meta == {"a": [1], "q": 3 * u.arcsec}
        assert (field.component, new.component) == (None, "gas")
        assert field.ivar is not None and new.ivar is None and new.error is None

    def test_pickle_and_deepcopy(self):
        field = make(ivar=np.ones(SHAPE), wcs=sky_wcs(), meta={"q": 3 * u.arcsec})
        field = field._replace(partner=make(component="gas"))
        for new in (pickle.loads(pickle.dumps(field)), copy.deepcopy(field)):
            np.testing.assert_array_equal(new.data, field.data)
            np.testing.assert_array_equal(new.ivar, field.ivar)
            assert new.meta == field.meta and new.partner.component == "gas"
            assert new.wcs.to_header() == field.wcs.to_header()

    def test_a_copy_does_not_drag_the_original_into_its_pickle(self):
        field = make(np.zeros(SHAPE), ivar=np.ones(SHAPE))
        assert len(pickle.dumps(field._replace(component=None))) == len(pickle.dumps(field))

    def test_uncertainty(self):
        arrays = {"east": EAST * u.arcsec, "north": NORTH * u.arcsec}
        field = VelocityField(VELOCITY, **arrays, uncertainty=InverseVariance(np.ones(SHAPE)))
        assert field.uncertainty.unit == IVAR
        field = VelocityField(VELOCITY, **arrays, uncertainty=InverseVariance(
            np.ones(SHAPE), unit=(u.m / u.s)**-2))
        np.testing.assert_allclose(field.ivar.value, 1e6)
        with pytest.raises(TypeError, match="must be an astropy.nddata.InverseVariance, not Std"):
            VelocityField(VELOCITY, **arrays, uncertainty=StdDevUncertainty(np.ones(SHAPE)))

    def test_repr(self):
        field = make(component="gas", line="Ha-6564", meta={"id": "8485-1901"},
                     bin_id=np.arange(35).reshape(SHAPE) // 5, mask=NORTH > 0.6)
        assert repr(field) == str(field) == ("<VelocityField 8485-1901: gas Ha-6564, 5 x 7, "
                                             "28 valid in 6 bins, -11 to 20 km/s>")
        assert repr(make(np.arange(3.), east=np.arange(3), north=np.arange(3))) == (
            "<VelocityField: list of 3, 3 valid, 0 to 2 km/s>")
        assert repr(make(mask=np.ones(SHAPE, bool))) == "<VelocityField: 5 x 7, 0 valid>"

    def test_notebook_display(self):
        field = make(component="stellar", v_ref=7000, meta={"id": "<b>&", "source": "a<b.fits"})
        text = field._repr_html_()
        assert text.startswith("<table") and "&lt;b&gt;&amp;" in text and "<b>" not in text
        assert "7000.0 km / s" in text and "a&lt;b.fits" in text and "stellar" in text
        assert "35 valid" in make()._repr_html_()
