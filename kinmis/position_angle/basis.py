"""
The basis of the harmonic model.

    v = v_sys + sum_k sum_m B_k(r) a_km cos m(phi - theta),    m = 1; 1, 3; or 1, 3, 5

B_k are linear hat functions of radius: one at its node, zero at the neighbouring nodes and
at the centre. The nodes lie at R/8, R/4, R/2 and the outer radius R. phi runs from North
through East. The columns are, in this order, 1; B_k cos(phi); B_k sin(phi); B_k cos(3 phi);
B_k sin(3 phi); B_k cos(5 phi); B_k sin(5 phi), each for k = 1 ... K.
"""

import numpy as np

#: Nodes of the hat functions in units of the outer radius, each at half the radius of the
#: next: rotation curves bend inside and are straight outside.
NODES = (0.125, 0.25, 0.5, 1.)
K = len(NODES)
#: Harmonics of a bisymmetric field; an inclined disc has all of them, ever weaker.
HARMONICS = (1, 3, 5)
#: Number of angular functions, and of columns.
ANGULAR = 2 * len(HARMONICS)
COLUMNS = 1 + ANGULAR * K


def columns(east, north, outer):
    """
    Return the basis functions at the given positions.

    Parameters
    ----------
    east, north : `~numpy.ndarray`
        Offsets from the centre, arcsec, shape (N,).
    outer : float or `~numpy.ndarray`
        Radius of the outermost node, arcsec.

    Returns
    -------
    columns : `~numpy.ndarray`
        Shape (COLUMNS, N).
    """
    out = np.empty((COLUMNS, len(east)))
    radius = np.hypot(east, north, dtype=float)
    inverse = 1. / np.maximum(radius, np.finfo(float).tiny)
    cosine, sine = north * inverse, east * inverse
    # recurrences are several times faster than trigonometric functions
    twice = 4. * cosine**2 - 2.
    cosine3, sine3 = (twice - 1.) * cosine, (twice + 1.) * sine
    cosine5, sine5 = twice * cosine3 - cosine, twice * sine3 - sine
    angular = cosine, sine, cosine3, sine3, cosine5, sine5
    out[0] = 1.
    position = radius / outer
    knots = [0., *NODES, 2.]
    for k in range(1, K + 1):
        rising = (position - knots[k - 1]) * (1. / (knots[k] - knots[k - 1]))
        falling = (knots[k + 1] - position) * (1. / (knots[k + 1] - knots[k]))
        hat = np.maximum(0., np.minimum(rising, falling))
        for block, function in enumerate(angular):
            np.multiply(hat, function, out=out[block * K + k])
    return out


def coarsen(nodes):
    """
    Return the matrix that makes coarser hat functions from the K fine ones.

    Parameters
    ----------
    nodes : {4, 2, 1}
        Number of coarse hat functions, with nodes at R/8, R/4, R/2, R; R/4, R; or R. These
        are nodes of the fine ones, so that coarse functions are combinations of them.

    Returns
    -------
    matrix : `~numpy.ndarray`
        Shape (nodes, K): value of each coarse hat at the fine nodes.
    """
    chosen = NODES[K // nodes - 1::K // nodes]
    return np.array([np.interp(NODES, (0., *chosen), unit)
                     for unit in np.eye(nodes + 1)[1:]])
