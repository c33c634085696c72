"""Compare the augmentation of cnnrs with other libraries.

    python benches/compare_augment.py --peer-python PYTHON

There are two pipelines, from bytes to normalised floats. ``cifar``: crop of 32 after padding by 4,
flip, colour jitter (0.3, 0.3, 0.3, 0.1) and normalisation of 32×32×3 images. ``photo``: random
resized crop to 224 from 375×500, flip, the same jitter and normalisation. Each library runs in its
own worker process. The workers take turns, so that other load on the machine affects all of them
alike. The table gives the median of images per second and its ratio to the fastest other library.

The other libraries are installed in a separate environment, whose Python is the argument: ``pip
install "albumentations==1.4.24" torchvision``. A library that is not installed is left out.
Albumentations, Pillow and torchvision process one image at a time, in one process and in two at
once, with one thread each. ``torchvision-batch`` processes whole batches with two threads. It makes
one random choice for all images of a batch, which is less work, so the ratio leaves it out.

``step`` measures cnnrs alone: the time that crop after padding, flip and normalisation add to a
training step of `classic` at batch size 64. The same trainer takes turns with two loaders in random
order: bytes that pass through the transforms, and floats that are already normalised. Gathering
floats takes longer than gathering bytes, so the time within the transforms is printed as well.
"""

import argparse
import itertools
import json
import os
import statistics
import subprocess
import sys
import time

import numpy as np

BATCH = {"cifar": 256, "photo": 32}
SHAPE = {"cifar": (32, 32, 3), "photo": (375, 500, 3)}
MEAN, STD = (0.49, 0.48, 0.45), (0.25, 0.24, 0.26)
JITTER = (0.3, 0.3, 0.3, 0.1)
PEERS = ("albumentations", "pillow", "torchvision", "torchvision-batch")


def images(kind):
    """Return a batch of smooth colours with some noise, the same in every process."""
    random = np.random.default_rng(0)
    height, width, channels = SHAPE[kind]
    y, x = np.linspace(0, 6, height)[:, None, None], np.linspace(0, 6, width)[None, :, None]
    phase = random.uniform(0, 6, (BATCH[kind], 1, 1, channels))
    waves = (
        128
        + 90 * np.sin(x + y + phase)
        + random.normal(0, 12, (BATCH[kind], height, width, channels))
    )
    return waves.clip(0, 255).astype(np.uint8)


def cnnrs_work(kind):
    """Return the function to time."""
    import cnnrs
    from cnnrs import augment

    cnnrs.set_num_threads(2)
    first = augment.RandomCrop(32, padding=4) if kind == "cifar" else augment.RandomResizedCrop(224)
    pipe = augment.Compose(
        [
            first,
            augment.RandomHorizontalFlip(),
            augment.ColorJitter(*JITTER[:2], saturation=JITTER[2], hue=JITTER[3]),
            augment.Normalize(MEAN, STD),
        ]
    )
    batch = images(kind)
    out = pipe(batch)
    epoch = iter(range(1 << 30))
    return lambda: pipe(batch, epoch=next(epoch), out=out)


def albumentations_work(kind):
    """As `cnnrs_work`."""
    import albumentations
    import cv2

    cv2.setNumThreads(1)
    if kind == "cifar":
        first = [
            albumentations.PadIfNeeded(40, 40, border_mode=cv2.BORDER_CONSTANT),
            albumentations.RandomCrop(32, 32),
        ]
    else:
        first = [albumentations.RandomResizedCrop(size=(224, 224))]
    brightness, contrast, saturation, hue = JITTER
    jitter = albumentations.ColorJitter(brightness, contrast, saturation, hue, p=1.0)
    pipe = albumentations.Compose(
        [*first, albumentations.HorizontalFlip(), jitter, albumentations.Normalize(MEAN, STD)]
    )
    batch = images(kind)
    return lambda: np.stack([pipe(image=image)["image"] for image in batch])


