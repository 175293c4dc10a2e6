"""The real MLflow client, from PyPI, against the real daemon: what is logged by one side is what the other side sees.

One daemon and one import of mlflow serve all tests; each works in an experiment of its own. `LAZULI_TEST_MLFLOW_URI` names
another server to ask instead (MLflow's own, to judge the tests); what needs Lazuli itself is skipped then.
"""

import json
import math
import os
import subprocess
import sys
import time
import urllib.parse
import uuid
from pathlib import Path

# Before the import: mlflow reports its use to its makers otherwise, and retries what is wrong for minutes.
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "1"
for name in ("MLFLOW_TRACKING_TOKEN", "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD", "MLFLOW_EXPERIMENT_NAME"):
    os.environ.pop(name, None)

import pytest  # noqa: E402

pytest.importorskip("mlflow", reason="MLflow's client is not installed: see tests/requirements.txt")

import mlflow  # noqa: E402
import mlflow.sklearn  # noqa: E402
import requests  # noqa: E402
from daemon import Daemon  # noqa: E402
from mlflow import MlflowClient  # noqa: E402
from mlflow.entities import Metric, Param, RunTag, ViewType  # noqa: E402
from mlflow.exceptions import MlflowException  # noqa: E402
from mlflow.store.artifact.http_artifact_repo import HttpArtifactRepository  # noqa: E402
from sklearn.datasets import load_diabetes  # noqa: E402
from sklearn.linear_model import Ridge  # noqa: E402

CHECKOUT = Path(__file__).resolve().parents[2]
OTHER_SERVER = os.environ.get("LAZULI_TEST_MLFLOW_URI")
needs_lazuli = pytest.mark.skipif(OTHER_SERVER is not None, reason="this is not a Lazuli daemon")


@pytest.fixture(scope="module")
def daemon(tmp_path_factory):
    if OTHER_SERVER:
        yield None
        return
    binaries = Path(os.environ.get("LAZULI_TEST_BINARIES", CHECKOUT / "target" / "debug"))
    assert (binaries / "lazuli").exists(), f"{binaries}/lazuli is missing: run `make build`"
    daemon = Daemon(binaries, folder=tmp_path_factory.mktemp("daemon"))
    yield daemon
    daemon.stop()


@pytest.fixture(scope="module")
def uri(daemon):
    """The one variable is all that a user sets."""
    uri = OTHER_SERVER or daemon.tracking_uri()
    os.environ["MLFLOW_TRACKING_URI"] = uri
    yield uri
    del os.environ["MLFLOW_TRACKING_URI"]


@pytest.fixture(scope="module")
def client(uri):
    return MlflowClient()


@pytest.fixture
def experiment(uri, request):
    """The id of an experiment that only this test has, and that fluent calls use."""
    name = f"{request.node.name} {uuid.uuid4().hex[:6]}"
    yield mlflow.set_experiment(name).experiment_id
    while mlflow.active_run():
        mlflow.end_run()


@pytest.fixture(scope="module")
def diabetes():
    return load_diabetes(return_X_y=True)


@pytest.fixture
def ridge(diabetes):
    return Ridge(alpha=0.25).fit(*diabetes)


def all_pages(ask):
    """Every page that `ask(token)` gives, until one has no token."""
    pages, token = [], None
    while True:
        page = ask(token)
        pages.append(page)
        token = page.token
        if not token:
            return pages
        assert len(pages) < 100, "the pages never end"


def test_autolog_keeps_parameters_metrics_and_a_model_that_predicts(client, experiment, diabetes):
    mlflow.sklearn.autolog(silent=True)
    try:
        with mlflow.start_run() as run:
            fitted = Ridge(alpha=0.25).fit(*diabetes)
    finally:
        mlflow.sklearn.autolog(disable=True)

    logged = client.get_run(run.info.run_id)
    assert logged.info.status == "FINISHED"
    assert logged.info.experiment_id == experiment
    assert logged.data.params["alpha"] == "0.25"
    assert logged.data.params["solver"] == "auto"
    assert logged.data.metrics["training_score"] == pytest.approx(fitted.score(*diabetes))
    assert logged.data.tags["estimator_name"] == "Ridge"
    assert "estimator.html" in {file.path for file in client.list_artifacts(run.info.run_id)}
    # What it was trained with, and the model that came out, are linked to the run.
    assert [given.dataset.source_type for given in logged.inputs.dataset_inputs] == ["code"]
    (output,) = logged.outputs.model_outputs
    loaded = mlflow.sklearn.load_model(f"models:/{output.model_id}")
    assert loaded.predict(diabetes[0]).tolist() == pytest.approx(fitted.predict(diabetes[0]).tolist())
    (model,) = client.search_logged_models([experiment])
    assert (model.model_id, model.source_run_id, str(model.status)) == (output.model_id, run.info.run_id, "READY")


