"""Load model files and check that they are image classifiers."""

from pathlib import Path

from cnnrs.errors import FormatError
from cnnrs.model import Model, load

__all__ = ["class_names_of", "image_shape_of", "load_model"]


def load_model(path: str) -> Model:
    """Load a model file.

    Raises
    ------
    FormatError
        If the file is damaged or not a model file.
    OSError
        If the file cannot be read.
    """
    file = Path(path).expanduser()
    if file.is_dir():
        raise FormatError(f"{file}: expected a model file (.cnnrs), got a folder")
    return load(file)


def class_names_of(model: Model) -> tuple[str, ...]:
    """Return the names of the classes, or their numbers if the model has no names."""
    return model.class_names or tuple(map(str, range(model.output_shape[-1])))


def image_shape_of(model: Model, path: str) -> tuple[int, int, int]:
    """Return ``(height, width, channels)`` of the images that a model takes.

    Raises
    ------
    FormatError
        If the model is not a classifier of grey or colour images.
    """
    shapes = [node.shape for node in model.inputs], [node.shape for node in model.outputs]
    is_classifier = (
        len(shapes[0]) == len(shapes[1]) == 1 and len(shapes[1][0]) == 1 and shapes[1][0][0] >= 2
    )
    if not is_classifier or len(shapes[0][0]) != 3 or shapes[0][0][2] not in (1, 3):
        raise FormatError(
            f"{path}: not a classifier of grey or colour images; expected one input of shape "
            "(height, width, 1 or 3) and one output of shape (classes,), got inputs "
            f"{shapes[0]} and outputs {shapes[1]}"
        )
    height, width, channels = shapes[0][0]
    return height, width, channels
