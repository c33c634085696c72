"""Models: graphs of layers with parameters.

`Model` is the graph form, `Sequential` the short spelling of a chain; `load` brings one back from a
file.
"""

from cnnrs.layers import Input
from cnnrs.model.file import load
from cnnrs.model.model import Model
from cnnrs.model.notation import parse
from cnnrs.model.sequential import Sequential

__all__ = ["Input", "Model", "Sequential", "load", "parse"]