def pillow_work(kind):
    """As `cnnrs_work`: the transforms of torchvision, written with Pillow and NumPy."""
    from PIL import Image, ImageEnhance, ImageOps

    random = np.random.default_rng(0)
    batch = [Image.fromarray(image) for image in images(kind)]
    mean, std = np.array(MEAN, np.float32) * 255, np.array(STD, np.float32) * 255

    def hue(image):
        h, s, v = image.convert("HSV").split()
        turned = (
            np.asarray(h, np.int16) + int(random.uniform(-JITTER[3], JITTER[3]) * 255)
        ).astype(np.uint8)
        return Image.merge("HSV", (Image.fromarray(turned), s, v)).convert("RGB")

    def one(image):
        if kind == "cifar":
            left, top = random.integers(0, 9, 2)
            image = ImageOps.expand(image, 4).crop((left, top, left + 32, top + 32))
        else:
            width, height = image.size
            while True:
                area, ratio = (
                    width * height * random.uniform(0.08, 1),
                    np.exp(random.uniform(np.log(3 / 4), np.log(4 / 3))),
                )
                w, h = round(np.sqrt(area * ratio)), round(np.sqrt(area / ratio))
                if w <= width and h <= height:
                    break
            left, top = random.integers(0, width - w + 1), random.integers(0, height - h + 1)
            image = image.crop((left, top, left + w, top + h)).resize(
                (224, 224), Image.Resampling.BILINEAR
            )
        if random.random() < 0.5:
            image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        enhance = (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color)
        for place in random.permutation(4):
            image = (
                hue(image)
                if place == 3
                else enhance[place](image).enhance(
                    random.uniform(1 - JITTER[place], 1 + JITTER[place])
                )
            )
        return (np.asarray(image, np.float32) - mean) / std

    return lambda: np.stack([one(image) for image in batch])


def torchvision_work(kind, whole=False):
    """As `cnnrs_work`."""
    import torch
    from torchvision.transforms import v2

    torch.set_num_threads(2 if whole else 1)
    first = v2.RandomCrop(32, padding=4) if kind == "cifar" else v2.RandomResizedCrop(224)
    last = [v2.ToDtype(torch.float32, scale=True), v2.Normalize(MEAN, STD)]
    pipe = v2.Compose([first, v2.RandomHorizontalFlip(), v2.ColorJitter(*JITTER), *last])
    batch = torch.from_numpy(images(kind)).permute(0, 3, 1, 2).contiguous()
    if whole:
        return lambda: pipe(batch)
    return lambda: torch.stack([pipe(image) for image in batch])


WORKS = {
    "cnnrs": cnnrs_work,
    "albumentations": albumentations_work,
    "pillow": pillow_work,
    "torchvision": torchvision_work,
    "torchvision-batch": lambda kind: torchvision_work(kind, whole=True),
}


def work(library, kind):
    """Answer each line of standard input with the images per second.

    Each measurement takes at least a tenth of a second.
    """
    try:
        function = WORKS[library](kind)
    except ImportError as error:
        print(json.dumps(str(error)), flush=True)
        return
    function()
    print(json.dumps(None), flush=True)
    for _ in sys.stdin:
        calls, start = 0, time.perf_counter()
        while calls < 1 or time.perf_counter() - start < 0.1:
            function()
            calls += 1
        print(json.dumps(calls * BATCH[kind] / (time.perf_counter() - start)), flush=True)


class Workers:
    """Processes that do the same work at the same time. `missing` says why a library is absent."""

    def __init__(self, python, library, kind, count):
        environment = {**os.environ, "PYTHONWARNINGS": "ignore", "NO_ALBUMENTATIONS_UPDATE": "1"}
        if library != "cnnrs":
            environment.pop("PYTHONPATH", None)
        command = [python, __file__, "--work", library, "--kind", kind]
        pipes = {
            "stdin": subprocess.PIPE,
            "stdout": subprocess.PIPE,
            "text": True,
            "env": environment,
        }
        self.processes = [subprocess.Popen(command, **pipes) for _ in range(count)]
        answers = [json.loads(process.stdout.readline()) for process in self.processes]
        self.missing = next((answer for answer in answers if answer is not None), None)

    def sample(self):
        """Return the images per second of all processes together."""
        for process in self.processes:
            process.stdin.write("\n")
            process.stdin.flush()
        return sum(json.loads(process.stdout.readline()) for process in self.processes)

    def close(self):
        """End the processes."""
        for process in self.processes:
            process.communicate()


