"""Schedules: the learning rate as a function of the progress of the training.

A schedule is a callable ``f(epoch, epochs) -> float`` of the number of finished epochs, a float,
and the total number of epochs; any such function can be used. Most schedules have no state. One
that depends on the results of the training (`Plateau`) has a method ``observe(numbers)``, called
after every epoch, and ``state_dict`` and ``load_state_dict``.
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
