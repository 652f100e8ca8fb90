"""Arithmetic of angles."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinmis.position_angle.circular import angle_difference, wrap_180, wrap_360

angles = st.floats(-1e4, 1e4)


@given(angles)
def test_wrapped_angles_lie_in_their_range_and_point_the_same_way(angle):
    for wrapped, low, high in ((wrap_360(angle), 0, 360), (wrap_180(angle), -180, 180)):
        assert low <= wrapped <= high
        turns = (wrapped - angle) / 360
        assert turns == pytest.approx(round(turns), abs=1e-9)
    assert wrap_360(angle) < 360
    assert wrap_180(angle) > -180


@given(angles, angles)
def test_difference_is_antisymmetric_and_adds_up(first, second):
    difference = angle_difference(first, second)
    if abs(difference) < 180 - 1e-6:
        assert angle_difference(second, first) == pytest.approx(-difference, abs=1e-9)
    back = angle_difference(second + difference, first)
    assert back == pytest.approx(0, abs=1e-8) or abs(back) == pytest.approx(360, abs=1e-8)


def test_opposite_angles_differ_by_180_not_0():
    assert angle_difference(10, 190) == 180
    assert angle_difference(190, 10) == 180


def test_tiny_negative_angle_is_not_360():
    assert wrap_360(-1e-20) == 0


def test_arrays():
    np.testing.assert_allclose(angle_difference([350, 10], [10, 350]), [-20, 20])
