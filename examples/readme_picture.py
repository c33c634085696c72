"""Run the code of the README and draw its picture: predictions and the learning curve.

python examples/readme_picture.py --out docs/picture.png
"""

import argparse
import contextlib
import re
import tempfile
from pathlib import Path

import matplotlib

matplotlib.use("agg")

import matplotlib.pyplot as plt
import numpy as np

README = Path(__file__).parents[1] / "README.md"
RIGHT, WRONG, GREY = "#2a6f97", "#c8553d", "#6b7280"
SHOWN = 12  # test images
DPI = 125


def run_readme():
    """Run the Python code of the README and return the data, the model and the history."""
    (code,) = re.findall(
        r"^```python\n(.*?)^```", README.read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    names = {}
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):  # it saves a model
        exec(code, names)
    return names["digits"], names["model"], names["history"]


def choose(labels, predicted):
    """Return the first test image of each digit, with two mistakes among them."""
    wrong = np.flatnonzero(labels != predicted)[: SHOWN - 10]
    first = [np.flatnonzero((labels == digit) & (predicted == digit))[0] for digit in range(10)]
    chosen = [int(index) for index in first]
    for place, index in zip((SHOWN // 2 - 1, SHOWN - 1), wrong, strict=False):
        chosen.insert(place, int(index))
    return chosen


def draw_image(axes, image, name, probability, truth):
    """Draw one test image with its predicted class, probability and, if wrong, true class."""
    colour = RIGHT if name == truth else WRONG
    axes.imshow(image[:, :, 0], cmap="gray_r", interpolation="nearest")
    axes.set(xticks=[], yticks=[])
    for side in axes.spines.values():
        side.set(color=colour, linewidth=2.4 if name != truth else 0.8)
    axes.set_title(f"{name}", fontsize=13, color=colour, fontweight="bold", pad=3)
    text = f"{100 * probability:.1f} %" + ("" if name == truth else f", is {truth}")
    axes.set_xlabel(text, fontsize=9, color=GREY if name == truth else WRONG, labelpad=3)


def draw_curve(axes, history, accuracy):
    """Draw training and validation accuracy over the epochs."""
    for key, label, colour in (
        ("accuracy", "training", GREY),
        ("val_accuracy", "validation", RIGHT),
    ):
        values = 100 * np.array(history[key])
        axes.plot(np.arange(1, len(values) + 1), values, color=colour, linewidth=2, label=label)
    axes.set_title(
        f"test accuracy {100 * accuracy:.1f} %", fontsize=11, color=RIGHT, fontweight="bold"
    )
    axes.set_ylim(80, 100.5)
    axes.set_xlim(1, len(history["accuracy"]))
    axes.set_xlabel("epoch", fontsize=9, color=GREY)
    axes.set_ylabel("accuracy (%)", fontsize=9, color=GREY)
    axes.tick_params(labelsize=8, colors=GREY)
    axes.xaxis.set_major_locator(matplotlib.ticker.MaxNLocator(integer=True))
    axes.grid(color="#e5e7eb", linewidth=0.8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color("#9ca3af")
    axes.legend(fontsize=9, frameon=False, loc="lower right")


def draw(digits, model, history, path):
    """Draw the figure: two rows of images on the left, the learning curve on the right."""
    probabilities = model.predict_proba(digits.x_test)
    predicted = probabilities.argmax(axis=1)
    figure = plt.figure(figsize=(8, 2.6), dpi=DPI)
    grid = figure.add_gridspec(
        2, SHOWN // 2 + 3, left=0.015, right=0.985, top=0.89, bottom=0.13, wspace=0.25, hspace=0.75
    )
    for place, index in enumerate(choose(digits.y_test, predicted)):
        axes = figure.add_subplot(grid[divmod(place, SHOWN // 2)])
        draw_image(
            axes,
            digits.x_test[index],
            digits.class_names[predicted[index]],
            probabilities[index].max(),
            digits.class_names[digits.y_test[index]],
        )
    curve = figure.add_subplot(grid[:, SHOWN // 2 :])
    draw_curve(curve, history, np.mean(predicted == digits.y_test))
    box = curve.get_position()
    curve.set_position([box.x0 + 0.055, box.y0 + 0.04, box.width - 0.055, box.height - 0.04])
    figure.savefig(path)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", default="docs/picture.png", help="image file to write")
    arguments = parser.parse_args()
    draw(*run_readme(), arguments.out)
    print(f"picture saved as {arguments.out}")


if __name__ == "__main__":
    main()
