"""Optimizers: rules that update the parameters from their gradient.

An optimizer holds settings only. Its state, such as velocities, is kept by the trainer in arrays
with the layout of the parameters, so that several trainers can share one optimizer and a checkpoint
holds these arrays. The formulas are PyTorch's. `EMA` and `SWA` average the weights; they are passed
to the trainer as ``average=``.
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
    """Return the optimizer of a name with its default settings; an optimizer is returned unchanged.

    Parameters
    ----------
    optimizer : str or Optimizer

    Returns
    -------
    Optimizer

    Raises
    ------
    ArgumentError
        For an unknown name.
    DTypeError
        For the class of an optimizer.

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
            "optimizer: expected an Optimizer, got its class; write "
            f"{optimizer.__name__}(learning_rate)"
        )
    raise ArgumentError(
        f"optimizer: expected one of {', '.join(map(repr, _CLASSES))} or an Optimizer, got "
        f"{optimizer!r}"
    )
