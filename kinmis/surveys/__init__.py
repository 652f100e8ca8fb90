"""
What the fields of surveys look like, and those that the classifier was trained on.

`PROFILES` declares each survey once, with the source of every number. `TRAINING` says what the
training fields are like; `kinmis.VelocityField.caveats` compares a field with them.
"""

from kinmis.surveys.layout import describe
from kinmis.surveys.profiles import PROFILES, REFERENCES, SurveyProfile, find_profile
from kinmis.surveys.training import TRAINING, TrainingRange

__all__ = ["PROFILES", "REFERENCES", "SurveyProfile", "TRAINING", "TrainingRange", "describe",
           "find_profile"]
