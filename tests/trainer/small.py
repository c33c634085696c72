"""A small network for the tests of the trainer."""

import cnnrs
from cnnrs.layers import Conv2D, Dense, Dropout, Flatten, MaxPool2D, ReLU


def network(seed=0, **options):
    layers = [Conv2D(4, 3, padding="same"), ReLU(), MaxPool2D(2), Dropout(0.2), Flatten(), Dense(3)]
    return cnnrs.Sequential((6, 6, 1), layers, seed=seed, **options)
