"""``RunDetails``: a run under a notebook's cell, drawn anew until it has ended."""

from lazuli.later import module_names
from lazuli.notebook import run_display

__all__ = ["RunDetails"]


class RunDetails:
    """Shows a run.

    :param run_instance: the run.
    """

    def __init__(self, run_instance):
        self._run = run_instance

    def show(self, render_lib=None, widget_settings=None):
        """Shows the run and goes on while the next cells run. The arguments have no meaning here."""
        run_display.show(self._run.id)

    def get_widget_data(self, widget_settings=None):
        """What the display shows, as a dict."""
        return run_display.state(self._run.id)

    def _ipython_display_(self):
        self.show()


__getattr__ = module_names(__name__)
