"""Parameters: the arena that stores the values of a model, and its memory."""
