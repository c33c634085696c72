"""Files: models and checkpoints on disk."""