def test_artifacts_come_back_as_they_were(client, experiment, tmp_path):
    contents = {
        "notes.txt": b"hello",
        "empty": b"",
        "plots/deep/er/curve.bin": bytes(range(256)) * 1000,
        "with space & ünïcode/€.json": b"{}",
    }
    for name, content in contents.items():
        file = tmp_path / "given" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)

    with mlflow.start_run() as run:
        mlflow.log_artifacts(tmp_path / "given", "kept")
        mlflow.log_text("more", "top.txt")

    run_id = run.info.run_id
    root = {(file.path, file.is_dir, file.file_size) for file in client.list_artifacts(run_id)}
    assert root == {("kept", True, None), ("top.txt", False, 4)}
    # MLflow's own server leaves out a size of 0.
    kept = {file.path: file.file_size or 0 for file in client.list_artifacts(run_id, "kept") if not file.is_dir}
    assert kept == {"kept/notes.txt": 5, "kept/empty": 0}
    assert [file.path for file in client.list_artifacts(run_id, "kept/plots")] == ["kept/plots/deep"]
    assert client.list_artifacts(run_id, "kept/notes.txt") == []
    assert client.list_artifacts(run_id, "nothing") == []

    folder = Path(client.download_artifacts(run_id, "kept", tmp_path))
    back = {str(f.relative_to(folder)): f.read_bytes() for f in folder.rglob("*") if f.is_file()}
    assert back == contents
    with pytest.raises(Exception, match="(?i)no such|not found|path is correct"):
        client.download_artifacts(run_id, "nothing.txt", tmp_path)


def test_a_model_is_logged_loaded_and_predicts(experiment, ridge, diabetes):
    with mlflow.start_run() as run:
        mlflow.log_metric("r2", 0.5)
        info = mlflow.sklearn.log_model(
            ridge, name="ridge", input_example=diabetes[0][:2], pip_requirements=["scikit-learn"]
        )
    loaded = mlflow.pyfunc.load_model(info.model_uri)
    assert loaded.predict(diabetes[0]).tolist() == pytest.approx(ridge.predict(diabetes[0]).tolist())
    assert loaded.metadata.run_id == run.info.run_id
    assert loaded.metadata.signature is not None
    # The address of MLflow 2: through the run instead of the model.
    by_run = mlflow.sklearn.load_model(f"runs:/{run.info.run_id}/ridge")
    assert by_run.alpha == 0.25


def test_search_pages_give_every_run_once_and_in_order(client, experiment):
    # Equal start times: only a whole order lets pages neither repeat nor lose a run.
    runs = [client.create_run(experiment, start_time=1_000, run_name=f"n{i}") for i in range(23)]
    for i, run in enumerate(runs):
        metrics = [Metric("loss", (i * 7) % 23, 1, 0)] if i != 5 else []
        kind = RunTag("kind", "odd" if i % 2 else "even")
        client.log_batch(run.info.run_id, metrics, [Param("rank", str(i % 3))], [kind])
    ids = [run.info.run_id for run in runs]

    def pages(*arguments, **named):
        return all_pages(lambda token: client.search_runs([experiment], *arguments, page_token=token, **named))

    plain = pages(max_results=4)
    assert [len(page) for page in plain] == [4, 4, 4, 4, 4, 3]
    assert [run.info.run_id for page in plain for run in page] == sorted(ids)

    by_loss = [run.data.metrics.get("loss") for page in pages(max_results=5, order_by=["metrics.loss DESC"]) for run in page]
    assert by_loss[:-1] == sorted(by_loss[:-1], reverse=True)
    assert by_loss[-1] is None, "what has no such metric comes last in both directions"

    found = pages("metrics.loss < 10 and params.rank = '1' and tags.kind = 'odd'", max_results=1)
    expected = {ids[i] for i in range(23) if i != 5 and (i * 7) % 23 < 10 and i % 3 == 1 and i % 2}
    assert len(expected) > 1
    assert sorted(run.info.run_id for page in found for run in page) == sorted(expected)

    def names(text):
        return {run.info.run_name for run in client.search_runs([experiment], text)}

    assert names("attributes.run_name LIKE 'n1%'") == {"n1"} | {f"n1{i}" for i in range(10)}
    assert names("attributes.run_name ILIKE 'N2_'") == {"n20", "n21", "n22"}
    assert names(f"attributes.run_id IN ('{ids[0]}', '{ids[3]}')") == {"n0", "n3"}
    assert names("tags.kind != 'odd' and attributes.status = 'RUNNING' and metrics.loss >= 20") == {
        f"n{i}" for i in range(23) if i % 2 == 0 and (i * 7) % 23 >= 20
    }
    for wrong in ("metrics.loss > 'a'", "params.rank = 'x", "nonsense", "metrics.loss >", "unknown.key = 'a'"):
        with pytest.raises(MlflowException) as refused:
            client.search_runs([experiment], wrong)
        assert refused.value.error_code == "INVALID_PARAMETER_VALUE"
    with pytest.raises(MlflowException):
        client.search_runs([experiment], page_token="no token of ours")


