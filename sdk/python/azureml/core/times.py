"""Times as SDK v1 shows them."""

from datetime import datetime, timezone


def utc(time_ms):
    """A moment of the daemon's, or None."""
    return None if time_ms is None else datetime.fromtimestamp(time_ms / 1000, timezone.utc)


def iso(time_ms):
    return None if time_ms is None else utc(time_ms).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
