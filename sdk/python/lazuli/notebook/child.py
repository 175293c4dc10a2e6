"""The Python process of a Lazuli kernel: ipykernel, started as ``child.py CONNECTION_FILE``."""

import sys


def main():
    # The folder of this file holds no modules for anybody.
    folder = sys.path.pop(0)
    guard = folder + "/pip_guard"
    sys.path[:] = [path for path in sys.path if path != guard]
    from ipykernel.kernelapp import IPKernelApp

    app = IPKernelApp.instance()
    app.initialize(["-f", sys.argv[1]])
    app.shell.extension_manager.load_extension("lazuli")
    app.start()


if __name__ == "__main__":
    main()
