"""Which plates train the network, which choose between networks, and which only test them."""

import hashlib

import numpy as np

__all__ = ["SPLITS", "plate_groups", "split_of"]

#: Shares of the plates. Part of the model: another number makes another split.
SPLITS = {"train": 0.70, "validation": 0.15, "test": 0.15}

#: Hashed with the name of a group of plates.
SALT = "kinmis-1"


def plate_groups(ids, repeats=()):
    """
    Return the group of plates that each observation belongs to.

    Plates that share a galaxy (observed twice, on two plates) form one group, so that no
    galaxy is on two sides of a split.

    Parameters
    ----------
    ids : sequence of str
        Observations, as plate-IFU.
    repeats : sequence of pairs of str
        Observations of one galaxy.

    Returns
    -------
    groups : `~numpy.ndarray` of str
        Name of the group: its first plate.
    """
    plates = [str(name).split("-")[0] for name in ids]
    leader = {plate: plate for plate in plates}

    def find(plate):
        while leader[plate] != plate:
            plate = leader[plate]
        return plate

    for first, second in repeats:
        pair = [name.split("-")[0] for name in (first, second)]
        if all(plate in leader for plate in pair):
            low, high = sorted(map(find, pair))
            leader[high] = low
    return np.array([find(plate) for plate in plates])


def split_of(groups):
    """
    Return the side of the split of each group: "train", "validation" or "test".

    A hash of the name decides, so that it depends neither on the order nor on which other
    plates there are.

    Parameters
    ----------
    groups : sequence of str

    Returns
    -------
    sides : `~numpy.ndarray` of str
    """
    edges, names = np.cumsum(list(SPLITS.values())), list(SPLITS)
    sides = {}
    for group in set(groups):
        digest = hashlib.sha256(f"{SALT}:{group}".encode()).digest()
        place = int.from_bytes(digest[:8], "big") / 2 ** 64
        sides[group] = names[min(np.searchsorted(edges, place, side="right"), len(names) - 1)]
    return np.array([sides[group] for group in groups])
