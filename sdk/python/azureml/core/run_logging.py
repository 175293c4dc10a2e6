import tempfile
import time
from pathlib import Path

from lazuli import spool, values
from lazuli.errors import RunFinishedError


class RunLogging:
    """What a run logs and is tagged with; a part of `Run`.

    A record is appended to the run's spool file and is safe when the call returns, daemon or not.
    """

    def log(self, name, value, description="", step=None):
        """Logs a number or a text; logging it again makes it a series."""
        values.check_key("metric", name)
        self._log(name, "scalar", values.scalar(name, value), description, values.step(name, step))

    def log_list(self, name, value, description=""):
        """Logs a list of numbers or texts."""
        values.check_key("metric", name)
        self._log(name, "list", values.sequence(name, value), description)

    def log_row(self, name, description=None, **kwargs):
        """Logs one row; logging it again adds a row."""
        values.check_key("metric", name)
        self._log(name, "row", values.row(name, kwargs), description)

    def log_table(self, name, value, description=""):
        """Logs a table: `{"x": [1, 2, 3], "y": [0.6, 0.7, 0.89]}`."""
        values.check_key("metric", name)
        self._log(name, "table", values.table(name, value), description)

    def log_image(self, name, path=None, plot=None, description=""):
        """Logs an image file, or a matplotlib figure (or `pyplot` itself) as a PNG."""
        values.check_key("metric", name)
        if (path is None) == (plot is None):
            raise ValueError(f"metric {name!r}: `log_image` takes either path= or plot=")
        # The time keeps two images of one name apart.
        stem = "".join(character if character.isalnum() or character in "-_." else "_" for character in name)
        stem = f"images/{stem[:100].strip('.') or 'image'}_{time.time_ns() // 1_000_000}"
        if plot is not None:
            if not hasattr(plot, "savefig"):
                raise TypeError(f"metric {name!r}: plot= takes a matplotlib figure, got a {type(plot).__name__}")
            artifact = f"{stem}.png"
            with tempfile.TemporaryFile() as file:
                plot.savefig(file, format="png")
                file.seek(0)
                self._client.put_artifact(self.id, artifact, file)
        else:
            artifact = stem + Path(path).suffix
            self.upload_file(artifact, path)
        self._log(name, "image", {"artifact": artifact}, description)

    def log_confusion_matrix(self, name, value, description=""):
        """Logs `{"schema_type": "confusion_matrix", "schema_version": .., "data": {"class_labels": [..], "matrix": [[..]]}}`."""
        self._log_document("confusion_matrix", "log_confusion_matrix", name, value, description)

    def log_accuracy_table(self, name, value, description=""):
        """Logs SDK v1's accuracy table, a dict or its JSON."""
        self._log_document("accuracy_table", "log_accuracy_table", name, value, description)

    def log_predictions(self, name, value, description=""):
        """Logs SDK v1's predictions, a dict or its JSON."""
        self._log_document("predictions", "log_predictions", name, value, description)

    def log_residuals(self, name, value, description=""):
        """Logs SDK v1's residuals, a dict or its JSON."""
        self._log_document("residuals", "log_residuals", name, value, description)

    def _log_document(self, kind, method, name, value, description):
        values.check_key("metric", name)
        self._log(name, kind, values.document(name, method, kind, value), description)

    def _log(self, name, kind, value, description, step=None):
        spool.append(self._home, self.id, spool.metric(name, kind, value, step, description or ""))

    def get_metrics(self, name=None, recursive=False, run_type=None, populate=False):
        """Name to value; with ``recursive``, run id to that for this run and all below it."""
        if recursive:
            runs = [run for run in (self, *self.get_children(recursive=True)) if run_type is None or run.type == run_type]
            found = {run.id: run.get_metrics(name) for run in runs}
            return {run_id: metrics for run_id, metrics in found.items() if metrics}
        metrics = self._client.metrics(self.id)
        return values.metrics_as_sdk_v1(metric for metric in metrics if name is None or metric["name"] == name)

    # Tags and properties

    def tag(self, key, value=None):
        """Sets a tag."""
        self.set_tags({key: value})

    def set_tags(self, tags):
        """Sets several tags; a finished run may be tagged, too."""
        tags = values.texts("tags", tags)
        try:
            for key, value in tags.items():
                spool.append(self._home, self.id, spool.tag(key, value))
        except RunFinishedError:
            self._client.patch_run(self.id, {"set_tags": tags})

    def remove_tags(self, tags):
        self._client.patch_run(self.id, {"remove_tags": [tags] if isinstance(tags, str) else [*tags]})

    def get_tags(self):
        return dict(self._read()["tags"])

    def add_properties(self, properties):
        """Adds properties; each key is written once."""
        self._client.patch_run(self.id, {"add_properties": values.texts("properties", properties)})

    def get_properties(self):
        return dict(self._read()["properties"])
