"""Rows of the table, and the arrays that every library gets."""

from dataclasses import dataclass

__all__ = ["CONVOLUTIONS", "INPUT_SHAPES", "RATE", "Row", "aligned", "all_rows", "arrays"]

CONVOLUTIONS = [  # images, size, channels, filters, kernel, stride, padding, groups
    (16, 56, 64, 64, 3, 1, 1, 1),
    (16, 28, 128, 128, 3, 1, 1, 1),
    (64, 32, 32, 32, 3, 1, 1, 1),
    (16, 14, 256, 256, 3, 1, 1, 1),
    (16, 7, 512, 512, 3, 1, 1, 1),
    (64, 16, 32, 64, 5, 1, 2, 1),
    (64, 32, 32, 32, 5, 1, 2, 1),
    (16, 28, 256, 64, 1, 1, 0, 1),
    (16, 56, 64, 256, 1, 1, 0, 1),
    (64, 28, 1, 32, 3, 1, 1, 1),
    (64, 32, 3, 32, 5, 1, 2, 1),
    (8, 224, 3, 64, 7, 2, 3, 1),
    (16, 56, 64, 128, 3, 2, 1, 1),
    (16, 56, 128, 128, 3, 1, 1, 128),
]
SQUARE = CONVOLUTIONS[:5]  # the 3x3 shapes
INPUT_SHAPES = {
    "lenet5": (28, 28, 1),
    "classic": (32, 32, 3),
    "vgg-cifar": (32, 32, 3),
    "resnet18-cifar": (32, 32, 3),
    "alexnet": (224, 224, 3),
}
BATCHES = {"lenet5": 64, "classic": 64, "vgg-cifar": 64, "resnet18-cifar": 32, "alexnet": 16}
CLASSES = {"alexnet": 1000}
RATE = 1e-4  # learning rate: the inputs are noise, and the loss must not become NaN
MAPS = (64, 32, 32, 64)  # images, height, width, channels of the memory-bound kernels


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes
    ----------
    kind : str
        ``forward``, ``forward+backward``, ``matmul``, ``map``, ``step``, ``predict`` or ``memory``.
    key : tuple
        The sizes of a convolution or matmul; otherwise a name and a batch size.
    peers : tuple of str
        Libraries to compare with. The ratio compares cnnrs with the fastest.
    ours : str
        ``cnnrs``, or ``cnnrs-avx2``: the same with ``CNNRS_SIMD=avx2``.
    """

    kind: str
    key: tuple
    peers: tuple[str, ...] = ("torch",)
    ours: str = "cnnrs"

    @property
    def label(self) -> str:
        """Return the text of the first column."""
        path = ", AVX2" if self.ours != "cnnrs" else ""
        return f"{self.kind} {','.join(map(str, self.key))}{path}"

    @property
    def flops(self) -> int:
        """Return the operations of the direct method; 0 for work that they do not bound."""
        if self.kind == "matmul":
            m, n, k = self.key
            return 2 * m * n * k
        if not self.kind.startswith("forward"):
            return 0
        n, size, channels, filters, kernel, stride, padding, groups = self.key
        out = (size + 2 * padding - kernel) // stride + 1
        passes = 1 if self.kind == "forward" else 3
        return 2 * n * out * out * filters * kernel * kernel * (channels // groups) * passes


def all_rows() -> list[Row]:
    """Return the rows in the order of the table."""
    runtimes = ("onnxruntime", "openvino")
    rows = [Row("step", (name, BATCHES[name])) for name in BATCHES]
    rows += [Row("memory", (name, BATCHES[name])) for name in BATCHES]
    rows += [Row("predict", (name, BATCHES[name]), runtimes) for name in BATCHES]
    rows += [
        Row("predict", (name, 1), runtimes) for name in ("vgg-cifar", "resnet18-cifar", "alexnet")
    ]
    rows += [Row(kind, shape) for shape in CONVOLUTIONS for kind in ("forward", "forward+backward")]
    rows += [Row("forward", (1, *shape[1:])) for shape in SQUARE]
    rows += [Row("matmul", (1024, 1024, 1024)), Row("matmul", (64, 4096, 4096))]
    rows += [Row("map", (name, *MAPS)) for name in ("max_pool", "relu", "batch_norm")]
    rows += [
        Row(kind, shape, ours="cnnrs-avx2")
        for shape in SQUARE
        for kind in ("forward", "forward+backward")
    ]
    return rows


def aligned(array):
    """Return a copy that starts on a cache line, as the arrays of a model or a tensor do."""
    import numpy as np

    memory = np.empty(array.size + 16, np.float32)
    start = -memory.ctypes.data % 64 // memory.itemsize
    copy = memory[start : start + array.size].reshape(array.shape)
    copy[...] = array
    return copy


def arrays(shape):
    """Return input, weights and output gradient of a convolution, the same in every process."""
    import numpy as np

    n, size, channels, filters, kernel, stride, padding, groups = shape
    random = np.random.default_rng(0)
    x = random.standard_normal((n, size, size, channels), dtype=np.float32)
    fan_in = kernel * kernel * channels // groups
    w = (
        random.standard_normal((kernel, kernel, channels // groups, filters), dtype=np.float32)
        / fan_in**0.5
    )
    out = (size + 2 * padding - kernel) // stride + 1
    return (
        aligned(x),
        aligned(w),
        aligned(random.standard_normal((n, out, out, filters), dtype=np.float32)),
    )
