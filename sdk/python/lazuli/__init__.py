"""How a Python program talks to Lazuli.

``config`` reads the environment, ``spool`` appends what is logged, ``client`` speaks HTTP with the
daemon and ``daemon`` starts it. The classes people use stand in ``azureml`` and only call these.
Standard library only: a training script must not get other packages because it is tracked.
"""

from lazuli.version import __version__

__all__ = ["Client", "LazuliError", "__version__"]


def load_ipython_extension(shell):
    """`%load_ext lazuli`."""
    from lazuli.notebook.magics import load

    load(shell)


def __getattr__(name):
    # `import azureml` comes by here, and needs neither.
    if name == "Client":
        from lazuli.client import Client

        return Client
    if name == "LazuliError":
        from lazuli.errors import LazuliError

        return LazuliError
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
