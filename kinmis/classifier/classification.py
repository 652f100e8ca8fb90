"""What the classifier says of a field, and of a galaxy."""

import html
from dataclasses import dataclass, field

import numpy as np

from kinmis.classifier.labels import QUALITY
from kinmis.flags import decode_flags

__all__ = ["Classification", "GalaxyClassification"]


@dataclass(frozen=True, eq=False, repr=False)
class Classification:
    """
    How far a velocity field can be trusted, as an expert would say.

    `kinmis.classify` makes it.

    Parameters
    ----------
    probabilities : `~numpy.ndarray`, shape (3,)
        Of quality 0 (do not use), 1 (messy) and 2 (clean); NaN without data.
    ood_score : float
        How unlike the training data the field is; above 1 it is out of distribution.
    component : {"stellar", "gas"} or None
        What was classified.
    paired : bool
        Whether the other component was seen too.
    features : dict
        Probability of each feature that an expert would note.
    notes : dict
        Of gas: probability of each reason why it would not be usable, if it is not.
    flags : int
        Bits; see `kinmis.flags`.
    min_confidence : float or None
        Below this `confidence` there is no verdict.
    cleaned : bool
        Whether the field was cleaned first, since nobody had.
    model : str
        Name, version and checksum of the model.
    id : str or None
        Name of the galaxy.

    Examples
    --------
    >>> from kinmis import mock
    >>> result = mock.velocity_field(pa=30, seed=1).classify()
    >>> result.quality, result.label
    (2, 'clean')
    """

    probabilities: np.ndarray
    ood_score: float
    component: str | None
    paired: bool = False
    features: dict = field(default_factory=dict)
    notes: dict = field(default_factory=dict)
    flags: int = 0
    min_confidence: float | None = None
    cleaned: bool = False
    model: str = ""
    id: str | None = None

    @property
    def usable(self):
        """Probability that the field is usable (quality 1 or 2); NaN without data."""
        return float(self.probabilities[1] + self.probabilities[2])

    @property
    def confidence(self):
        """Probability of the more probable of usable and not usable, 0.5 to 1."""
        return max(self.usable, 1 - self.usable) if self.ok else float("nan")

    @property
    def abstains(self):
        """Whether the confidence is below ``min_confidence``."""
        return (self.ok and self.min_confidence is not None
                and self.confidence < self.min_confidence)

    @property
    def ok(self):
        """Whether there was anything to classify."""
        return bool(np.isfinite(self.probabilities).all())

    @property
    def quality(self):
        """
        0, 1 or 2; None without data or confidence.

        It is the median of the probabilities, so that it is at least 1 just where `usable`
        is above a half.
        """
        if not self.ok or self.abstains:
            return None
        return int(np.count_nonzero(np.cumsum(self.probabilities)[:2] < 0.5))

    @property
    def label(self):
        """`quality` in words."""
        if not self.ok:
            return "no data"
        return "undecided" if self.quality is None else QUALITY[self.quality]

    @property
    def out_of_distribution(self):
        """Whether the field is too unlike the training data to rely on the answer."""
        return bool(self.ood_score > 1)

    @property
    def flag_names(self):
        """Names of the flags that are set."""
        return decode_flags(self.flags)

    @property
    def noted(self):
        """Features, and reasons why gas is not usable, that are more likely than not."""
        found = {**self.features, **(self.notes if self.quality == 0 else {})}
        return [f"{name.replace('_', ' ')} {p:.2f}" for name, p in found.items() if p > 0.5]

    @property
    def words(self):
        """Label and probability to be usable, in a few words, as for a picture."""
        if not self.ok:
            return "quality: no data"
        said = f"quality: {self.label} (usable {self.usable:.2f})"
        return f"{said}, out of distribution" if self.out_of_distribution else said

    def _facts(self):
        what = " ".join(filter(None, [self.id, self.component or "field"]))
        if not self.ok:
            return what, "no data", []
        chances = ", ".join(f"{QUALITY[k]} {p:.2f}" for k, p in enumerate(self.probabilities))
        extra = [chances]
        if self.out_of_distribution:
            extra.append(f"out of distribution (score {self.ood_score:.1f}): do not rely on it")
        extra += self.noted
        verdict = self.label if self.quality is None else f"{self.quality} ({self.label})"
        return what, verdict, extra

    def __repr__(self):
        what, verdict, extra = self._facts()
        return f"<Classification: {what}: {'; '.join([verdict, *extra])}>"

    def _repr_html_(self):
        what, verdict, extra = self._facts()
        cells = "".join(f"<td style='text-align:left'>{html.escape(text)}</td>"
                        for text in (what, verdict, "; ".join(extra)))
        return f"<table><caption>Classification</caption><tr>{cells}</tr></table>"


@dataclass(frozen=True, eq=False, repr=False)
class GalaxyClassification:
    """
    What the classifier says of both fields of a galaxy.

    Parameters
    ----------
    stellar, gas : `Classification` or None
        None where the galaxy has no such field.

    Examples
    --------
    >>> from kinmis import mock
    >>> result = mock.galaxy(pa_stellar=40, seed=1).classify()
    >>> result.stellar.label, result.gas.label
    ('clean', 'clean')
    """

    stellar: Classification | None = None
    gas: Classification | None = None

    @property
    def fields(self):
        """The classifications that there are, as a dict from component, stars first."""
        both = {"stellar": self.stellar, "gas": self.gas}
        return {name: one for name, one in both.items() if one is not None}

    @property
    def usable(self):
        """The lower of the probabilities of the two fields to be usable; NaN without data."""
        return float(np.min([one.usable for one in self.fields.values()], initial=np.inf)) \
            if self.fields else float("nan")

    def __repr__(self):
        lines = ["; ".join([": ".join(one._facts()[:2]), *one._facts()[2]])
                 for one in self.fields.values()]
        return "<GalaxyClassification:\n  " + "\n  ".join(lines) + ">"

    def _repr_html_(self):
        rows = "".join(
            "<tr>" + "".join(f"<td style='text-align:left'>{html.escape(text)}</td>"
                             for text in (what, verdict, "; ".join(extra))) + "</tr>"
            for what, verdict, extra in (one._facts() for one in self.fields.values()))
        return f"<table><caption>GalaxyClassification</caption>{rows}</table>"
