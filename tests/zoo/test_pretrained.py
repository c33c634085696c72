"""Published weights in the networks of the zoo: the architectures are right if they give what other
programs gave with them.
"""

import csv
import io
import re

import numpy as np
import pytest
from PIL import Image

from cnnrs import zoo


def weights_of(path):
    """The arrays of a PyTorch-like file, convolutions turned from OIHW to HWIO, dense weights from
    OI to IO.
    """
    safetensors = pytest.importorskip("safetensors.numpy")
    axes = {4: (2, 3, 1, 0), 2: (1, 0), 1: (0,)}
    return {
        name: array.transpose(axes[array.ndim])
        for name, array in safetensors.load_file(path).items()
        if array.ndim
    }


def file_of(data_dir, *parts):
    path = data_dir.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"{path} is not there")
    return path


def test_squeezenet_gives_the_probabilities_of_onnx_runtime(data_dir):
    weights = weights_of(file_of(data_dir, "pretrained", "squeezenet_v1.0.safetensors"))
    photos = file_of(data_dir, "photos-imagenet", "index.csv").parent
    model = zoo.create("squeezenet1.0")
    model.load_state_dict({name.replace("/", "_"): array for name, array in weights.items()})
    known = np.load(photos / "onnxruntime_probabilities.npz")
    files = [
        row["file"]
        for row in csv.DictReader(
            photos.joinpath("index.csv").read_text(encoding="utf-8").splitlines()
        )
    ]
    assert files == known["files"].tolist()
    images = []
    for file in files[::5]:
        image = np.asarray(Image.open(photos / file).convert("RGB"))
        top, left = (image.shape[0] - 227) // 2, (image.shape[1] - 227) // 2
        images.append(
            image[top : top + 227, left : left + 227, ::-1] - np.array([104, 117, 123], np.float32)
        )
    probabilities = model.predict_proba(np.stack(images), batch_size=10)
    np.testing.assert_allclose(probabilities, known["squeezenet_v1.0"][::5], atol=1e-4)


@pytest.mark.slow
def test_resnet20_is_right_as_often_as_in_pytorch(data_dir):
    weights = weights_of(file_of(data_dir, "pretrained", "cifar10_resnet20.safetensors"))
    data = np.load(file_of(data_dir, "cifar10", "cifar10_jpeg.npz"))
    names = {
        name: re.sub(r"bn(\d)", r"conv\1_norm", name)
        .replace(".", "_")
        .replace("_weight", ".weight")
        for name in weights
    }
    names = {
        name: re.sub(r"_(bias|running_mean|running_var)$", r".\1", mine)
        for name, mine in names.items()
    }
    model = zoo.create("resnet20-cifar")
    model.load_state_dict(
        {
            names[name]: array
            for name, array in weights.items()
            if not name.endswith("num_batches_tracked")
        }
    )
    count, offsets, encoded = 2000, data["train_offsets"], data["train_jpeg"].tobytes()
    images = np.stack(
        [
            np.asarray(Image.open(io.BytesIO(encoded[offsets[i] : offsets[i + 1]])))
            for i in range(count)
        ]
    )
    x = (images / np.float32(255) - np.array([0.485, 0.456, 0.406], np.float32)) / np.array(
        [0.229, 0.224, 0.225], np.float32
    )
    accuracy = np.mean(model.predict(x) == data["train_labels"][:count])
    assert abs(accuracy - 0.856) <= 0.003  # what PyTorch gets on the JPEG form of these images