def compare(kind, peer_python, rounds):
    """Print the table of a pipeline."""
    wanted = [("cnnrs", 1, sys.executable)]
    if peer_python:
        wanted += [
            (name, count, peer_python)
            for name in PEERS
            for count in ((1, 2) if name in PEERS[:3] else (1,))
        ]
    workers = {(name, count): Workers(python, name, kind, count) for name, count, python in wanted}
    for key in [key for key, worker in workers.items() if worker.missing]:
        print(f"{key[0]} is left out: {workers.pop(key).missing}")
    samples = {key: [] for key in workers}
    for _ in range(rounds):
        for key, worker in workers.items():
            samples[key].append(worker.sample())
    for worker in workers.values():
        worker.close()
    medians = {key: statistics.median(values) for key, values in samples.items()}
    best = max(
        (value for key, value in medians.items() if key[0] not in ("cnnrs", "torchvision-batch")),
        default=None,
    )
    print(
        f"\n{kind}: batches of {BATCH[kind]}, {'x'.join(map(str, SHAPE[kind]))} uint8, {rounds} "
        "rounds"
    )
    print(f"{'library':<20}{'processes':>10}{'images/s':>12}{'to the best other':>20}")
    for (name, count), value in sorted(medians.items(), key=lambda item: -item[1]):
        print(f"{name:<20}{count:>10}{value:>12,.0f}{(f'{value / best:.2f}' if best else ''):>20}")


def step_cost(rounds, steps=20):
    """Print how much longer a training step takes with augmentation."""
    import cnnrs
    from cnnrs import augment

    random = np.random.default_rng(0)
    x, y = (
        random.integers(0, 256, (10_000, 32, 32, 3), dtype=np.uint8),
        random.integers(0, 10, 10_000),
    )
    pipe = augment.Compose(
        [
            augment.RandomCrop(32, padding=4),
            augment.RandomHorizontalFlip(),
            augment.Normalize(MEAN, STD),
        ]
    )
    ready = augment.Normalize(MEAN, STD)(x)
    within = []

    def timed(images, **others):
        start = time.perf_counter()
        result = pipe(images, **others)
        within.append(time.perf_counter() - start)
        return result

    trainer = cnnrs.Trainer(
        cnnrs.zoo.create("classic"), optimizer=cnnrs.optimizers.SGD(0.01, momentum=0.9)
    )
    loaders = {
        "without": cnnrs.data.Loader((ready, y), 64, shuffle=True, drop_last=True),
        "with": cnnrs.data.Loader((x, y), 64, shuffle=True, drop_last=True, transform=timed),
    }
    batches = {
        name: itertools.chain.from_iterable(itertools.repeat(loader))
        for name, loader in loaders.items()
    }
    seconds = {name: [] for name in batches}
    for turn in range(2 * rounds + 1):
        for name in sorted(batches, reverse=turn % 2 == 0):  # the order alternates
            for _ in range(steps):
                start = time.perf_counter()
                trainer.train_step(*next(batches[name]))
                seconds[name].append(time.perf_counter() - start)
    medians = {
        name: statistics.median(values[steps:]) for name, values in seconds.items()
    }  # the first turn warms up
    added = medians["with"] - medians["without"]
    print(f"\nstep: classic at batch 64, {2 * rounds} turns of {steps} steps, medians")
    print(
        f"without augmentation {medians['without'] * 1e3:.3f} ms, with {medians['with'] * 1e3:.3f} "
        "ms"
    )
    alone = statistics.median(within[steps:])
    for name, value in (("added", added), ("within the transforms", alone)):
        print(f"{name}: {value * 1e6:.0f} us, {100 * value / medians['without']:.2f} %")


def main():
    """Measure both pipelines and the step."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--peer-python", help="Python of the environment with the other libraries")
    parser.add_argument("--kind", choices=[*BATCH, "step"], help="one table only")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--work", choices=list(WORKS), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.work:
        work(arguments.work, arguments.kind)
        return
    for kind in [arguments.kind] if arguments.kind else [*BATCH, "step"]:
        if kind == "step":
            step_cost(arguments.rounds)
        else:
            compare(kind, arguments.peer_python, arguments.rounds)


if __name__ == "__main__":
    main()
