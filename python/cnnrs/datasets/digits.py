"""The handwritten digits that come with the package: 1,797 images of 8 x 8, no network needed."""

import numpy as np

from cnnrs.data.splitting import split_indices
from cnnrs.datasets.dataset import Dataset

__all__ = ["load_digits"]

TEST_IMAGES = 360  # 20 %
LARGEST = 16  # the pixel values as published are 0..16


def load_digits() -> Dataset:
    """Load the handwritten digits embedded in the package.

    Returns
    -------
    Dataset
        1,437 training and 360 test images of shape (8, 8, 1), uint8. The published values 0..16 are
        scaled to 0..255, as in any image file; ``numpy.rint(x / 255 * 16)`` gives them back. The
        set has no official split: this one is stratified and fixed.

    References
    ----------
    E. Alpaydin, C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning
    Repository, 1998, doi:10.24432/C50P49. CC BY 4.0.

    Examples
    --------
    >>> digits = load_digits()
    >>> digits.x_train.shape, digits.x_test.shape, int(digits.x_train.max())
    ((1437, 8, 8, 1), (360, 8, 8, 1), 255)
    """
    from importlib import resources  # here, to keep `import cnnrs` short

    with (
        resources.files("cnnrs.datasets").joinpath("digits.npz").open("rb") as file,
        np.load(file, allow_pickle=False) as stored,
    ):
        images, labels = stored["images"].astype(np.int64), stored["labels"].astype(np.int64)
    x = ((images * 255 + LARGEST // 2) // LARGEST).astype(np.uint8)[..., np.newaxis]
    train, test = split_indices(labels, (None, TEST_IMAGES), seed=0)
    return Dataset(
        name="digits",
        x_train=x[train],
        y_train=labels[train],
        x_test=x[test],
        y_test=labels[test],
        class_names=tuple("0123456789"),
        description="Optical Recognition of Handwritten Digits (E. Alpaydin, C. Kaynak, 1998): "
        "1,797 images of 8x8, the copy in "
        "scikit-learn; stratified split made by cnnrs, 360 test images",
        licence="CC BY 4.0",
        origin="cnnrs/datasets/digits.npz",
    )
