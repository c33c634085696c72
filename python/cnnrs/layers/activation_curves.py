"""The activations beyond ReLU, sigmoid and tanh: element-wise curves, some of them with a number of
their own.

Those whose derivative is written in their output (`LeakyReLU`, `ELU`, `SELU`, `ReLU6`,
`HardSigmoid`, `Softplus`) need not keep their input and work in place; `GELU`, `SiLU` and
`HardSwish` keep it. The usual form of each is also known to `Conv2D` and `Dense` by name:
``activation="gelu"``.
"""

from __future__ import annotations

from typing import Any

from cnnrs import _arguments, ops
from cnnrs.layers.base import Layer, Traits
from cnnrs.layers.context import Context
from cnnrs.layers.node import Shape

__all__ = [
    "ELU",
    "GELU",
    "SELU",
    "HardSigmoid",
    "HardSwish",
    "LeakyReLU",
    "ReLU6",
    "SiLU",
    "Softplus",
]


class _Curve(Layer):
    """An activation that keeps the shape."""

    def build(self, input_shape: Shape) -> Shape:  # type: ignore[override]
        """The shape stays."""
        return input_shape


class LeakyReLU(_Curve):
    """``x`` above 0, ``slope * x`` below.

    Parameters
    ----------
    slope : float
        At least 0.
    name : str, optional

    References
    ----------
    A. Maas, A. Hannun, A. Ng: Rectifier Nonlinearities Improve Neural Network Acoustic Models. ICML
    2013.

    Examples
    --------
    >>> import cnnrs
    >>> cnnrs.Sequential((2,), [LeakyReLU(0.5)])([[-2.0, 3.0]]).tolist()
    [[-1.0, 3.0]]
    """

    traits = Traits(saves_input=False, in_place=True, non_negative="keeps")

    def __init__(self, slope: float = 0.01, *, name: str | None = None) -> None:
        super().__init__(name=name)
        self.slope = _arguments.number("slope", slope, 0)

    def forward(self, ctx: Context, x: Any) -> Any:
        """The curve."""
        y = ops.leaky_relu(x, self.slope, out=ctx.out())
        ctx.save(y=y)
        return y

    def backward(self, ctx: Context, grad_output: Any) -> Any:
        """``g``, times the slope where the output is not above 0."""
        return ops.leaky_relu_backward(
            grad_output, ctx.saved.y, self.slope, **ctx.input_destination()
        )


class ELU(_Curve):
    """Exponential linear unit: ``x`` above 0, ``alpha * (exp(x) - 1)`` below.

    Parameters
    ----------
    alpha : float
        Below 0 the curve tends to minus this; at least 0.
    name : str, optional

    References
    ----------
    D. Clevert, T. Unterthiner, S. Hochreiter: Fast and Accurate Deep Network Learning by
    Exponential Linear Units. ICLR 2016.

    Examples
    --------
    >>> import cnnrs
    >>> cnnrs.Sequential((2,), [ELU()])([[-1000.0, 3.0]]).tolist()
    [[-1.0, 3.0]]
    """

    traits = Traits(saves_input=False, in_place=True, non_negative="keeps")

    def __init__(self, alpha: float = 1.0, *, name: str | None = None) -> None:
        super().__init__(name=name)
        self.alpha = _arguments.number("alpha", alpha, 0)

    def forward(self, ctx: Context, x: Any) -> Any:
        """The curve."""
        y = ops.elu(x, self.alpha, out=ctx.out())
        ctx.save(y=y)
        return y

    def backward(self, ctx: Context, grad_output: Any) -> Any:
        """``g``, times ``y + alpha`` below 0."""
        return ops.elu_backward(grad_output, ctx.saved.y, self.alpha, **ctx.input_destination())


class SELU(_Curve):
    """Scaled exponential linear unit, whose constants keep activations at mean 0 and variance 1
    (with LeCun-normal weights).

    Parameters
    ----------
    name : str, optional

    References
    ----------
    G. Klambauer et al.: Self-Normalizing Neural Networks. NeurIPS 2017.

    Examples
    --------
    >>> import cnnrs
    >>> cnnrs.Sequential((2,), [SELU()])([[-1000.0, 0.0]]).round(3).tolist()
    [[-1.7580000162124634, 0.0]]
    """

    traits = Traits(saves_input=False, in_place=True, non_negative="keeps")

    def forward(self, ctx: Context, x: Any) -> Any:
        """The curve."""
        y = ops.selu(x, out=ctx.out())
        ctx.save(y=y)
        return y

    def backward(self, ctx: Context, grad_output: Any) -> Any:
        """``1.0507 g``, times ``y + 1.7581`` below 0."""
        return ops.selu_backward(grad_output, ctx.saved.y, **ctx.input_destination())


class GELU(_Curve):
    """Gaussian error linear unit: ``x`` times the probability that a normal number is below it.

    Parameters
    ----------
    approximate : {"none", "tanh"}
        Exact, or ``0.5 * (1 + tanh(0.7979 * (x + 0.044715 * x**3)))`` for the probability.
    name : str, optional

    References
    ----------
    D. Hendrycks, K. Gimpel: Gaussian Error Linear Units (GELUs). arXiv:1606.08415, 2016.

    Examples
    --------
    >>> import cnnrs
    >>> cnnrs.Sequential((2,), [GELU()])([[0.0, 100.0]]).tolist()
    [[0.0, 100.0]]
    """

    traits = Traits(saves_output=False, non_negative="keeps")

    def __init__(self, approximate: str = "none", *, name: str | None = None) -> None:
        super().__init__(name=name)
        self.approximate = _arguments.choice("approximate", approximate, ("none", "tanh"))

    def forward(self, ctx: Context, x: Any) -> Any:
        """The curve."""
        ctx.save(x=x)
        return ops.gelu(x, approximate=self.approximate, out=ctx.out())

    def backward(self, ctx: Context, grad_output: Any) -> Any:
        """``g`` times the derivative at the input."""
        return ops.gelu_backward(
            grad_output, ctx.saved.x, approximate=self.approximate, **ctx.input_destination()
        )


