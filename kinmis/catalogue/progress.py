"""A progress bar with the rate, the time left and the number of failures."""

from threading import Lock

__all__ = ["Progress"]


class Progress:
    """
    Counts galaxies, and shows a bar on stderr where that is wanted.

    Parameters
    ----------
    show : bool or "auto"
        Whether to show it; "auto" does so on a terminal only.
    total : int or None
        Number of galaxies.
    """

    def __init__(self, show, total):
        if show not in (True, False, "auto"):
            raise ValueError(f"progress must be True, False or 'auto', not {show!r}")
        self.failed = 0
        self._bar = None
        # worker processes are heard by a thread each
        self._lock = Lock()
        if show and total != 1:
            from tqdm import tqdm
            self._bar = tqdm(total=total, unit=" galaxies", desc="measuring",
                             smoothing=0.1, dynamic_ncols=True,
                             disable=None if show == "auto" else False)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        if self._bar is not None:
            self._bar.close()

    def __call__(self, failed):
        """Count one more galaxy."""
        with self._lock:
            if failed:
                self.failed += 1
                if self._bar is not None:
                    self._bar.set_postfix(failed=self.failed, refresh=False)
            if self._bar is not None:
                self._bar.update()

    def skip(self, count):
        """Count galaxies that were measured in an earlier run; they do not bear on the rate."""
        if self._bar is not None and not self._bar.disable:
            with self._lock:
                self._bar.initial += count
                self._bar.n += count
                self._bar.refresh()
