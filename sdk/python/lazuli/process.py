"""Who a process is, beyond its pid: see ``ProcessIdentity`` of the daemon."""

import os


def this_process():
    """The identity the daemon watches, or None on a system that does not tell it."""
    pid = os.getpid()
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stat:
            # The name, in parentheses, may itself contain blanks and parentheses.
            after_name = stat.read().rpartition(")")[2].split()
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as boot_id:
            return {"pid": pid, "start_time": int(after_name[19]), "boot_id": boot_id.read().strip()}
    except (OSError, IndexError, ValueError):
        return None
