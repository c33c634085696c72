"""The command ``cnnrs``: train, test and use networks on images.

Results go to stdout; progress, messages and errors to stderr. Exit codes: 0 success, 1 error, 2
wrong command line, 130 interrupted. An error is one message that starts with ``cnnrs: error:``;
``CNNRS_DEBUG=1`` adds the traceback.
"""

from cnnrs.cli.run import main

__all__ = ["main"]
