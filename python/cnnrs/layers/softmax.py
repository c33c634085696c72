"""Softmax: from logits to probabilities."""

from __future__ import annotations

from dataclasses import replace

from cnnrs.layers.activation import Activation
from cnnrs.layers.activation_table import TABLE

__all__ = ["Softmax"]


class Softmax(Activation):
    """Turn the last axis into probabilities: ``exp(x) / sum(exp(x))``, without overflow.

    A model does not need it: models put out logits, the loss takes logits, and ``predict_proba``
    applies softmax unless the model ends in it.

    Parameters
    ----------
    name : str, optional

    Examples
    --------
    >>> import cnnrs
    >>> cnnrs.Sequential((2,), [Softmax()])([[1e4, 1e4]]).tolist()
    [[0.5, 0.5]]
    """

    _curve = TABLE["softmax"]
    memory = _curve.memory
    facts = replace(_curve.facts, softmax=True)
    head = "keeps"
