"""
The harmonic engine: a likelihood for the angle, for many fields at once.

Each field is reduced to independent rows (`rows`), weighted (`weighting`) and summed up in a
normal matrix of 25 basis functions (`basis`); the angle and everything else follow from that
small matrix (`profile`, `solution`, `posterior`). Only the residuals need the data once more
(`correlation`).
"""

from dataclasses import dataclass

import numpy as np

from kinmis.flags import flag_bits
from kinmis.position_angle.block_fit import BlockFit
from kinmis.position_angle.result import PositionAngle
from kinmis.position_angle.rows import field_rows

#: Radial functions and the rows that they need.
ROWS_NEEDED = {4: 50, 2: 20, 1: 6}

#: Spaxels that one block of fields holds at most, so that its basis functions stay in cache.
BLOCK_SPAXELS = 120_000


@dataclass(frozen=True)
class Options:
    """Options of the engine; see `kinmis.fit_pa`."""

    weights: str = "bins"
    center: tuple = (0., 0.)
    rmin: float | None = None
    rmax: float | None = None
    clip: float | None = 6.
    harmonics: tuple | None = None
    correlated: bool = True


def fit_harmonic(fields, options=Options()):
    """
    Fit the position angles of many fields.

    Parameters
    ----------
    fields : sequence of `~kinmis.VelocityField`
        The fields; of any size.
    options : `Options`
        How.

    Returns
    -------
    results : list of `~kinmis.PositionAngle`
        One for each field, in order.
    """
    results = [None] * len(fields)
    block, held, known = [], 0, {}
    for index, field in enumerate(fields):
        layouts = len(known)
        rows = field_rows(field, options.center, options.rmin, options.rmax, known)
        nodes = next((n for n, needed in ROWS_NEEDED.items() if len(rows) >= needed), None)
        if nodes is not None and rows.outer <= np.finfo(float).tiny:
            nodes = None    # everything lies at the centre
        if nodes is None or not np.ptp(rows.velocity) > 0:
            results[index] = _without_fit(field, rows, nodes, options)
            continue
        # what one more field needs are mostly the basis functions, if it is on a grid of its own
        needs = len(rows.spaxel) // (1 if len(known) > layouts else 5)
        if block and held + needs > BLOCK_SPAXELS:
            _fit_block(block, options, results)
            block, held, known = [], 0, {}
        block.append((index, field, rows, nodes))
        held += needs
    if block:
        _fit_block(block, options, results)
    return results


def _without_fit(field, rows, nodes, options):
    """Return the result of a field that can't be fitted."""
    if rows.n_valid == 0:
        name = "NO_DATA"
    else:
        name = "TOO_FEW_DATA" if nodes is None else "NO_ROTATION"
    return PositionAngle({"flags": flag_bits(name), "n_data": len(rows)}, "harmonic",
                         options.weights, options.harmonics or (1,), field)


def _fit_block(block, options, results):
    """Fit the fields of a block; those with as many radial functions in one go."""
    for nodes in ROWS_NEEDED:
        chosen = [item for item in block if item[3] == nodes]
        if chosen:
            fields, rows = [field for _, field, _, _ in chosen], [rows for _, _, rows, _ in chosen]
            found = BlockFit(fields, rows, nodes, options).results()
            for (index, *_), result in zip(chosen, found):
                results[index] = result
