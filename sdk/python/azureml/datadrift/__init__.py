"""Data drift: how far the rows of a dataset have moved away from those of an older one."""

import datetime
import shutil
import tempfile
from pathlib import Path

from azureml.core.conda_dependencies import CondaDependencies
from azureml.core.environment import Environment
from azureml.core.experiment import Experiment
from azureml.core.script_run_config import ScriptRunConfig
from azureml.data.tabular_dataset import TabularDataset
from lazuli.errors import InvalidError
from lazuli.later import module_names, with_later_members
from lazuli.said_once import say_once

__all__ = ["AlertConfiguration", "DataDriftDetector"]

FREQUENCIES = ("Day", "Week", "Month")
_SCRIPT = Path(__file__).with_name("monitor.py")


class AlertConfiguration:
    """Whom SDK v1 writes to when data has drifted. It is kept, and nobody is written to."""

    def __init__(self, email_addresses=None):
        self.email_addresses = [*(email_addresses or [])]


@with_later_members
class DataDriftDetector:
    """Compares a dataset with its past, slice of time by slice of time.

    Nothing runs on a schedule: `backfill` looks at the time that it is given. A detector is kept by the
    notebook that made it; its runs are kept by the experiment `NAME-Monitor-Runs`.
    """

    def __init__(self, workspace, name, baseline_dataset, target_dataset, compute_target, frequency, feature_list, alert_config, drift_threshold, latency):
        self.workspace = workspace
        self.name = name
        self.baseline_dataset = baseline_dataset
        self.target_dataset = target_dataset
        self.compute_target = compute_target
        self.frequency = frequency
        self.feature_list = feature_list
        self.alert_config = alert_config
        self.drift_threshold = drift_threshold
        self.latency = latency
        self.state = "Disabled"
        self.drift_type = "DatasetBased"

    @staticmethod
    def create_from_datasets(workspace, name, baseline_dataset, target_dataset, compute_target=None, frequency=None, feature_list=None, alert_config=None, drift_threshold=None, latency=None):
        """A detector.

        :param baseline_dataset: the TabularDataset to compare with.
        :param target_dataset: the TabularDataset to watch; it knows which of its columns is the time.
        :param frequency: how long a slice is: `Day`, `Week` or `Month`.
        :param feature_list: columns to look at; all that both have, except the time, when absent.
        :param drift_threshold: from which magnitude on, 0 to 1, a slice counts as drifted; 0.2 when absent.
        :param alert_config: an AlertConfiguration, which is kept: nobody is written to.
        """
        for what, dataset in (("baseline_dataset", baseline_dataset), ("target_dataset", target_dataset)):
            if not isinstance(dataset, TabularDataset):
                raise InvalidError(f"{what}= got a {type(dataset).__name__}", "give a TabularDataset, such as `Dataset.get_by_name(workspace, name)`")
        if not target_dataset.timestamp_columns[0]:
            raise InvalidError("the target dataset does not say which of its columns is the time", "give `target.with_timestamp_columns('date')`")
        frequency = frequency or "Day"
        if frequency not in FREQUENCIES:
            raise InvalidError(f"frequency= got `{frequency}`", f"give one of {', '.join(FREQUENCIES)}")
        if alert_config is not None:
            say_once("alert_config= of a drift detector", "is kept, and nobody is written to: look at the metrics of `backfill`'s run")
        threshold = 0.2 if drift_threshold is None else drift_threshold
        if not 0 < threshold < 1:
            raise InvalidError(f"drift_threshold= got {threshold}", "give a number between 0 and 1")
        if feature_list is not None:
            for dataset in (baseline_dataset, target_dataset):
                # Of a column that is not there, the dataset says which there are.
                dataset.keep_columns([*feature_list], validate=True)
        return DataDriftDetector(workspace, name, baseline_dataset, target_dataset, compute_target, frequency, feature_list and [*feature_list], alert_config, threshold, latency or 0)

    def backfill(self, start_date, end_date, compute_target=None, create_compute_target=False):
        """Looks at the target's rows from one day to another. Gives the run that does it; its metrics are the
        drift of each slice in percent, and the distance of each feature."""
        if not (isinstance(start_date, datetime.datetime) and isinstance(end_date, datetime.datetime) and start_date < end_date):
            raise InvalidError(f"no time lies between {start_date} and {end_date}", "give two datetimes, the earlier one first")
        environment = Environment("data-drift")
        environment.python.conda_dependencies = CondaDependencies.create(pip_packages=["pandas", "pyarrow", "scikit-learn"])
        arguments = [
            "--baseline", self.baseline_dataset.as_named_input("baseline"),
            "--target", self.target_dataset.as_named_input("target"),
            "--time", self.target_dataset.timestamp_columns[0],
            "--start", start_date.isoformat(), "--end", end_date.isoformat(),
            "--frequency", self.frequency, "--threshold", self.drift_threshold,
        ]  # fmt: skip
        for feature in self.feature_list or []:
            arguments += ["--feature", feature]
        with tempfile.TemporaryDirectory() as folder:
            shutil.copy(_SCRIPT, folder)
            config = ScriptRunConfig(folder, _SCRIPT.name, arguments, compute_target=compute_target or self.compute_target or "local", environment=environment)
            return Experiment(self.workspace, f"{self.name}-Monitor-Runs").submit(config)

    def __repr__(self):
        return f"DataDriftDetector(name={self.name}, frequency={self.frequency}, drift_threshold={self.drift_threshold})"


__getattr__ = module_names(__name__)
