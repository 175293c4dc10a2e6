"""Lazuli's ``azureml`` beside Microsoft's in one Python: either would use modules of the other."""

import os
import sys


def refuse_to_mix():
    """Raises ImportError when Microsoft's azureml-core is installed in this Python, and names the fix."""
    own = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    for folder in sys.path:
        core = os.path.join(folder or os.curdir, "azureml", "core")
        if os.path.abspath(folder or os.curdir) != own and os.path.isfile(os.path.join(core, "workspace.py")):
            if _is_microsofts(core):
                raise ImportError(
                    f"Microsoft's package azureml-core is installed in `{folder}`, and Lazuli's azureml does not mix with it\n"
                    f"hint: in a terminal, `{sys.executable} -m pip uninstall azureml-core azureml-sdk`, or use another "
                    "Python environment; nothing else needs to be installed"
                )


def _is_microsofts(core):
    # Every copy of ours holds this file beside it.
    site = os.path.dirname(os.path.dirname(core))
    return not os.path.isfile(os.path.join(site, "lazuli", "drop_in.py"))
