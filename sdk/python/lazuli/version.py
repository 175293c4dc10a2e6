"""The version of this package; it must be the daemon's."""

__version__ = "0.1.0"
