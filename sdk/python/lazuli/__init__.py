"""How a Python program talks to Lazuli.

``config`` reads the environment, ``spool`` appends what is logged, ``client`` speaks HTTP with the
daemon and ``daemon`` starts it. The classes people use stand in ``azureml`` and only call these.
Standard library only: a training script must not get other packages because it is tracked.
"""

from lazuli.client import Client
from lazuli.errors import LazuliError
from lazuli.version import __version__

__all__ = ["Client", "LazuliError", "__version__"]
