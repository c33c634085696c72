"""Checkpoints: save the state of a training and resume from it."""
