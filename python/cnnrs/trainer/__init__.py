"""Training: `Trainer`, and what it reports."""

from cnnrs.trainer.checkpoint.checkpoints import CheckpointWarning
from cnnrs.trainer.loop.history import History
from cnnrs.trainer.leak_guard import LeakWarning
from cnnrs.trainer.rate_finder import RateSearch, find_learning_rate
from cnnrs.trainer.loop.trainer import Trainer

__all__ = [
    "CheckpointWarning",
    "History",
    "LeakWarning",
    "RateSearch",
    "Trainer",
    "find_learning_rate",
]
