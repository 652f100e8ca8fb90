"""Mirror images of a field and their interpolation."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from kinmis.position_angle.mirror import (Triangulation, mirrored_values, reflect,
                                          residual_matrix)


@pytest.fixture
def positions():
    rng = np.random.default_rng(0)
    radius, azimuth = 8 * np.sqrt(rng.uniform(size=250)), rng.uniform(0, 2 * np.pi, 250)
    return radius * np.sin(azimuth), radius * np.cos(azimuth)


def test_reflect():
    # about the North axis East turns into West
    assert_allclose(reflect(1., 2., 0.), (-1., 2.))
    assert_allclose(reflect(1., 2., 90.), (1., -2.), atol=1e-15)
    assert_allclose(reflect(1., 2., 45.), (2., 1.))


def test_planes_reproduce_a_plane(positions):
    east, north = positions
    mesh = Triangulation(east, north)
    values = 3 - 2 * east + 5 * north
    axes = np.array([0., 33., 120.])
    (part, images, turned), = mirrored_values(mesh, values, axes)
    there = reflect(east[:, None], north[:, None], axes)
    inside = np.isfinite(images)
    assert inside.mean() > 0.8
    assert_allclose(images[inside], (3 - 2 * there[0] + 5 * there[1])[inside], atol=1e-9)
    assert_allclose(turned[np.isfinite(turned)],
                    (3 + 2 * east - 5 * north)[np.isfinite(turned[:, 0])], atol=1e-9)


def test_the_matrix_agrees_with_the_scan(positions):
    east, north = positions
    values = np.random.default_rng(1).normal(size=len(east))
    mesh = Triangulation(east, north)
    axes = np.array([12., 102.])
    (_, images, turned), = mirrored_values(mesh, values, axes)
    terms = np.stack([values, images[:, 0], -images[:, 1], -turned[:, 0]])
    expected = values - np.nanmean(terms, axis=0)
    assert_allclose(residual_matrix(mesh, axes[:1]) @ values, expected, atol=1e-9)
    both = (residual_matrix(mesh, axes) @ values).reshape(-1, 2)
    assert_allclose(both[:, 0], expected, atol=1e-9)


def test_gaps_are_not_bridged():
    north, east = np.mgrid[-10:11, -10:11] * 0.5
    keep = np.abs(east) > 2.
    mesh = Triangulation(east[keep], north[keep])
    assert mesh.find(np.array([0., 3.1]), np.array([0.2, 0.2]))[0] == -1
    assert mesh.find(np.array([0., 3.1]), np.array([0.2, 0.2]))[1] >= 0


@pytest.mark.parametrize("east, match", [
    (np.zeros(2), "fewer than four"), (np.arange(9.), "one line")])
def test_what_has_no_triangles(east, match):
    with pytest.raises(ValueError, match=match):
        Triangulation(east, east)
