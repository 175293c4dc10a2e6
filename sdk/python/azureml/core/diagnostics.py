import logging


class diagnostic_log:
    """Writes what the SDK logs into a file, as a context or between `start_capture` and `stop_capture`."""

    def __init__(self, log_path=None, namespaces=None, context_name=None):
        self._log_path = log_path or "diagnostics.log"
        self._namespaces = namespaces or ["azureml", "lazuli"]
        self._handler = None

    def start_capture(self):
        if self._handler is None:
            self._handler = logging.FileHandler(self._log_path)
            self._handler.setFormatter(logging.Formatter("%(asctime)s|%(name)s|%(levelname)s|%(message)s"))
            for namespace in self._namespaces:
                logger = logging.getLogger(namespace)
                logger.addHandler(self._handler)
                logger.setLevel(logging.DEBUG)

    def stop_capture(self):
        if self._handler is not None:
            for namespace in self._namespaces:
                logging.getLogger(namespace).removeHandler(self._handler)
            self._handler.close()
            self._handler = None

    def __enter__(self):
        self.start_capture()
        return self

    def __exit__(self, *_):
        self.stop_capture()
