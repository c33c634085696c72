"""The command ``cnnrs``: train a network on images, see how good it is, use it.

Results go to stdout; progress, notes and errors to stderr. Exit codes: 0 done, 1 an error, 2 a
wrong command line, 130 interrupted. An error is one message that starts with ``cnnrs: error:``;
``CNNRS_DEBUG=1`` adds the traceback.
"""

from cnnrs.cli.run import main

__all__ = ["main"]
