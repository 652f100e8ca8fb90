"""The whole state of a training run in one file, which a killed run goes on from."""

import json
import os
from pathlib import Path

import numpy as np

__all__ = ["Checkpoint"]


class Checkpoint:
    """
    State of a model in training after a whole number of epochs.

    Beside weights, optimizer (moments, steps, averages) and epoch it holds the state of random
    generators, such as those of dropout, which `keras.callbacks.BackupAndRestore` leaves out.
    It is replaced at once, so that a run that is killed while it writes loses an epoch at most.

    Parameters
    ----------
    path : path
        The file.
    model : `keras.Model`
        Compiled.
    key : dict
        Plain values that say which run this is.
    """

    def __init__(self, path, model, key):
        self.path, self.model, self.key = Path(path), model, key

    @property
    def _variables(self):
        # with those of random generators, which model.weights lacks
        return [*self.model.variables, *self.model.optimizer.variables]

    def restore(self):
        """
        Set the model to the state in the file.

        Returns
        -------
        epochs : int
            How many are done; 0 if there is no file.

        Raises
        ------
        ValueError
            If the file is of another run.
        """
        if not self.model.optimizer.built:
            self.model.optimizer.build(self.model.trainable_variables)
        if not self.path.exists():
            return 0
        with np.load(self.path, allow_pickle=False) as file:
            facts = json.loads(str(file["facts"]))
            if facts["key"] != self.key:
                raise ValueError(f"{self.path} is of a run with other settings or data; remove "
                                 "it, or choose another folder")
            for number, variable in enumerate(self._variables):
                variable.assign(file[f"variable_{number}"])
        return facts["epochs"]

    def save(self, epochs):
        """Write the state after so many epochs."""
        facts = json.dumps({"key": self.key, "epochs": epochs})
        part = self.path.with_suffix(".part")
        with open(part, "wb") as file:
            np.savez(file, facts=facts, **{f"variable_{number}": np.asarray(variable.value)
                                           for number, variable in enumerate(self._variables)})
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, self.path)

    def callback(self, keras):
        """Return the callback that saves the state after each epoch."""
        checkpoint = self

        class Saving(keras.callbacks.Callback):
            def on_epoch_end(self, epoch, logs=None):
                checkpoint.save(epoch + 1)

        return Saving()
