"""Settings of optimizers that are refused."""

import pytest

from cnnrs import Sequential
from cnnrs.errors import CnnrsError
from cnnrs.layers import Dense
from cnnrs.optimizers import EMA, SGD, SWA, Adam, Group, Muon
from cnnrs.trainer import Trainer


@pytest.mark.parametrize(
    "make",
    [
        lambda: Adam(betas=(0.9, 1.0)),
        lambda: Adam(betas=0.9),
        lambda: Adam(epsilon=-1),
        lambda: SGD(clip_norm=0),
        lambda: SGD(clip_value=-1),
        lambda: SGD(max_norm=float("nan")),
        lambda: SGD(groups=["head.*"]),
        lambda: Group(3),
        lambda: Group("*", weight_decay=-1),
        lambda: Muon(momentum=1.0),
        lambda: Muon(scale="large"),
        lambda: EMA(1.5),
        lambda: SWA(every=0),
        lambda: Trainer(Sequential((2,), [Dense(2)]), average=0.9),
        lambda: Trainer(Sequential((2,), [Dense(2)]), accumulate=0),
    ],
)
def test_bad_settings(make):
    with pytest.raises(CnnrsError):
        make()


def test_a_setting_that_does_not_exist():
    with pytest.raises(TypeError, match="clip_nrom"):
        SGD(0.1, clip_nrom=1.0)
