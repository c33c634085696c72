"""Training loop: steps, epochs, evaluation and history."""
