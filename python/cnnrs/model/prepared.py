"""Convolution weights transformed once for prediction, and made anew when a weight was edited in place.

Fast convolution transforms its weights on every call; for batches of a few images that is a good part of the work. A transformed weight
is kept beside a copy of the bytes that it was made from, and compared with the weight before each use: reading a weight is far cheaper
than transforming it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from cnnrs import ops
from cnnrs.layers import Conv2D, Layer
from cnnrs.layers.node import Shape

__all__ = ["PreparedWeights"]

LARGEST_BATCH = 4  # samples: above, transforming the weights is a small part of the work


class PreparedWeights:
    """The transformed weights of one model, by layer and input shape."""

    def __init__(self) -> None:
        self._kept: dict[tuple[Layer, Shape], tuple[Any, Any]] = {}

    def hook(self, layer: Layer, input_shape: Shape, count: int) -> Callable[[Any], Any] | None:
        """What the layer calls in prediction to turn its weight into the transformed one; None where that does not pay."""
        if not isinstance(layer, Conv2D) or not 1 <= count <= LARGEST_BATCH:
            return None
        geometry: dict[str, Any] = {
            "stride": layer.stride,
            "padding": layer.padding,
            "dilation": layer.dilation,
            "groups": layer.groups,
        }
        key = layer, input_shape

        def prepare(weight: Any) -> Any:
            kept = self._kept.get(key)
            if kept is None or not _same_bits(kept[0], weight):
                # one sample: the algorithm is chosen from the geometry of one, and must not depend on the batch
                kept = self._kept[key] = weight.copy(), ops.prepare_conv2d_weight(weight, (1, *input_shape), **geometry)
            return kept[1]

        return prepare

    def clear(self) -> None:
        """Forget everything."""
        self._kept.clear()

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return sum(weight.nbytes + prepared.nbytes for weight, prepared in self._kept.values())


def _same_bits(a: Any, b: Any) -> bool:
    """Whether two arrays of one shape and dtype are equal bit for bit: NaN equals itself, and -0 is not 0."""
    kind = np.uint32 if a.dtype.itemsize == 4 else np.uint64
    return bool(np.array_equal(a.view(kind), b.view(kind)))
