"""SDK v1's switch of what is sent to Microsoft. Lazuli sends nothing to anybody."""

from lazuli.said_once import say_once


def set_diagnostics_collection(send_diagnostics=True, verbosity=None):
    """Nothing is collected, whatever is asked for."""
    if send_diagnostics:
        say_once("`set_diagnostics_collection`", "means nothing here: Lazuli collects nothing and sends nothing")
