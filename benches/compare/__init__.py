"""The parts of ``compare_torch.py``: what is measured (`rows`), the work in each library, and the
processes that take turns.
"""
