"""Data drift: a detector finds the week in which the data moved."""

import datetime
import random
from pathlib import Path

from azureml.core import Dataset, Workspace
from azureml.datadrift import AlertConfiguration, DataDriftDetector
from lazuli.errors import InvalidError
from tests.support import DaemonTestCase

BEGIN = datetime.datetime(2026, 1, 5)


class DriftTest(DaemonTestCase):
    def setUp(self):
        super().setUp()
        self.workspace = Workspace.from_config()
        random.seed(0)
        self.baseline = self.table("baseline.csv", [self.row(0, 0) for _ in range(300)])
        # Two weeks as before, and one in which `age` moved.
        self.target = self.table("target.csv", [self.row(day, 3 if day >= 14 else 0) for day in range(21) for _ in range(15)]).with_timestamp_columns("date")

    def table(self, name, rows):
        Path(name).write_text("date,age,bmi,plan\n" + "\n".join(rows) + "\n")
        return Dataset.Tabular.from_delimited_files(name)

    def row(self, day, shift):
        date = BEGIN + datetime.timedelta(days=day)
        return f"{date:%Y-%m-%d},{random.gauss(shift, 1):.4f},{random.gauss(0, 1):.4f},{random.choice(['basic', 'gold'])}"

    def detector(self, **options):
        return DataDriftDetector.create_from_datasets(self.workspace, "drift", self.baseline, self.target, **{"frequency": "Week", "drift_threshold": 0.3, **options})

    def test_the_week_in_which_the_data_moved_is_found(self):
        detector = self.detector(feature_list=["age", "bmi", "plan"], compute_target="local", latency=24, alert_config=AlertConfiguration(["a@example.com"]))
        run = detector.backfill(BEGIN, BEGIN + datetime.timedelta(days=21))
        run.wait_for_completion()
        metrics = run.get_metrics()
        self.assertEqual((metrics["start_date"], metrics["end_date"], metrics["frequency"]), ("2026-01-05", "2026-01-26", "Week"))
        drift = metrics["Datadrift percentage"]
        self.assertEqual(drift["days_from_start"], [0, 7, 14])
        first, second, third = drift["drift_percentage"]
        self.assertLess(max(first, second), 30)
        self.assertGreater(third, 70)
        distances = metrics["Distance"]
        by_feature = {feature: value for day, feature, value in zip(*(distances[it] for it in ("days_from_start", "feature", "distance"))) if day == 14}
        self.assertGreater(by_feature["age"], 2)
        self.assertLess(by_feature["bmi"], 0.5)
        self.assertEqual(run.experiment.name, "drift-Monitor-Runs")
        self.assertEqual({used["dataset"].name for used in run.get_details()["inputDatasets"]} - {None}, set())

    def test_a_time_without_rows_is_told(self):
        run = self.detector().backfill(datetime.datetime(2020, 1, 1), datetime.datetime(2020, 2, 1))
        run.wait_for_completion(raise_on_error=False)
        self.assertEqual(run.get_status(), "Failed")
        self.assertIn("no slice from 2020-01-01", run.get_details()["error"]["error"]["message"])

    def test_what_cannot_be_compared_is_refused(self):
        for options, text in (
            ({"frequency": "Hour"}, "`Hour`"),
            ({"drift_threshold": 3}, "got 3"),
            ({"feature_list": ["aeg"]}, "aeg"),
        ):
            with self.assertRaisesRegex(Exception, text):
                self.detector(**options)
        with self.assertRaisesRegex(InvalidError, "which of its columns is the time"):
            DataDriftDetector.create_from_datasets(self.workspace, "drift", self.baseline, self.baseline)
        with self.assertRaisesRegex(InvalidError, "no time lies"):
            self.detector().backfill(BEGIN, BEGIN)
        with self.assertRaisesRegex(NotImplementedError, "backfill"):
            DataDriftDetector.get_by_name(self.workspace, "drift")
