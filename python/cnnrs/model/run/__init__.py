"""Runs: the execution of plans on blocks of memory that are used again."""
