"""Test report as text: confusion matrix, scores of each class, and accuracy."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnnrs.metrics import ClassScores, class_scores, confusion_matrix, wilson_interval
from cnnrs.model import Model

__all__ = ["print_report"]

MATRIX_CLASSES = 20  # a wider matrix does not fit a terminal
PAIRS = 10  # shown in place of a matrix
NAME_WIDTH = 12


def print_report(
    model: Model,
    images: NDArray[np.uint8],
    labels: NDArray[np.int64],
    names: Sequence[str],
    part: str = "test",
) -> float:
    """Test a model and print the report. The last line reads like ``test accuracy 98.89 % (360
    images)``.

    Parameters
    ----------
    model : Model
    images : ndarray of shape (n, height, width, channels), uint8
    labels : ndarray of shape (n,), int64
        Indices into `names`.
    names : sequence of str
        The classes of the model.
    part : str
        Name of the images in the last line.

    Returns
    -------
    float
        The accuracy, 0..1.
    """
    predictions = model.predict(images)
    matrix = confusion_matrix(labels, predictions, num_classes=len(names))
    print(
        "\n".join(
            _matrix_lines(matrix, names)
            if len(names) <= MATRIX_CLASSES
            else _pair_lines(matrix, names)
        )
    )
    print()
    print("\n".join(_class_lines(class_scores(labels, predictions, num_classes=len(names)), names)))
    print()
    right, total = int(np.trace(matrix)), len(labels)
    low, high = wilson_interval(right, total)
    print(f"95 % confidence interval of the accuracy: {100 * low:.2f} % to {100 * high:.2f} %")
    print(
        f"{part} accuracy {100 * right / total:.2f} % ({total} image{'s' * (total != 1)})",
        flush=True,
    )
    return right / total


def _matrix_lines(matrix: Any, names: Sequence[str]) -> Iterator[str]:
    short = [_shortened(name) for name in names]
    left = max(map(len, short))
    width = max(len(str(int(matrix.max()))), min(max(map(len, short)), 5)) + 1
    yield "confusion matrix (rows: true class, columns: predicted class)"
    yield " " * left + "".join(f" {name[: width - 1]:>{width - 1}}" for name in short)
    for name, row in zip(short, matrix, strict=True):
        yield f"{name:<{left}}" + "".join(f" {int(count) or '.':>{width - 1}}" for count in row)


def _pair_lines(matrix: Any, names: Sequence[str]) -> Iterator[str]:
    wrong = matrix.copy()
    np.fill_diagonal(wrong, 0)
    order = np.argsort(-wrong, axis=None, kind="stable")[:PAIRS]
    yield f"most frequent confusions of {len(names)} classes"
    for index in order:
        true, predicted = divmod(int(index), len(names))
        if wrong[true, predicted]:
            yield f"{int(wrong[true, predicted]):>6}  {names[true]} predicted as {names[predicted]}"


def _class_lines(scores: ClassScores, names: Sequence[str]) -> Iterator[str]:
    left = max(5, *(len(_shortened(name)) for name in names))
    yield f"{'class':<{left}}  precision  recall      F1  images"
    for name, precision, recall, f1, support in zip(names, *scores, strict=True):
        yield f"{_shortened(name):<{left}}  {precision:9.4f}  {recall:6.4f}  {f1:6.4f}  {support:6}"


def _shortened(name: str) -> str:
    return name if len(name) <= NAME_WIDTH else name[: NAME_WIDTH - 2] + ".."
