"""Graphs of layers: order and names of the nodes, receptive fields."""
