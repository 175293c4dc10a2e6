"""How far a transfer is, on standard error: one line that is written over, and one when it is done."""

import sys
import threading
import time

_BETWEEN_SECONDS = 0.2


class Progress:
    """Counts files and bytes from several threads."""

    def __init__(self, verb, file_count, size, is_shown=True):
        self._verb = verb
        self._file_count = file_count
        self._size = size
        self._is_shown = is_shown and file_count > 0
        self._lock = threading.Lock()
        self._positions = {}
        self._done_bytes = 0
        self._done_files = 0
        self._skipped = 0
        self._said_at = 0.0
        self._said_length = 0

    def at(self, file, position):
        """So much of a file has been moved; the same or less again is no error."""
        with self._lock:
            self._positions[file] = position
            self._say()

    def done(self, file, size):
        with self._lock:
            self._positions.pop(file, None)
            self._done_bytes += size
            self._done_files += 1
            self._say()

    def skipped(self, file, size):
        with self._lock:
            self._positions.pop(file, None)
            self._size -= size
            self._skipped += 1

    def close(self):
        """Says how it ended, whatever else was said."""
        with self._lock:
            if not self._is_shown:
                return
            text = f"{self._verb} {self._done_files} of {_files(self._file_count)}, {byte_size(self._done_bytes)}"
            if self._skipped:
                text += f"; {_files(self._skipped)} skipped, because they are there (overwrite=True replaces them)"
            self._write(text, "\n")

    def _say(self):
        now = time.monotonic()
        if not self._is_shown or not _can_rewrite() or now - self._said_at < _BETWEEN_SECONDS:
            return
        self._said_at = now
        moved = self._done_bytes + sum(self._positions.values())
        share = moved / self._size if self._size > 0 else 1.0
        bar = "=" * round(20 * min(share, 1.0))
        self._write(
            f"[{bar:<20}] {self._done_files} of {_files(self._file_count)}, {byte_size(moved)} of {byte_size(self._size)}", ""
        )

    def _write(self, text, end):
        # Blanks cover what a longer line left behind; a file or pipe gets the last line only.
        begin = "\r" if self._said_length else ""
        sys.stderr.write(begin + text.ljust(self._said_length) + end)
        sys.stderr.flush()
        self._said_length = len(text)


def _can_rewrite():
    """A terminal, or a notebook's output."""
    return sys.stderr.isatty() or type(sys.stderr).__module__.startswith("ipykernel")


def _files(count):
    return "1 file" if count == 1 else f"{count:,} files"


def byte_size(size):
    """`1.2 MB`"""
    if size < 1000:
        return f"{size} B"
    for unit in ("kB", "MB", "GB"):
        size /= 1000
        if size < 1000:
            return f"{size:.1f} {unit}"
    return f"{size / 1000:.1f} TB"