def test_a_page_token_goes_on_where_it_stopped_while_runs_are_added(client, experiment):
    known = {client.create_run(experiment, start_time=10 + i).info.run_id for i in range(6)}
    first = client.search_runs([experiment], max_results=3, order_by=["attributes.start_time ASC"])
    client.create_run(experiment, start_time=100)
    rest = client.search_runs(
        [experiment], max_results=100, order_by=["attributes.start_time ASC"], page_token=first.token
    )
    seen = [run.info.run_id for run in [*first, *rest]]
    assert len(seen) == len(set(seen)) == 7
    assert known < set(seen)


def test_registry_with_versions_aliases_and_stages(client, experiment, ridge, diabetes):
    name = f"ridge {uuid.uuid4().hex[:6]}"
    with mlflow.start_run():
        for _ in range(2):
            mlflow.sklearn.log_model(ridge, name="m", registered_model_name=name, pip_requirements=["scikit-learn"])

    client.set_registered_model_alias(name, "champion", "1")
    client.set_registered_model_alias(name, "champion", "2")
    client.set_registered_model_alias(name, "old", "1")
    assert client.get_model_version_by_alias(name, "champion").version == "2"
    assert client.get_registered_model(name).aliases == {"champion": "2", "old": "1"}
    loaded = mlflow.pyfunc.load_model(f"models:/{name}@champion")
    assert loaded.predict(diabetes[0]).tolist() == pytest.approx(ridge.predict(diabetes[0]).tolist())
    assert mlflow.sklearn.load_model(f"models:/{name}/1").alpha == 0.25
    client.delete_registered_model_alias(name, "old")
    with pytest.raises(MlflowException, match="alias old not found"):
        client.get_model_version_by_alias(name, "old")
    for reserved in ("latest", "v1"):
        with pytest.raises(MlflowException, match="reserved"):
            client.set_registered_model_alias(name, reserved, "1")

    client.transition_model_version_stage(name, "1", "Production")
    client.transition_model_version_stage(name, "2", "production", archive_existing_versions=True)
    assert {v.version: v.current_stage for v in client.search_model_versions(f"name = '{name}'")} == {
        "1": "Archived",
        "2": "Production",
    }
    assert [v.version for v in client.get_latest_versions(name, ["Production"])] == ["2"]
    assert mlflow.sklearn.load_model(f"models:/{name}/Production").alpha == 0.25

    client.set_model_version_tag(name, "2", "checked", "yes")
    client.update_model_version(name, "2", description="the better one")
    version = client.get_model_version(name, "2")
    assert (version.tags["checked"], version.description, version.status) == ("yes", "the better one", "READY")
    client.delete_model_version(name, "2")
    with pytest.raises(MlflowException, match="not found"):
        client.get_model_version(name, "2")
    assert client.get_registered_model(name).aliases == {}
    client.rename_registered_model(name, name + " renamed")
    assert [v.version for v in client.search_model_versions(f"name = '{name} renamed'")] == ["1"]


def test_pages_of_registered_models_give_each_once(client, uri):
    prefix = uuid.uuid4().hex[:6]
    names = [f"{prefix} {i:02}" for i in range(11)]
    for name in reversed(names):
        client.create_registered_model(name, tags={"batch": prefix})

    def pages(order):
        found = all_pages(
            lambda token: client.search_registered_models(
                f"name LIKE '{prefix}%'", max_results=4, order_by=[order], page_token=token
            )
        )
        assert [len(page) for page in found] == [4, 4, 3]
        return [model.name for page in found for model in page]

    assert pages("name ASC") == names
    assert pages("name DESC") == names[::-1]
    assert len(client.search_registered_models(f"tags.batch = '{prefix}'")) == 11


