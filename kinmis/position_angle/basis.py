"""
The basis of the harmonic model.

    v = v_sys + sum_k sum_m B_k(r) a_km cos m(phi - theta),    m = 1, or 1 and 3

B_k are linear hat functions of radius: one at its node k R/K, zero at the neighbouring
nodes and at the centre. phi runs from North through East. The columns are, in this order,
1; B_k cos(phi); B_k sin(phi); B_k cos(3 phi); B_k sin(3 phi), each for k = 1 ... K.
"""

import numpy as np

#: Number of hat functions.
K = 4
#: Number of columns.
COLUMNS = 1 + 4 * K


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
    radius = np.hypot(east, north)
    inverse = 1. / np.maximum(radius, np.finfo(float).tiny)
    cosine, sine = north * inverse, east * inverse
    # multiple-angle formulae are several times faster than trigonometric functions
    cosine3 = cosine * (4. * cosine**2 - 3.)
    sine3 = sine * (3. - 4. * sine**2)
    out[0] = 1.
    position = radius * (K / outer)
    for k in range(1, K + 1):
        hat = np.maximum(0., 1. - np.abs(position - k))
        for block, angular in enumerate((cosine, sine, cosine3, sine3)):
            np.multiply(hat, angular, out=out[block * K + k])
    return out


def coarsen(nodes):
    """
    Return the matrix that makes coarser hat functions from the K fine ones.

    Parameters
    ----------
    nodes : {4, 2, 1}
        Number of coarse hat functions. Their nodes are nodes of the fine ones, so that
        they are combinations of them.

    Returns
    -------
    matrix : `~numpy.ndarray`
        Shape (nodes, K): value of each coarse hat at the fine nodes.
    """
    fine = np.arange(1, K + 1) * nodes / K
    return np.maximum(0., 1. - np.abs(fine - np.arange(1, nodes + 1)[:, None]))
