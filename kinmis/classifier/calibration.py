"""From what the networks say to probabilities that mean what they say."""

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

__all__ = ["Calibration"]

#: Strength with which the calibration is held at the networks' own words, in fields.
PRIOR = 5.0


class Calibration:
    """
    Platt scaling with both ordinal logits, for each component and case.

    P(quality >= k) = 1 / (1 + exp(-(a_k1 z_1 + a_k2 z_2 + b_k))), fitted by maximum likelihood
    on validation plates [1]_. What a network says of "at least 2" tells how sure "at least 1"
    is, so both count in both.

    Parameters
    ----------
    slope : array-like, shape (2, 2, 2, 2)
        By component (stars, gas), case (alone, pair), step (at least 1, at least 2) and logit.
    offset : array-like, shape (2, 2, 2)
        By component, case and step.

    References
    ----------
    .. [1] Platt, J. 1999, Advances in Large Margin Classifiers, 61
    """

    def __init__(self, slope=np.broadcast_to(np.eye(2), (2, 2, 2, 2)),
                 offset=np.zeros((2, 2, 2))):
        self.slope, self.offset = np.array(slope, float), np.array(offset, float)

    @classmethod
    def fit(cls, logits, quality, component, paired, start=None):
        """
        Fit to labelled fields.

        Parameters
        ----------
        logits : `~numpy.ndarray`, shape (n, 2)
            Of fields: at least 1, at least 2.
        quality : `~numpy.ndarray` of int, shape (n,)
        component : `~numpy.ndarray` of int, shape (n,)
            0 stars, 1 gas.
        paired : `~numpy.ndarray` of bool, shape (n,)
            Whether the other component was seen too.
        start : `Calibration`, optional
            What few labels are held at.

        Returns
        -------
        calibration : `Calibration`
        """
        new = cls() if start is None else cls(start.slope, start.offset)
        for place in np.ndindex(2, 2, 2):
            chosen = (component == place[0]) & (paired == bool(place[1]))
            fitted = _platt(logits[chosen], quality[chosen] > place[2],
                            (new.slope[place], new.offset[place]))
            new.slope[place], new.offset[place] = fitted
        return new

    def probabilities(self, logits, component, paired):
        """
        Return the probabilities of 0, 1 and 2.

        Parameters
        ----------
        logits, component, paired : `~numpy.ndarray`
            As for `fit`.

        Returns
        -------
        probabilities : `~numpy.ndarray`, shape (n, 3)
        """
        case = component, np.asarray(paired, int)
        at_least = expit(np.einsum("nkj,nj->nk", self.slope[case], logits) + self.offset[case])
        clean = np.minimum(at_least[:, 0], at_least[:, 1])
        return np.stack([1 - at_least[:, 0], at_least[:, 0] - clean, clean], axis=-1)

    def to_dict(self):
        """Return plain values."""
        return {"slope": self.slope.tolist(), "offset": self.offset.tolist()}


def _platt(logits, truth, held):
    """Return slopes and offset of the likeliest calibration, held at others by a weak prior."""
    if len(truth) == 0:
        return held
    sign = np.where(truth, 1.0, -1.0)
    middle = np.append(*held)

    def cost(values):
        z = sign * (logits @ values[:2] + values[2])
        off = values - middle
        slope = -sign * expit(-z)
        gradient = np.append(slope @ logits, slope.sum()) + PRIOR * off
        return np.logaddexp(0, -z).sum() + PRIOR * (off @ off) / 2, gradient

    found = minimize(cost, middle, method="BFGS", jac=True).x
    return found[:2], found[2]