class SiLU(_Curve):
    """Sigmoid linear unit, also called swish: ``x * sigmoid(x)``.

    Parameters
    ----------
    name : str, optional

    References
    ----------
    S. Elfwing, E. Uchibe, K. Doya: Sigmoid-weighted linear units for neural network function
    approximation. Neural Networks 107, 2018.

    Examples
    --------
    >>> import cnnrs
    >>> cnnrs.Sequential((2,), [SiLU()])([[0.0, 100.0]]).tolist()
    [[0.0, 100.0]]
    """

    traits = Traits(saves_output=False, non_negative="keeps")

    def forward(self, ctx: Context, x: Any) -> Any:
        """The curve."""
        ctx.save(x=x)
        return ops.silu(x, out=ctx.out())

    def backward(self, ctx: Context, grad_output: Any) -> Any:
        """``g`` times the derivative at the input."""
        return ops.silu_backward(grad_output, ctx.saved.x, **ctx.input_destination())


class Softplus(_Curve):
    """``log(1 + exp(x))``, a smooth ReLU; without overflow.

    Parameters
    ----------
    name : str, optional

    References
    ----------
    C. Dugas et al.: Incorporating Second-Order Functional Knowledge for Better Option Pricing.
    NeurIPS 2000.

    Examples
    --------
    >>> import cnnrs
    >>> cnnrs.Sequential((2,), [Softplus()])([[-1000.0, 1000.0]]).tolist()
    [[0.0, 1000.0]]
    """

    traits = Traits(saves_input=False, in_place=True, non_negative="always")

    def forward(self, ctx: Context, x: Any) -> Any:
        """The curve."""
        y = ops.softplus(x, out=ctx.out())
        ctx.save(y=y)
        return y

    def backward(self, ctx: Context, grad_output: Any) -> Any:
        """``g · (1 - exp(-y))``."""
        return ops.softplus_backward(grad_output, ctx.saved.y, **ctx.input_destination())


class HardSwish(_Curve):
    """``x * hard_sigmoid(x)``, a cheap `SiLU`.

    Parameters
    ----------
    name : str, optional

    References
    ----------
    A. Howard et al.: Searching for MobileNetV3. ICCV 2019.

    Examples
    --------
    >>> import cnnrs
    >>> cnnrs.Sequential((3,), [HardSwish()])([[-4.0, 1.5, 4.0]]).tolist()
    [[-0.0, 1.125, 4.0]]
    """

    traits = Traits(saves_output=False, non_negative="keeps")

    def forward(self, ctx: Context, x: Any) -> Any:
        """The curve."""
        ctx.save(x=x)
        return ops.hard_swish(x, out=ctx.out())

    def backward(self, ctx: Context, grad_output: Any) -> Any:
        """``g`` times the derivative at the input."""
        return ops.hard_swish_backward(grad_output, ctx.saved.x, **ctx.input_destination())


class HardSigmoid(_Curve):
    """``(x + 3) / 6`` between 0 and 1, a cheap `Sigmoid`.

    Parameters
    ----------
    name : str, optional

    References
    ----------
    A. Howard et al.: Searching for MobileNetV3. ICCV 2019.

    Examples
    --------
    >>> import cnnrs
    >>> cnnrs.Sequential((3,), [HardSigmoid()])([[-4.0, 0.0, 4.0]]).tolist()
    [[0.0, 0.5, 1.0]]
    """

    traits = Traits(saves_input=False, in_place=True, non_negative="always")

    def forward(self, ctx: Context, x: Any) -> Any:
        """The curve."""
        y = ops.hard_sigmoid(x, out=ctx.out())
        ctx.save(y=y)
        return y

    def backward(self, ctx: Context, grad_output: Any) -> Any:
        """``g / 6`` between the ends."""
        return ops.hard_sigmoid_backward(grad_output, ctx.saved.y, **ctx.input_destination())


class ReLU6(_Curve):
    """``min(max(0, x), 6)``.

    Parameters
    ----------
    name : str, optional

    References
    ----------
    A. Howard et al.: MobileNets: Efficient Convolutional Neural Networks for Mobile Vision
    Applications. arXiv:1704.04861, 2017.

    Examples
    --------
    >>> import cnnrs
    >>> cnnrs.Sequential((3,), [ReLU6()])([[-1.0, 2.0, 9.0]]).tolist()
    [[0.0, 2.0, 6.0]]
    """

    traits = Traits(saves_input=False, in_place=True, non_negative="always")

    def forward(self, ctx: Context, x: Any) -> Any:
        """The curve."""
        y = ops.relu6(x, out=ctx.out())
        ctx.save(y=y)
        return y

    def backward(self, ctx: Context, grad_output: Any) -> Any:
        """``g`` between the ends."""
        return ops.relu6_backward(grad_output, ctx.saved.y, **ctx.input_destination())
