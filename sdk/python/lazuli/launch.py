"""Starts a script in several processes that find each other: `python -m lazuli.launch pytorch 4 0 train.py …`."""

import json
import os
import signal
import socket
import subprocess
import sys


def _free_ports(count):
    # All are held until all are known, so that none is given twice.
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def _pytorch(processes):
    port = str(_free_ports(1)[0])
    for rank in range(processes):
        yield {
            "MASTER_ADDR": "127.0.0.1",
            "MASTER_PORT": port,
            "WORLD_SIZE": str(processes),
            "RANK": str(rank),
            "LOCAL_RANK": str(rank),
            "LOCAL_WORLD_SIZE": str(processes),
            "NODE_RANK": "0",
        }


def _tensorflow(workers, parameter_servers):
    ports = _free_ports(workers + parameter_servers)
    addresses = ["127.0.0.1:{}".format(port) for port in ports]
    cluster = {"worker": addresses[:workers]}
    if parameter_servers:
        cluster["ps"] = addresses[workers:]
    for kind, count in (("worker", workers), ("ps", parameter_servers)):
        for index in range(count):
            yield {"TF_CONFIG": json.dumps({"cluster": cluster, "task": {"type": kind, "index": index}})}


def main(framework, processes, parameter_servers, command):
    if framework == "pytorch":
        surroundings = list(_pytorch(processes))
    else:
        surroundings = list(_tensorflow(processes, parameter_servers))
    workers = []
    for variables in surroundings:
        workers.append(subprocess.Popen([sys.executable, *command], env={**os.environ, **variables}))
    # What the agent asks of this process it asks of all below it; only the reason of the end is ours.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    waited = workers[:processes]
    code = 0
    while waited:
        pid, status = os.wait()
        ended = next((worker for worker in workers if worker.pid == pid), None)
        if ended is None:
            continue
        if os.WIFSIGNALED(status):
            ended.returncode = -os.WTERMSIG(status)
        else:
            ended.returncode = os.WEXITSTATUS(status)
        if ended in waited:
            waited.remove(ended)
        if ended.returncode:
            # The others would wait for it for ever.
            code = ended.returncode
            break
    for worker in workers:
        if worker.returncode is None:
            worker.terminate()
    if code < 0:
        print("a process of the script was killed by signal {}".format(-code), file=sys.stderr)
        return 1
    return code


if __name__ == "__main__":
    framework, processes, parameter_servers, *command = sys.argv[1:]
    sys.exit(main(framework, int(processes), int(parameter_servers), command))
