"""Training and test images of a data set, with its class names and licence."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cnnrs.errors import FormatError

__all__ = ["Dataset"]


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images and labels, divided into training and test.

    Parameters
    ----------
    name : str
        Such as ``"mnist"``.
    x_train : ndarray of shape (n, height, width, channels), uint8
        Training images, 0..255.
    y_train : ndarray of shape (n,), int64
        Training labels, indices into `class_names`.
    x_test : ndarray of shape (n, height, width, channels), uint8
        Test images.
    y_test : ndarray of shape (n,), int64
        Test labels.
    class_names : tuple of str
        The name of each label.
    description : str
        Description of the data set, and notes for comparing results.
    licence : str
        The licence, as far as it is known.
    origin : str
        The file or folder that the images were read from.

    Examples
    --------
    >>> from cnnrs.datasets import load_digits
    >>> digits = load_digits()
    >>> digits
    Dataset('digits', 1437 training and 360 test images of 8x8x1, 10 classes)
    """

    name: str
    x_train: NDArray[np.uint8] = field(repr=False)
    y_train: NDArray[np.int64] = field(repr=False)
    x_test: NDArray[np.uint8] = field(repr=False)
    y_test: NDArray[np.int64] = field(repr=False)
    class_names: tuple[str, ...]
    description: str
    licence: str
    origin: str

    def __post_init__(self) -> None:
        for part, x, y in (
            ("training", self.x_train, self.y_train),
            ("test", self.x_test, self.y_test),
        ):
            if len(x) != len(y):
                raise FormatError(f"{self.origin}: expected {len(x)} {part} labels, got {len(y)}")
            if len(x) == 0:
                raise FormatError(f"{self.origin}: expected {part} images, got none")
            if y.min() < 0 or y.max() >= len(self.class_names):
                raise FormatError(
                    f"{self.origin}: expected {part} labels from 0 to {len(self.class_names) - 1}, "
                    f"got {y.min()} to {y.max()}"
                )
        if self.x_train.shape[1:] != self.x_test.shape[1:]:
            raise FormatError(
                f"{self.origin}: expected test images of shape {self.x_train.shape[1:]} as the "
                f"training images, got {self.x_test.shape[1:]}"
            )

    @property
    def train(self) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """The pair ``(x_train, y_train)``."""
        return self.x_train, self.y_train

    @property
    def test(self) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """The pair ``(x_test, y_test)``."""
        return self.x_test, self.y_test

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """``(height, width, channels)`` of every image."""
        height, width, channels = self.x_train.shape[1:]
        return height, width, channels

    @property
    def num_classes(self) -> int:
        """The number of classes."""
        return len(self.class_names)

    def __repr__(self) -> str:
        shape = "x".join(map(str, self.image_shape))
        return (
            f"Dataset({self.name!r}, {len(self.x_train)} training and {len(self.x_test)} test "
            f"images of {shape}, "
            f"{self.num_classes} classes)"
        )
