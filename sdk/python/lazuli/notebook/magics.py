"""Magics in IPython: they are registered here and performed by ``lazuli kernel magics``."""

import atexit
import io
import json
import os
import sys
import traceback

from lazuli.errors import LazuliError
from lazuli.notebook import run_display
from lazuli.notebook.helper import Helper, folder

_LOADED = "_lazuli_magics"


class MagicError(Exception):
    """A magic did not succeed. IPython shows the lines that the program has written, no traceback."""

    def __init__(self, value, lines):
        super().__init__(value)
        self.lines = lines

    def _render_traceback_(self):
        return self.lines


def load(shell):
    """Registers the magics in this IPython."""
    if getattr(shell, _LOADED, None) is not None:
        return
    helper = Helper()
    try:
        helper.start()
    except LazuliError as error:
        print(f"Lazuli's magics are not available: {error}", file=sys.stderr)
        return
    # What the SDK logs in this process goes to the run that a magic has started.
    os.environ.setdefault("LAZULI_SESSION", helper.ready["session"])
    magics = Magics(shell, helper)
    setattr(shell, _LOADED, magics)
    for name in helper.ready["line"]:
        if name != "run" and not _is_foreign(shell, "line", name):
            shell.register_magic_function(magics.line(name), "line", name)
    for name in helper.ready["body"]:
        if not _is_foreign(shell, "cell", name):
            shell.register_magic_function(magics.cell(name), "cell", name)
    shell.register_magic_function(magics.run(shell.find_line_magic("run")), "line", "run")
    atexit.register(helper.close)


def _is_foreign(shell, kind, name):
    return name in shell.magics_manager.magics[kind]


class Magics:
    def __init__(self, shell, helper):
        self._shell = shell
        self._helper = helper
        self._progress = None

    def line(self, name):
        def magic(line=""):
            self._perform(name, line, None)

        return self._named(magic, name)

    def cell(self, name):
        def magic(line, cell):
            self._perform(name, line, cell)

        return self._named(magic, name)

    def run(self, of_ipython):
        """``%run submit …`` is ours, ``%run script.py`` is IPython's."""
        commands = set(self._helper.ready["run"])

        def magic(line=""):
            words = line.split()
            if not words or words[0] in commands:
                self._perform("run", line, None)
                return None
            return of_ipython(line)

        return self._named(magic, "run")

    def _named(self, magic, name):
        magic.__name__ = name
        magic.__doc__ = f"A magic of Lazuli; `%help {name}` explains it."
        return magic

    def _perform(self, name, line, body):
        self._progress = None
        request = {"magic": name, "line": line, "body": body, "folder": folder()}
        try:
            end = self._helper.ask(request, self._on_event)
        except LazuliError as error:
            raise _error(type(error).__name__, str(error), [str(error)]) from None
        if "error" in end:
            error = end["error"]
            raise _error(error["name"], error["value"], error["traceback"]) from None
        if "interrupted" in end:
            raise KeyboardInterrupt

    def _on_event(self, event):
        (kind, value), *_ = event.items()
        return getattr(self, "_on_" + kind)(value)

    def _on_print(self, said):
        stream = sys.stderr if said["stream"] == "stderr" else sys.stdout
        stream.write(said["text"])
        stream.flush()

    def _on_display(self, data):
        self._display(data)

    def _on_progress(self, text):
        data = {"text/plain": text}
        if self._progress is None:
            self._progress = self._display(data, display_id=True)
        else:
            self._progress.update(data, raw=True)

    def _on_run(self, run_id):
        run_display.show(run_id)

    def _on_ask(self, question):
        import getpass

        ask = getpass.getpass if question["password"] else input
        return {"answer": ask(question["prompt"])}

    def _on_evaluate(self, codes):
        return {"values": [str(self._shell.ev(code)) for code in codes]}

    def _on_execute(self, code):
        output = io.StringIO()
        with _Kept(output):
            result = self._shell.run_cell(code, store_history=False)
        error = result.error_before_exec or result.error_in_exec
        told = None
        if error is not None:
            lines = traceback.format_exception(type(error), error, error.__traceback__)
            told = {"message": f"{type(error).__name__}: {error}", "details": "".join(lines)}
        return {"executed": {"output": output.getvalue(), "error": told}}

    def _on_bind(self, rows):
        # From another machine the rows come instead of their file.
        table = rows.get("table")
        if table is None:
            with open(rows["file"], encoding="utf-8") as file:
                table = json.load(file)
        self._shell.user_ns[rows["name"]] = _frame(table)

    def _display(self, data, display_id=None):
        from IPython.display import display

        return display(data, raw=True, display_id=display_id)


class _Kept:
    """What is printed meanwhile is shown and kept."""

    def __init__(self, kept):
        self._kept = kept

    def __enter__(self):
        self._before = sys.stdout, sys.stderr
        sys.stdout, sys.stderr = (_Both(stream, self._kept) for stream in self._before)

    def __exit__(self, *_):
        sys.stdout, sys.stderr = self._before


class _Both:
    def __init__(self, shown, kept):
        self._shown, self._kept = shown, kept

    def write(self, text):
        self._kept.write(text)
        return self._shown.write(text)

    def __getattr__(self, name):
        return getattr(self._shown, name)


def _error(name, value, lines):
    return type(name, (MagicError,), {"__module__": "lazuli"})(value, lines)


def _frame(table):
    """The rows of ``%%sql -o``: a data frame where pandas is installed, else a list of dicts."""
    names = [column["name"] for column in table["columns"]]
    rows = [dict(zip(names, row)) for row in table["rows"]]
    try:
        import pandas
    except ImportError:
        return rows
    return pandas.DataFrame(rows, columns=names)
