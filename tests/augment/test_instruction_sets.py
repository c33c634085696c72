"""The bits of augmentation do not depend on the instruction set: products are rounded before they
are added, sums have a fixed order.
"""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

SETS = (
    "portable",
    "avx2",
    "avx512",
    "neon",
)  # one that the machine lacks is as if nothing were asked


def digests():
    """A line for each transform, and for some sizes."""
    from test_every_transform import TABLE

    from cnnrs import augment

    random = np.random.default_rng(3)
    images = random.random((9, 40, 53, 3), np.float32)
    photos = random.integers(0, 256, (3, 81, 117, 3), dtype=np.uint8)
    transforms = {name: row.transform for name, row in TABLE.items()}
    transforms |= {
        "jitter": augment.ColorJitter(0.3, 0.3, saturation=0.3, hue=0.1),
        "noise": augment.GaussianNoise(),
        "affine": augment.RandomAffine(20),
    }
    for name, transform in transforms.items():
        result = np.ascontiguousarray(transform(images, seed=3))
        yield f"{name} {hashlib.sha256(result.tobytes()).hexdigest()}"
    for size in ((5, 7), (30, 11), (100, 130), (3, 3), (64, 64)):
        pipe = augment.Compose(
            [augment.Resize(size), augment.RandomHorizontalFlip(), augment.Normalize(0.4, 0.2)]
        )
        yield f"{size} {hashlib.sha256(pipe(photos).tobytes()).hexdigest()}"


@pytest.mark.slow
def test_same_bits_on_every_instruction_set():
    lines = {}
    for name in SETS:
        environment = {**os.environ, "CNNRS_SIMD": name}
        done = subprocess.run(
            [sys.executable, __file__], env=environment, capture_output=True, text=True, check=True
        )
        lines[name] = done.stdout.splitlines()
        assert len(lines[name]) > 40
    for name in SETS[1:]:
        assert lines[name] == lines["portable"], name


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    print("\n".join(digests()))
