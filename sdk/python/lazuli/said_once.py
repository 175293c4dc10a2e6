"""What is accepted but means nothing on one machine is said once in a process, not at each call."""

import logging

_said = set()


def say_once(what, became):
    """``what`` was given; ``became`` tells what it is here."""
    if what not in _said:
        _said.add(what)
        logging.getLogger("lazuli").warning("lazuli: %s %s", what, became)
