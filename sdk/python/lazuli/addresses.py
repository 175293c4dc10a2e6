"""Texts as parts of the daemon's addresses."""

from urllib.parse import quote


def part(text):
    """One part of a path; what it contains never separates parts."""
    return quote(str(text), safe="")


def path(text):
    """A path with its parts."""
    return quote(str(text), safe="/")
