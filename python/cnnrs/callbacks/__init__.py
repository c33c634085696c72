"""Callbacks: functions that `Trainer.fit` calls between its steps.

It calls them in this order::

    on_fit_start
    (a checkpoint is resumed: load_state_dict)
    for every epoch:
        on_epoch_start                  not if an epoch is resumed in its middle
        for every batch:
            the training step
            on_step_end
            (a checkpoint: state_dict)
        validation
        on_epoch_end
        (a checkpoint: state_dict)
    on_fit_end                          also after an error or Ctrl-C

Several callbacks are called in the order given. A callback that sets ``trainer.stop = True`` ends
the training after the epoch.
"""

from cnnrs.callbacks.base import Callback, Chain
from cnnrs.callbacks.csv_logger import CSVLogger
from cnnrs.callbacks.early_stopping import EarlyStopping
from cnnrs.callbacks.gradient_norms import GradientNorms
from cnnrs.callbacks.lambda_callback import Lambda
from cnnrs.callbacks.model_checkpoint import ModelCheckpoint
from cnnrs.callbacks.tensorboard import TensorBoard
from cnnrs.callbacks.time_limit import TimeLimit

__all__ = [
    "CSVLogger",
    "Callback",
    "Chain",
    "EarlyStopping",
    "GradientNorms",
    "Lambda",
    "ModelCheckpoint",
    "TensorBoard",
    "TimeLimit",
]