def test_a_nested_run_belongs_to_its_parent(client, experiment):
    with mlflow.start_run(run_name="outer") as outer:
        for depth in (3, 5):
            with mlflow.start_run(run_name=f"depth {depth}", nested=True):
                mlflow.log_param("depth", depth)
    children = client.search_runs([experiment], f"tags.`mlflow.parentRunId` = '{outer.info.run_id}'")
    assert {child.data.params["depth"] for child in children} == {"3", "5"}
    assert {child.info.status for child in children} == {"FINISHED"}


def test_a_run_goes_on_after_it_ended(client, experiment):
    with mlflow.start_run() as run:
        mlflow.log_metric("loss", 3, step=0)
    with mlflow.start_run(run_id=run.info.run_id):
        assert client.get_run(run.info.run_id).info.status == "RUNNING"
        mlflow.log_metric("loss", 2, step=1)
    with pytest.raises(ZeroDivisionError), mlflow.start_run(run_id=run.info.run_id):
        mlflow.log_metric("loss", 1, step=2)
        1 / 0
    assert client.get_run(run.info.run_id).info.status == "FAILED"
    assert [(m.step, m.value) for m in client.get_metric_history(run.info.run_id, "loss")] == [(0, 3), (1, 2), (2, 1)]


def test_what_is_no_number_stays_so(client, experiment):
    run_id = client.create_run(experiment).info.run_id
    for step, value in enumerate([math.nan, math.inf, -math.inf, 1.5]):
        client.log_metric(run_id, "m", value, timestamp=step + 1, step=step)
    client.log_batch(run_id, [Metric("only", math.nan, 1, 0), Metric("most", math.inf, 1, 0)])
    nan, most, least, plain = [m.value for m in client.get_metric_history(run_id, "m")]
    assert math.isnan(nan) and plain == 1.5
    # MLflow itself keeps infinity as the greatest number there is.
    assert most >= sys.float_info.max and least <= -sys.float_info.max
    latest = client.get_run(run_id).data.metrics
    assert latest["m"] == 1.5 and math.isnan(latest["only"]) and latest["most"] >= sys.float_info.max


def test_the_latest_value_is_that_of_the_highest_step(client, experiment):
    run_id = client.create_run(experiment).info.run_id
    client.log_batch(run_id, [Metric("m", 1, 30, 1), Metric("m", 9, 10, 5), Metric("m", 2, 20, 2)])
    assert client.get_run(run_id).data.metrics["m"] == 9
    client.log_metric(run_id, "m", 4, timestamp=99, step=3)
    assert client.get_run(run_id).data.metrics["m"] == 9


def test_a_batch_sent_twice_is_there_once(client, experiment, uri):
    run_id = client.create_run(experiment).info.run_id
    metrics = [{"key": "m", "value": i / 2, "timestamp": 1_000 + i, "step": i} for i in range(1000)]
    body = {"run_id": run_id, "metrics": metrics, "params": [], "tags": []}
    for _ in range(3):
        answer = requests.post(f"{uri}/api/2.0/mlflow/runs/log-batch", json=body, timeout=30)
        assert answer.status_code == 200, answer.text
    again = {"run_id": run_id, "metrics": metrics[:1] * 2, "params": [{"key": "p", "value": "1"}], "tags": []}
    for _ in range(2):
        assert requests.post(f"{uri}/api/2.0/mlflow/runs/log-batch", json=again, timeout=30).status_code == 200
    history = client.get_metric_history(run_id, "m")
    assert [m.step for m in history] == list(range(1000))
    assert client.get_run(run_id).data.params == {"p": "1"}
    # The same step with another value is another point.
    client.log_batch(run_id, [Metric("m", 77, 1_000, 0)])
    assert len(client.get_metric_history(run_id, "m")) == 1001


def test_a_parameter_keeps_its_first_value(client, experiment):
    run_id = client.create_run(experiment).info.run_id
    client.log_param(run_id, "alpha", 1)
    client.log_param(run_id, "alpha", 1)
    with pytest.raises(MlflowException, match="Changing param values is not allowed"):
        client.log_batch(run_id, params=[Param("alpha", "2")])
    assert client.get_run(run_id).data.params == {"alpha": "1"}


