"""Training: `Trainer`, and what it reports."""

from cnnrs.trainer.checkpoints import CheckpointWarning
from cnnrs.trainer.history import History
from cnnrs.trainer.leak_guard import LeakWarning
from cnnrs.trainer.rate_finder import RateSearch, find_learning_rate
from cnnrs.trainer.trainer import Trainer

__all__ = [
    "CheckpointWarning",
    "History",
    "LeakWarning",
    "RateSearch",
    "Trainer",
    "find_learning_rate",
]
