"""Compute targets: named clusters of job slots, by the real daemon."""

from pathlib import Path

from azureml.core import ComputeTarget, Experiment, ScriptRunConfig, Workspace
from azureml.core.compute import AmlCompute, ComputeInstance
from azureml.core.compute_target import ComputeTargetException
from tests.support import DaemonTestCase, wait_for


class ComputeTest(DaemonTestCase):
    def setUp(self):
        super().setUp()
        self.workspace = Workspace.from_config()

    def cluster(self, name="your-compute-cluster", **options):
        configuration = AmlCompute.provisioning_configuration(**{"vm_size": "STANDARD_DS11_V2", "max_nodes": 2, **options})
        return ComputeTarget.create(self.workspace, name, configuration)

    def test_one_that_is_not_there_is_a_compute_target_exception(self):
        for ask in (
            lambda: ComputeTarget(workspace=self.workspace, name="nowhere"),
            lambda: AmlCompute(self.workspace, "nowhere"),
        ):
            with self.assertRaisesRegex(ComputeTargetException, "compute target `nowhere` not found"):
                ask()

    def test_a_cluster_is_made_and_tells_what_it_was_given(self):
        cluster = self.cluster(min_nodes=1, idle_seconds_before_scaledown=60, vnet_name="net", description="for labs", tags={"a": "b"}, admin_user_password="hush")
        cluster.wait_for_completion(show_output=True, min_node_count=1, timeout_in_minutes=1)
        self.assertIsInstance(cluster, AmlCompute)
        self.assertEqual((cluster.name, cluster.type, cluster.provisioning_state, cluster.vm_size), ("your-compute-cluster", "AmlCompute", "Succeeded", "STANDARD_DS11_V2"))
        status = cluster.get_status()
        self.assertEqual((status.scale_settings.minimum_node_count, status.scale_settings.maximum_node_count), (1, 2))
        self.assertIn(status.allocation_state, ("Steady", "Resizing"))
        self.assertEqual(status.serialize()["scaleSettings"], {"minNodeCount": 1, "maxNodeCount": 2, "nodeIdleTimeBeforeScaleDown": "PT60S"})
        shown = ComputeTarget(self.workspace, "your-compute-cluster").serialize()
        self.assertEqual((shown["properties"]["properties"]["vnetName"], shown["tags"], shown["properties"]["description"]), ("net", {"a": "b"}, "for labs"))
        self.assertNotIn("hush", repr(shown))
        self.assertIn("your-compute-cluster", self.workspace.compute_targets)
        cluster.update(max_nodes=4)
        self.assertEqual(cluster.scale_settings.maximum_node_count, 4)
        self.assertEqual(ComputeTarget.deserialize(self.workspace, shown).name, cluster.name)

    def test_what_cannot_be_is_refused(self):
        with self.assertRaisesRegex(ComputeTargetException, "min_nodes=3 is more than max_nodes=2"):
            self.cluster(min_nodes=3)
        with self.assertRaisesRegex(ComputeTargetException, "max_nodes='two' is no number of nodes"):
            self.cluster(max_nodes="two")
        with self.assertRaisesRegex(ComputeTargetException, "`create` got a dict"):
            ComputeTarget.create(self.workspace, "cluster", {})
        with self.assertRaises(ComputeTargetException):
            self.cluster("local")
        self.assertEqual([target.name for target in ComputeTarget.list(self.workspace)], ["local"])

    def test_no_more_runs_than_nodes_run_at_once(self):
        self.cluster("one", max_nodes=1)
        Path("code").mkdir()
        Path("code/script.py").write_text("import os, time\nwhile not os.path.exists(os.environ['GO']): time.sleep(0.02)\n")
        go = self.folder / "go"
        runs = []
        for _ in range(2):
            config = ScriptRunConfig("code", "script.py", compute_target="one")
            config.run_config.environment_variables = {"GO": str(go)}
            runs.append(Experiment(self.workspace, "queue").submit(config))
        wait_for("the first run", lambda: runs[0].get_status() == "Running")
        self.assertEqual(runs[1].get_status(), "Queued")
        cluster = ComputeTarget(self.workspace, "one")
        status = cluster.get_status()
        self.assertEqual((status.node_state_counts.running_node_count, status.current_node_count), (1, 1))
        self.assertEqual([node["runId"] for node in cluster.list_nodes()], [runs[0].id])
        self.assertEqual({run.id for run in cluster.get_active_runs()}, {run.id for run in runs})
        with self.assertRaises(ComputeTargetException):
            cluster.delete()
        go.write_text("")
        for run in runs:
            self.assertEqual(run.wait_for_completion()["target"], "one")
        cluster.delete()
        with self.assertRaises(ComputeTargetException):
            cluster.get_status()

    def test_an_instance_is_stopped_and_started(self):
        instance = ComputeTarget.create(self.workspace, "mine", ComputeInstance.provisioning_configuration(vm_size="STANDARD_DS3_V2"))
        instance.wait_for_completion(show_output=True)
        self.assertEqual((instance.type, instance.get_status().state, instance.vm_size), ("ComputeInstance", "Running", "STANDARD_DS3_V2"))
        instance.stop(wait_for_completion=True)
        self.assertEqual(instance.get_status().state, "Stopped")
        instance.start()
        self.assertEqual(instance.get_status().state, "Running")
        self.assertTrue(AmlCompute.supported_vmsizes(self.workspace)[0]["vCPUs"] >= 1)
        instance.delete(wait_for_completion=True)
