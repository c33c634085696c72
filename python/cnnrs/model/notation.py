"""Networks as one line of text: ``Input 32x32x3 -> Conv5x5x32 -> ReLU -> Pool -> FC10``.

Layers are joined by ``->`` or ``→``; case and spaces do not matter. Options follow a layer, in any
order: a size (``3x3``), ``stride 2`` or ``/2``, ``pad 2``, ``same``.

==========================================  ========================================================
``Input 32x32x3``                           height, width, channels
``Conv5x5x32``                              32 filters of 5x5; padding 0 without ``same`` or ``pad``
``Pool``, ``MaxPool3x3/2``, ``AvgPool``     2x2 and stride 2 by default; also ``L2Pool``
``GlobalAvgPool``, ``GlobalMaxPool``        one number for each channel
``ReLU``, ``Sigmoid``, ``Tanh``             activations; also ``Softmax``
``FC10``, ``Dense 10``                      flattens an image first; also ``Fully Connected 10``
``Flatten``, ``Dropout 0.5``                ``Dropout`` also without the number
==========================================  ========================================================
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from numpy.typing import DTypeLike

from cnnrs.errors import ArgumentError
from cnnrs.layers import (
    AveragePool2D,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePool2D,
    GlobalMaxPool2D,
    Layer,
    LpPool2D,
    MaxPool2D,
    ReLU,
    Sigmoid,
    Softmax,
    Tanh,
)
from cnnrs.model.sequential import Sequential

__all__ = ["parse"]

_ARROW = re.compile(r"->|→")
_WORD = re.compile(
    r"^(l2\s*pool|fully[\s-]*connected|global[\s-]*(?:avg|average|max)[\s-]*pool(?:ing)?|[a-z]+(?:\s*pool(?:ing)?)?)"
)
_SIZES = re.compile(r"^\d+(?:x\d+)*")
_OPTION = re.compile(r"^(?:(/|stride|s|pad|padding|p)\s*(\d+)|(same))(?![a-z\d])")
_NUMBER = re.compile(r"^0?\.\d+|^\d+(?:\.\d+)?")

_PLAIN: dict[str, Callable[[], Layer]] = {
    "relu": ReLU,
    "sigmoid": Sigmoid,
    "tanh": Tanh,
    "softmax": Softmax,
    "flatten": Flatten,
    "globalavgpool": GlobalAveragePool2D,
    "globalmaxpool": GlobalMaxPool2D,
}
_POOLS: dict[str, Callable[..., Layer]] = {
    "pool": MaxPool2D,
    "maxpool": MaxPool2D,
    "avgpool": AveragePool2D,
    "l2pool": LpPool2D,
}
_SAME_WORD = {"fullyconnected": "fc", "dense": "fc", "convolution": "conv"}


def parse(
    text: str,
    *,
    seed: int = 0,
    dtype: DTypeLike = "float32",
    class_names: Sequence[str] | None = None,
) -> Sequential:
    """Build the network that a line of text describes.

    Parameters
    ----------
    text : str
        Such as ``"Input 32x32x3 -> Conv5x5x32 same -> ReLU -> Pool -> FC10"``.
    seed : int
    dtype : {"float32", "float64"}
    class_names : sequence of str, optional
        As for `Sequential`.

    Returns
    -------
    Sequential

    Raises
    ------
    ArgumentError
        For a part that cannot be read; the message names it.
    ShapeError
        For layers that do not fit.

    Examples
    --------
    >>> parse("Input 32x32x3 -> Conv5x5x32 -> ReLU -> Pool -> FC10")
    <Sequential 32x32x3 -> 10, 5 layers, 65,162 parameters>
    """
    if not isinstance(text, str) or not text.strip():
        raise ArgumentError(
            "text: expected something like 'Input 32x32x3 -> Conv5x5x32 -> ReLU -> FC10', got "
            f"{text!r}"
        )
    parts = [part.strip() for part in _ARROW.split(text)]
    word, sizes, options, number = _read(parts[0])
    if word != "input" or not sizes or options or number is not None:
        raise ArgumentError(
            f"text: the first part must be the input, such as 'Input 32x32x3', got {parts[0]!r}"
        )
    layers: list[Layer] = []
    flat = len(sizes) == 1
    for part in parts[1:]:
        layer = _layer(part)
        if isinstance(layer, Dense) and not flat:
            layers.append(Flatten())
        flat = flat or isinstance(layer, (Dense, Flatten, GlobalAveragePool2D, GlobalMaxPool2D))
        layers.append(layer)
    return Sequential(sizes, layers, seed=seed, dtype=dtype, class_names=class_names)


def _layer(part: str) -> Layer:
    word, sizes, options, number = _read(part)
    if word in _PLAIN and not sizes and not options and number is None:
        return _PLAIN[word]()
    if word == "conv" and len(sizes) == 3 and number is None:
        return Conv2D(sizes[2], sizes[:2], **options)
    if word in _POOLS and len(sizes) in (0, 2) and number is None:
        return _POOLS[word](sizes or 2, **options)
    if word == "fc" and len(sizes) == 1 and not options:
        return Dense(sizes[0])
    if word == "dropout" and not options and not sizes:
        return Dropout(0.5 if number is None else number)
    known = (
        "Conv5x5x32, Pool2x2, FC10, Dropout 0.5, ReLU, Sigmoid, Tanh, Softmax, Flatten, "
        "GlobalAvgPool"
    )
    raise ArgumentError(
        f"text: cannot read {part!r}; a layer is written like one of {known}, with 'stride 2', "
        "'pad 2' or 'same' after it"
    )


def _read(part: str) -> tuple[str, tuple[int, ...], dict[str, Any], float | None]:
    """Return word, sizes, options and a number that is not a size."""
    rest = part.lower().replace("×", "x").strip()
    found = _WORD.match(rest)
    if not found:
        raise ArgumentError(f"text: cannot read {part!r}; a layer begins with its name")
    word = re.sub(r"[\s-]", "", found[0]).replace("average", "avg").replace("pooling", "pool")
    word = _SAME_WORD.get(word, word)
    rest = rest[found.end() :].lstrip()
    sizes: tuple[int, ...] = ()
    number: float | None = None
    if word == "dropout":
        if rest:
            found = _NUMBER.match(rest)
            if not found or found.end() != len(rest):
                raise ArgumentError(f"text: cannot read {part!r}; write it like 'Dropout 0.5'")
            number, rest = float(found[0]), ""
    else:
        found = _SIZES.match(rest)
        if found:
            sizes = tuple(map(int, found[0].split("x")))
            rest = rest[found.end() :].lstrip(" ,")
    options: dict[str, Any] = {}
    while rest:
        found = _OPTION.match(rest)
        if not found:
            raise ArgumentError(f"text: cannot read {rest!r} in {part!r}")
        if found[3]:
            options["padding"] = "same"
        else:
            options["padding" if found[1].startswith("p") else "stride"] = int(found[2])
        rest = rest[found.end() :].lstrip(" ,")
    return word, sizes, options, number