def test_logging_without_waiting_arrives(client, experiment):
    with mlflow.start_run() as run:
        for step in range(300):
            mlflow.log_metric("m", step, step=step, synchronous=False)
        mlflow.flush_async_logging()
    assert [m.step for m in client.get_metric_history(run.info.run_id, "m")] == list(range(300))


def test_a_deleted_run_refuses_and_comes_back(client, experiment):
    run_id = client.create_run(experiment).info.run_id
    client.delete_run(run_id)
    assert client.search_runs([experiment]) == []
    assert [r.info.run_id for r in client.search_runs([experiment], run_view_type=ViewType.DELETED_ONLY)] == [run_id]
    with pytest.raises(MlflowException, match="must be in the 'active' state"):
        client.log_metric(run_id, "m", 1)
    client.restore_run(run_id)
    client.log_metric(run_id, "m", 1)
    client.delete_experiment(experiment)
    assert client.get_run(run_id).info.lifecycle_stage == "deleted"
    with pytest.raises(MlflowException, match="must be in the 'active' state"):
        client.create_run(experiment)
    client.restore_experiment(experiment)
    assert client.get_run(run_id).data.metrics == {"m": 1}


@needs_lazuli
def test_a_large_file_travels_in_parts(client, experiment, tmp_path, monkeypatch):
    parts = []
    send = HttpArtifactRepository._upload_part

    def counted(*arguments, **named):
        parts.append(1)
        return send(*arguments, **named)

    monkeypatch.setattr(HttpArtifactRepository, "_upload_part", staticmethod(counted))
    monkeypatch.setenv("MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD", "true")
    monkeypatch.setenv("MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE", str(1 << 20))
    monkeypatch.setenv("MLFLOW_MULTIPART_UPLOAD_CHUNK_SIZE", str(5 << 20))
    content = os.urandom((12 << 20) + 17)
    (tmp_path / "big.bin").write_bytes(content)
    run_id = client.create_run(experiment).info.run_id
    client.log_artifact(run_id, str(tmp_path / "big.bin"), "deep/er")
    assert len(parts) == 3
    assert [(f.path, f.file_size) for f in client.list_artifacts(run_id, "deep/er")] == [("deep/er/big.bin", len(content))]
    back = client.download_artifacts(run_id, "deep/er/big.bin", tmp_path / "..")
    assert Path(back).read_bytes() == content


@needs_lazuli
def test_a_wrong_token_is_refused_at_once_and_clearly(uri):
    place = urllib.parse.urlsplit(uri)
    begin = time.monotonic()
    for netloc in (f"lazuli:wrong@{place.hostname}:{place.port}", f"{place.hostname}:{place.port}"):
        with pytest.raises(MlflowException, match="(?i)token|password") as refused:
            MlflowClient(f"http://{netloc}").get_experiment("0")
        assert "401" in str(refused.value) or refused.value.error_code in ("UNAUTHENTICATED", "CUSTOMER_UNAUTHORIZED")
        answer = requests.get(f"http://{netloc}/api/2.0/mlflow/experiments/get?experiment_id=0", timeout=10)
        assert answer.status_code == 401
        assert set(answer.json()) >= {"error_code", "message"}
    assert time.monotonic() - begin < 5, "the client tried again what cannot succeed"


@needs_lazuli
def test_lazuli_shows_what_mlflow_logged(daemon, client, experiment, ridge):
    name = f"seen_{uuid.uuid4().hex[:6]}"
    with mlflow.start_run(run_name="seen") as run:
        mlflow.log_params({"alpha": 0.25})
        for step in range(3):
            mlflow.log_metric("loss", 3 - step, step=step)
        mlflow.set_tag("team", "blue")
        mlflow.log_text("text", "notes/n.txt")
        with mlflow.start_run(nested=True) as child:
            pass
        mlflow.sklearn.log_model(ridge, name="m", registered_model_name=name, pip_requirements=["scikit-learn"])

    run_id = run.info.run_id
    shown = daemon.json("run", "show", run_id)
    assert (shown["run_id"], shown["status"]) == (run_id, "Completed")
    assert shown["tags"]["team"] == "blue"
    assert shown["parameters"]["alpha"] == "0.25"
    assert "loss" in json.dumps(shown["metrics"])
    assert "notes/n.txt" in json.dumps(shown["artifacts"])
    assert child.info.run_id in json.dumps(shown["children"])
    listed = daemon.json("run", "list", "--experiment", client.get_experiment(experiment).name)
    assert {r["run_id"] for r in listed} == {run_id, child.info.run_id}
    assert name in [model["name"] for model in daemon.json("model", "list")]
    metrics = daemon.json("run", "metrics", run_id)
    assert "loss" in json.dumps(metrics)


