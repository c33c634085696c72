"""Models: graphs of layers with parameters.

`Model` is the general form and `Sequential` a chain of layers; `load` reads a model from a file.
`fusion` holds the rules by which layers are fused.
"""

from cnnrs.layers import Input
from cnnrs.model.files.load import load
from cnnrs.model.model import Model
from cnnrs.model.notation import parse
from cnnrs.model.plan import fusion
from cnnrs.model.sequential import Sequential

__all__ = ["Input", "Model", "Sequential", "fusion", "load", "parse"]
