"""Records in which a layer states facts about itself: memory use, output, work, field of view.

The defaults are right for any layer. A layer that states more lets the model share memory, skip or
fuse it, and report what it costs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from cnnrs._arguments import Pair, Sides
from cnnrs.layers.geometry import Kernel

__all__ = ["WHOLE_INPUT", "Facts", "FieldOfView", "Memory", "Work"]


@dataclass(frozen=True, slots=True)
class Memory:
    """Which arrays ``forward`` and ``backward`` read and write.

    Parameters
    ----------
    saves_input, saves_output : bool
        Whether ``backward`` reads the layer's input, its output. These arrays are kept until then.
    in_place : bool
        Whether ``forward`` may write its output over its input, and ``backward`` the gradient of
        the input over the gradient of the output.
    sums_inputs : bool
        Whether the output is the sum of the inputs. ``forward`` may then write it over the first or
        second input, and one array may serve as the gradient of all inputs and of the output.
    writes_gradient : bool
        Whether ``backward`` may overwrite its ``grad_output`` argument.
    view : bool
        Whether the output is the input in another shape. Nothing is computed then, forward or
        backward.

    Examples
    --------
    >>> from cnnrs.layers import Dense, Flatten
    >>> Dense.memory.saves_output, Flatten.memory.view
    (False, True)
    """

    saves_input: bool = True
    saves_output: bool = True
    in_place: bool = False
    sums_inputs: bool = False
    writes_gradient: bool = False
    view: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known about the output of a layer.

    Parameters
    ----------
    non_negative : {"never", "keeps", "always"}
        Whether no output is negative: always, or if no input is.
    identity_in_prediction : bool
        Whether the output equals the input in prediction.
    softmax : bool
        Whether the output is the softmax of the input: a model that ends in this layer puts out
        probabilities, and its input holds the logits.

    Examples
    --------
    >>> from cnnrs.layers import ReLU
    >>> ReLU.facts.non_negative
    'always'
    """

    non_negative: Literal["never", "keeps", "always"] = "never"
    identity_in_prediction: bool = False
    softmax: bool = False


@dataclass(frozen=True, slots=True)
class Work:
    """What a layer computes for inputs of one shape.

    Parameters
    ----------
    multiply_adds : int
        Products of the forward pass for one sample, counted as the direct method computes them;
        0 for layers that are no sums of products.
    kernels : tuple of Kernel
        The convolutions that the layer runs.
    folded : int
        Number of values of the weights that the layer computes anew for prediction.
    unused_border : pair of int or None
        Rows and columns at the bottom and right that no window reaches; None if no window slides
        over the input.

    Examples
    --------
    >>> from cnnrs.layers import MaxPool2D
    >>> MaxPool2D(3).work((32, 32, 8)).unused_border
    (2, 2)
    """

    multiply_adds: int = 0
    kernels: tuple[Kernel, ...] = ()
    folded: int = 0
    unused_border: Pair | None = None


@dataclass(frozen=True, slots=True)
class FieldOfView:
    """The part of a layer's input that one output pixel sees; by default one pixel.

    Parameters
    ----------
    kernel_size, stride : pair of int
        Of the window that slides over the input.
    padding : (top, bottom, left, right)
        Rows and columns of padding.
    dilation : pair of int
        Of the window.
    whole : bool
        Whether every output sees the whole input.
    upsampling : pair of int
        Number of outputs for each place of the window: above 1 where a layer enlarges.

    Examples
    --------
    >>> FieldOfView((3, 3), stride=(2, 2)).span
    (3, 3)
    """

    kernel_size: Pair = (1, 1)
    stride: Pair = (1, 1)
    padding: Sides = (0, 0, 0, 0)
    dilation: Pair = (1, 1)
    whole: bool = False
    upsampling: Pair = (1, 1)

    @property
    def span(self) -> Pair:
        """Height and width of the dilated window."""
        rows, columns = (
            (size - 1) * gap + 1 for size, gap in zip(self.kernel_size, self.dilation, strict=True)
        )
        return rows, columns

    def unused_border(self, input_size: Pair, output_size: Pair) -> Pair:
        """Rows and columns at the bottom and right that no window reaches."""
        rows, columns = (
            max(
                0,
                input_size[axis]
                + self.padding[2 * axis]
                + self.padding[2 * axis + 1]
                - self.span[axis]
                - (output_size[axis] - 1) * self.stride[axis],
            )
            for axis in (0, 1)
        )
        return rows, columns


WHOLE_INPUT = FieldOfView(whole=True)
