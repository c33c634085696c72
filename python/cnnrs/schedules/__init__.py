"""Schedules: the learning rate as a function of how much of the training is done.

A schedule is called with the epochs done, a fraction between two whole ones, and the number of
epochs in all; any function of these two does. Most keep no state, so a resumed run goes on exactly.
One that looks at how the training goes (`Plateau`) has a method ``observe(numbers)``, called after
every epoch, and ``state_dict`` and ``load_state_dict`` for what it remembers.
"""

from cnnrs.schedules.by_time import (
    Constant,
    Cosine,
    Exponential,
    MultiStep,
    OneCycle,
    Polynomial,
    Restarts,
    Step,
    WarmUp,
)
from cnnrs.schedules.plateau import Plateau

__all__ = [
    "Constant",
    "Cosine",
    "Exponential",
    "MultiStep",
    "OneCycle",
    "Plateau",
    "Polynomial",
    "Restarts",
    "Step",
    "WarmUp",
]
