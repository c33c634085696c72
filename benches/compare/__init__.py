"""Parts of ``compare_torch.py``: the rows, the work in each library, and the worker processes."""