@needs_lazuli
def test_mlflow_shows_what_lazuli_logged(daemon, client, uri, tmp_path):
    experiment = f"azureml {uuid.uuid4().hex[:6]}"
    script = tmp_path / "train.py"
    script.write_text(
        "import sys\n"
        "from azureml.core import Experiment, Workspace\n"
        "run = Experiment(Workspace.from_config(), sys.argv[1]).start_logging()\n"
        "run.log_list('loss', [3.0, 2.0, float('nan'), 1.0])\n"
        "run.log('accuracy', 0.93)\n"
        "run.tag('team', 'blue')\n"
        "open('model.txt', 'w').write('a model')\n"
        "run.upload_file('outputs/model.txt', 'model.txt')\n"
        "run.register_model(sys.argv[2], model_path='outputs/model.txt')\n"
        "run.complete()\n"
        "print(run.id)\n"
    )
    model = f"azureml_{uuid.uuid4().hex[:6]}"
    environment = dict(
        daemon.environment, PYTHONPATH=str(CHECKOUT / "sdk/python"), LAZULI_BIN=str(daemon.program)
    )
    done = subprocess.run(
        [sys.executable, str(script), experiment, model],
        env=environment, cwd=tmp_path, capture_output=True, text=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.returncode == 0, done
    run_id = done.stdout.split()[-1]

    found = client.get_experiment_by_name(experiment)
    (run,) = client.search_runs([found.experiment_id], "metrics.accuracy > 0.9 and tags.team = 'blue'")
    assert (run.info.run_id, run.info.status, run.data.metrics["accuracy"]) == (run_id, "FINISHED", 0.93)
    values = [m.value for m in client.get_metric_history(run_id, "loss")]
    assert len(values) == 4 and sorted(v for v in values if not math.isnan(v)) == [1, 2, 3]
    assert "outputs/model.txt" in {f.path for f in client.list_artifacts(run_id, "outputs")}
    assert Path(client.download_artifacts(run_id, "outputs/model.txt", tmp_path)).read_text() == "a model"
    (version,) = client.search_model_versions(f"name = '{model}'")
    assert (version.version, version.run_id) == ("1", run_id)
    client.set_tag(run_id, "reviewed", "yes")
    assert client.get_run(run_id).data.tags["reviewed"] == "yes"


@needs_lazuli
def test_what_was_answered_is_there_after_kill_9(daemon, client, experiment):
    run_id = client.create_run(experiment).info.run_id
    client.log_batch(run_id, [Metric("m", i, i + 1, i) for i in range(500)])
    daemon.kill()
    daemon.restart()
    assert [m.step for m in client.get_metric_history(run_id, "m")] == list(range(500))


@needs_lazuli
def test_a_script_that_logs_with_mlflow_logs_to_its_job(daemon, client, tmp_path):
    experiment = f"job {uuid.uuid4().hex[:6]}"
    script = tmp_path / "train.py"
    script.write_text(
        "import mlflow\n"
        "from azureml.core import Run\n"
        "from sklearn.datasets import load_diabetes\n"
        "from sklearn.linear_model import Ridge\n"
        "mlflow.sklearn.autolog(silent=True, log_models=False)\n"
        "with mlflow.start_run():\n"
        "    Ridge(alpha=0.25).fit(*load_diabetes(return_X_y=True))\n"
        "    mlflow.log_metric('loss', 0.5)\n"
        "    mlflow.log_text('text', 'note.txt')\n"
        "Run.get_context().log('accuracy', 0.93)\n"
    )
    arguments = ["--experiment", experiment, "--python", sys.executable, "--wait"]
    run = daemon.json("submit", str(script), *arguments)
    assert run["status"] == "Completed", run
    of = client.get_experiment_by_name(experiment).experiment_id
    [logged] = client.search_runs([of])
    assert (logged.info.run_id, logged.info.status) == (run["run_id"], "FINISHED")
    assert logged.data.metrics.keys() >= {"loss", "accuracy", "training_score"}
    assert logged.data.params["alpha"] == "0.25"
    assert "note.txt" in [file.path for file in client.list_artifacts(run["run_id"])]
