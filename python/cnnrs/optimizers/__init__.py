"""Optimizers: how a gradient becomes a change of the parameters.

An optimizer holds settings only. What it remembers from step to step (velocities and the like) are
arrays laid out like the parameters, kept by the trainer; so one optimizer can serve several
trainers, and a checkpoint is those arrays. Conventions are PyTorch's.
"""

from __future__ import annotations

from cnnrs.errors import ArgumentError, DTypeError
from cnnrs.optimizers.adaptive import Adagrad, Adam, AdamW, Lion, RMSprop
from cnnrs.optimizers.averaging import EMA, SWA, Average
from cnnrs.optimizers.base import Group, Optimizer, Options, Settings
from cnnrs.optimizers.muon import Muon
from cnnrs.optimizers.sgd import SGD

__all__ = [
    "EMA",
    "SGD",
    "SWA",
    "Adagrad",
    "Adam",
    "AdamW",
    "Average",
    "Group",
    "Lion",
    "Muon",
    "Optimizer",
    "Options",
    "RMSprop",
    "Settings",
    "get",
]

_CLASSES: dict[str, type[Optimizer]] = {
    "adagrad": Adagrad,
    "adam": Adam,
    "adamw": AdamW,
    "lion": Lion,
    "muon": Muon,
    "rmsprop": RMSprop,
    "sgd": SGD,
}


def get(optimizer: str | Optimizer) -> Optimizer:
    """The optimizer of that name with its default settings; an optimizer is returned as it is.

    Raises
    ------
    ArgumentError
        For an unknown name.

    Examples
    --------
    >>> type(get("sgd")).__name__
    'SGD'
    """
    if isinstance(optimizer, Optimizer):
        return optimizer
    if isinstance(optimizer, str) and optimizer in _CLASSES:
        return _CLASSES[optimizer]()
    if isinstance(optimizer, type):
        raise DTypeError(
            "optimizer: expected an optimizer, got the class; write "
            f"{optimizer.__name__}(learning_rate)"
        )
    raise ArgumentError(
        f"optimizer: expected one of {', '.join(map(repr, _CLASSES))} or an Optimizer, got "
        f"{optimizer!r}"
    )
