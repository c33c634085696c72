"""Updates: turn gradients into changed parameters."""
