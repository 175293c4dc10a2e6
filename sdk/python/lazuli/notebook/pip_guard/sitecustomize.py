"""Keeps pip from putting Microsoft's ``azureml-*`` packages beside Lazuli's ``azureml``.

A kernel puts this folder on the path of its Python and, by the environment, of every Python that a cell
starts (``!pip``, ``%pip``, ``subprocess``). It changes nothing before pip itself is imported.
"""

import importlib.abc
import importlib.machinery
import os
import re
import sys

_OWN = os.path.dirname(os.path.abspath(__file__))


def _is_microsofts(name):
    return bool(name) and re.match(r"azureml([-_.].*)?$", name, re.IGNORECASE) is not None


class _Finder(importlib.abc.MetaPathFinder):
    """Changes two modules of pip when they are imported."""

    def __init__(self):
        self._changes = {
            "pip._internal.cli.req_command": _guard_requirements,
            "pip._internal.resolution.resolvelib.factory": _guard_dependencies,
        }

    def find_spec(self, name, path, target=None):
        change = self._changes.pop(name, None)
        if change is None:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def exec_module(module):
                execute(module)
                change(module)

            spec.loader.exec_module = exec_module
        return spec


def _guard_requirements(module):
    """What the user asks for: ``pip install``, ``-r`` files, ``pip download``, ``pip wheel``."""
    of_pip = module.RequirementCommand.get_requirements

    def get_requirements(self, args, options, *rest, **named):
        # pip refuses to be called without anything to do, and here that is no mistake.
        requirements = of_pip(self, args, options, *rest, **named)
        refused = [r for r in requirements if _is_microsofts(r.name)]
        if not refused:
            return requirements
        names = ", ".join(sorted({f"`{r.name}`" for r in refused}))
        verb = "was" if len(refused) == 1 else "were"
        print(
            f"{names} {verb} not installed: `azureml` is Lazuli's own in this notebook, and it is up to date.\n"
            "hint: nothing needs to be changed; the other packages of this command are installed as usual",
            file=sys.stderr,
        )
        return [r for r in requirements if not _is_microsofts(r.name)]

    module.RequirementCommand.get_requirements = get_requirements


def _guard_dependencies(module):
    """What other packages depend on. The method had another name, and gave one, before pip 23.3."""
    for name, nothing in (("_make_requirements_from_install_req", lambda: iter(())), ("_make_requirement_from_install_req", lambda: None)):
        of_pip = getattr(module.Factory, name, None)
        if of_pip is not None:
            setattr(module.Factory, name, _without_microsofts(of_pip, nothing))


def _without_microsofts(of_pip, nothing):
    def make(self, requirement, *rest, **named):
        return nothing() if _is_microsofts(requirement.name) else of_pip(self, requirement, *rest, **named)

    return make


def _chain():
    """Another sitecustomize, of the system or the environment, is executed as it would be without us."""
    path = [folder for folder in sys.path if os.path.abspath(folder or ".") != _OWN]
    spec = importlib.machinery.PathFinder.find_spec("sitecustomize", path)
    if spec is not None and spec.loader is not None:
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)


import importlib.util  # noqa: E402

sys.meta_path.insert(0, _Finder())
_chain()
