"""Execution plans: from a graph to steps, and from steps to places in memory."""
