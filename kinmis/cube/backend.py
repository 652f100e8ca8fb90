"""Where line fits run: NumPy, or JAX."""

import functools
import importlib.util

import numpy as np

__all__ = ["choose_backend"]

# below so many spectra JAX takes longer to compile than NumPy to fit
_WORTH_COMPILING = 20_000
_FEW_STEPS = 6


def choose_backend(name, count):
    """
    Return the function that runs a fit.

    Parameters
    ----------
    name : {"auto", "jax", "numpy"}
        ``"auto"`` is JAX where it is installed with an accelerator and there are at least 20,000
        spectra, so that compiling pays; else it is NumPy, which on a processor is as fast and
        needs less memory. A backend that is named is used or is an error.
    count : int
        How many spectra there are.

    Returns
    -------
    run : callable
        ``run(problem, flux, ivar, chunk)``.

    Raises
    ------
    ImportError
        If JAX is asked for and not installed.
    ValueError
        If there is no such backend.

    Examples
    --------
    >>> from kinmis.cube.backend import choose_backend
    >>> choose_backend("auto", 100).__name__
    'run_numpy'
    """
    return {"numpy": run_numpy, "jax": run_jax}[backend_name(name, count)]


def backend_name(name, count):
    """Return ``"numpy"`` or ``"jax"``, for a name that may be ``"auto"``."""
    if name not in ("auto", "jax", "numpy"):
        raise ValueError(f"backend must be 'auto', 'jax' or 'numpy', not {name!r}")
    there = importlib.util.find_spec("jax") is not None
    if name == "auto":
        return "jax" if count >= _WORTH_COMPILING and there and _has_accelerator() else "numpy"
    if name == "jax" and not there:
        raise ImportError("backend=\"jax\" needs JAX: pip install \"kinmis[cubes]\"; or give "
                          "backend=\"numpy\"")
    return name


def _has_accelerator():
    """Return whether JAX runs on anything but the processor."""
    import jax
    return jax.default_backend() != "cpu"


def run_numpy(problem, flux, ivar, chunk):
    """Fit chunk by chunk; a spectrum that has converged is not looked at again."""
    parts = [_fit_numpy(problem, flux[start:start + chunk], ivar[start:start + chunk])
             for start in range(0, len(flux), chunk)]
    return [np.concatenate(items) for items in zip(*parts)]


def _fit_numpy(problem, flux, ivar):
    from kinmis.cube.line_fit import converged
    with np.errstate(all="ignore"):     # spectra without data give NaN, which is told later
        point = problem.start(np, flux, ivar)
        state = [np.array(item) for item in problem.evaluate(np, point, flux, ivar)]
        damping = np.full(len(flux), 1e-3)
        active = np.arange(len(flux))
        for _ in range(problem.most_steps):
            now = point[:, active]
            trial, gain = problem.step(np, now, state[1][active], state[2][active],
                                       damping[active])
            going = ~converged(gain)
            active, trial = active[going], trial[:, going]
            if not active.size:
                break
            new = problem.evaluate(np, trial, flux[active], ivar[active])
            better = new[0] <= state[0][active]
            damping[active] = np.where(better, damping[active] / 10, damping[active] * 8)
            point[:, active[better]] = trial[:, better]
            for old, item in zip(state, new):
                old[active[better]] = item[better]
            active = active[damping[active] < 1e8]
        return problem.finish(np, point, state)


def run_jax(problem, flux, ivar, chunk):
    """
    Fit chunks of one size, so that JAX compiles once; in double precision.

    Most spectra need few steps. The rest are collected and go on together.
    """
    import jax
    double = getattr(jax, "enable_x64", None)
    if double is None:
        from jax.experimental import enable_x64 as double
    # arrays of a chunk fit into the cache of a processor; a GPU wants all it can get
    chunk = min(chunk if jax.default_backend() == "cpu" else 16 * chunk, max(1, len(flux)))
    begin, advance, finish = _compiled(problem)
    with double(True):
        point, state, damping, active = _in_chunks(begin, chunk, flux, ivar)
        for _ in range(0, problem.most_steps, _FEW_STEPS):
            rows = np.flatnonzero(active)
            if not rows.size:
                break
            new = _in_chunks(advance, chunk, flux[rows], ivar[rows], point[rows],
                             tuple(item[rows] for item in state), damping[rows])
            point[rows], damping[rows], active[rows] = new[0], new[2], new[3]
            for old, item in zip(state, new[1]):
                old[rows] = item
        return list(_in_chunks(finish, chunk, point, tuple(state)))


@functools.lru_cache(maxsize=4)
def _compiled(problem):
    """Return the functions of a problem, which JAX compiles on their first call."""
    import jax
    return (jax.jit(functools.partial(_begin, problem)),
            jax.jit(functools.partial(_advance, problem)),
            jax.jit(lambda point, state: problem.finish(jax.numpy, point.T, state)))


def _in_chunks(function, chunk, *arrays):
    """Call a function of arrays, or tuples of them, with so many rows at a time."""
    import jax
    count = len(arrays[0])
    parts = []
    for start in range(0, count, chunk):
        # the last chunk is filled up with copies of its first row
        rows = np.arange(start, start + chunk)
        rows[rows >= count] = start
        result = function(*jax.tree_util.tree_map(lambda item: item[rows], arrays))
        parts.append(jax.tree_util.tree_map(
            lambda item: np.array(item)[:min(chunk, count - start)], result))
    return jax.tree_util.tree_map(lambda *items: np.concatenate(items), *parts)


def _begin(problem, flux, ivar):
    import jax.numpy as jnp
    point = problem.start(jnp, flux, ivar)
    state = problem.evaluate(jnp, point, flux, ivar)
    return _advance(problem, flux, ivar, point.T, state, jnp.full(len(flux), 1e-3))


def _advance(problem, flux, ivar, point, state, damping):
    """Take a few steps; spectra that have converged stay where they are."""
    import jax
    import jax.numpy as jnp

    from kinmis.cube.line_fit import converged

    def step(_, carry):
        point, state, damping, active = carry
        trial, gain = problem.step(jnp, point, state[1], state[2], damping)
        active = active & ~converged(gain)
        new = problem.evaluate(jnp, trial, flux, ivar)
        better = active & (new[0] <= state[0])
        damping = jnp.where(active, jnp.where(better, damping / 10, damping * 8), damping)
        point = jnp.where(better, trial, point)
        state = tuple(jnp.where(better.reshape(-1, *[1] * (item.ndim - 1)), item, old)
                      for old, item in zip(state, new))
        return point, state, damping, active & (damping < 1e8)

    carry = point.T, state, damping, jnp.ones(len(flux), bool)
    point, state, damping, active = jax.lax.fori_loop(0, _FEW_STEPS, step, carry)
    return point.T, state, damping, active
