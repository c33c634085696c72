"""Activations: element-wise functions between the linear layers.

The operation of each, and what its backward pass reads, is in `cnnrs.layers.activation_table`.
``Conv2D(8, 3, activation="gelu")`` is another spelling of a `GELU` layer after the convolution.
"""

from __future__ import annotations

from typing import Any, ClassVar

from cnnrs import _arguments, _renamed
from cnnrs.layers import spellings
from cnnrs.layers.activation_table import TABLE, Curve
from cnnrs.layers.base import Layer
from cnnrs.layers.context import Context
from cnnrs.layers.node import Shape

__all__ = [
    "BY_NAME",
    "ELU",
    "GELU",
    "SELU",
    "Activation",
    "HardSigmoid",
    "HardSwish",
    "LeakyReLU",
    "ReLU",
    "ReLU6",
    "SiLU",
    "Sigmoid",
    "Softplus",
    "Tanh",
]


class Activation(Layer):
    """Base class of activations: a row of the table, and perhaps settings."""

    _curve: ClassVar[Curve]

    @property
    def _settings(self) -> dict[str, Any]:
        """Further arguments of the operation."""
        return {}

    def build(self, input_shape: Shape) -> Shape:  # type: ignore[override]
        """Return the same shape."""
        return input_shape

    def forward(self, ctx: Context, x: Any) -> Any:
        """Apply the function."""
        y = self._curve.forward(x, **self._settings, out=ctx.out())
        ctx.save(read=x if self._curve.saves == "input" else y)
        return y

    def backward(self, ctx: Context, grad_output: Any) -> Any:
        """Multiply the gradient by the derivative."""
        return self._curve.backward(
            grad_output, ctx.saved.read, **self._settings, **ctx.input_destination()
        )


class ReLU(Activation):
    """Rectified linear unit, ``max(0, x)``; the gradient at 0 is 0.

    Parameters
    ----------
    name : str, optional

    References
    ----------
    V. Nair, G. Hinton: Rectified Linear Units Improve Restricted Boltzmann Machines. ICML 2010.

    Examples
    --------
    >>> import cnnrs
    >>> cnnrs.Sequential((3,), [ReLU()])([[-1.0, 0.0, 2.0]]).tolist()
    [[0.0, 0.0, 2.0]]
    """

    _curve = TABLE["relu"]
    memory = _curve.memory
    facts = _curve.facts


class ReLU6(Activation):
    """ReLU with an upper bound, ``min(max(0, x), 6)``.

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

    _curve = TABLE["relu6"]
    memory = _curve.memory
    facts = _curve.facts


@_renamed.keywords(spellings.ARGUMENTS, slope="negative_slope")
class LeakyReLU(Activation):
    """Leaky ReLU: ``x`` above 0, ``negative_slope * x`` below.

    Parameters
    ----------
    negative_slope : float
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

    _curve = TABLE["leaky_relu"]
    memory = _curve.memory
    facts = _curve.facts

    def __init__(self, negative_slope: float = 0.01, *, name: str | None = None) -> None:
        super().__init__(name=name)
        self.negative_slope = _arguments.number("negative_slope", negative_slope, 0)

    @property
    def _settings(self) -> dict[str, Any]:
        """The slope."""
        return {"negative_slope": self.negative_slope}


@_renamed.keywords(spellings.ARGUMENTS)
class ELU(Activation):
    """Exponential linear unit: ``x`` above 0, ``alpha * (exp(x) - 1)`` below.

    Parameters
    ----------
    alpha : float
        At least 0; far below 0 the curve tends to ``-alpha``.
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

    _curve = TABLE["elu"]
    memory = _curve.memory
    facts = _curve.facts

    def __init__(self, alpha: float = 1.0, *, name: str | None = None) -> None:
        super().__init__(name=name)
        self.alpha = _arguments.number("alpha", alpha, 0)

    @property
    def _settings(self) -> dict[str, Any]:
        """The bound."""
        return {"alpha": self.alpha}


class SELU(Activation):
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

    _curve = TABLE["selu"]
    memory = _curve.memory
    facts = _curve.facts


@_renamed.keywords(spellings.ARGUMENTS)
class GELU(Activation):
    """Gaussian error linear unit: ``x`` times the probability that a normal number is below it.

    Parameters
    ----------
    approximate : {"none", "tanh"}
        Compute the probability exactly, or as ``0.5 * (1 + tanh(0.7979 * (x + 0.044715 * x**3)))``.
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

    _curve = TABLE["gelu"]
    memory = _curve.memory
    facts = _curve.facts

    def __init__(self, approximate: str = "none", *, name: str | None = None) -> None:
        super().__init__(name=name)
        self.approximate = _arguments.choice("approximate", approximate, ("none", "tanh"))

    @property
    def _settings(self) -> dict[str, Any]:
        """Exact or approximate."""
        return {"approximate": self.approximate}


class SiLU(Activation):
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

    _curve = TABLE["silu"]
    memory = _curve.memory
    facts = _curve.facts


class Softplus(Activation):
    """Smooth ReLU: ``log(1 + exp(x))``, without overflow.

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

    _curve = TABLE["softplus"]
    memory = _curve.memory
    facts = _curve.facts


class HardSwish(Activation):
    """Cheap `SiLU`: ``x * hard_sigmoid(x)``.

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

    _curve = TABLE["hard_swish"]
    memory = _curve.memory
    facts = _curve.facts


class HardSigmoid(Activation):
    """Cheap `Sigmoid`: ``(x + 3) / 6``, bounded by 0 and 1.

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

    _curve = TABLE["hard_sigmoid"]
    memory = _curve.memory
    facts = _curve.facts


class Sigmoid(Activation):
    """Logistic function, ``1 / (1 + exp(-x))``, without overflow.

    Parameters
    ----------
    name : str, optional

    Examples
    --------
    >>> import cnnrs
    >>> cnnrs.Sequential((2,), [Sigmoid()])([[0.0, -1000.0]]).tolist()
    [[0.5, 0.0]]
    """

    _curve = TABLE["sigmoid"]
    memory = _curve.memory
    facts = _curve.facts


class Tanh(Activation):
    """Hyperbolic tangent.

    Parameters
    ----------
    name : str, optional

    Examples
    --------
    >>> import cnnrs
    >>> cnnrs.Sequential((1,), [Tanh()])([[0.0]]).tolist()
    [[0.0]]
    """

    _curve = TABLE["tanh"]
    memory = _curve.memory
    facts = _curve.facts


# The values of the argument `activation` of `Conv2D`, `Dense` and other layers.
BY_NAME: dict[str, type[Activation]] = {
    "relu": ReLU,
    "sigmoid": Sigmoid,
    "tanh": Tanh,
    "elu": ELU,
    "gelu": GELU,
    "hard_sigmoid": HardSigmoid,
    "hard_swish": HardSwish,
    "leaky_relu": LeakyReLU,
    "relu6": ReLU6,
    "selu": SELU,
    "silu": SiLU,
    "softplus": Softplus,
}
