"""Reports: summary, plan, profile and memory of a model, and descriptions of images."""
