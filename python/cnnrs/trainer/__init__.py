"""Training: `Trainer`, its results and its warnings, and a search for a learning rate."""

from cnnrs.trainer.checkpoint.checkpoints import CheckpointWarning
from cnnrs.trainer.leak_guard import LeakWarning
from cnnrs.trainer.loop.evaluation import Evaluation
from cnnrs.trainer.loop.history import History
from cnnrs.trainer.loop.step import Runtime
from cnnrs.trainer.loop.trainer import Trainer
from cnnrs.trainer.rate_finder import RateSearch, find_learning_rate

__all__ = [
    "CheckpointWarning",
    "Evaluation",
    "History",
    "LeakWarning",
    "RateSearch",
    "Runtime",
    "Trainer",
    "find_learning_rate",
]
