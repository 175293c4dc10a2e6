"""Every page of Studio, in light and dark and on a small screen: it shows what there is, is usable by
everybody (axe-core), and stays quiet. The pictures are for people: `make screenshots`."""

import json
import math
import re

import pytest

from conftest import CHECKOUT
from frontend import until

AXE = CHECKOUT / "studio" / "node_modules" / "axe-core" / "axe.min.js"

PAGES = {
    "home": "",
    "experiments": "experiments",
    "runs": "runs",
    "run-metrics": "runs/{run}",
    "run-logs": "runs/{job}?tab=logs",
    "run-children": "runs/{parent}?tab=children",
    "run-outputs": "runs/{run}?tab=outputs",
    "run-code": "runs/{job}?tab=code",
    "run-details": "runs/{run}?tab=facts",
    "run-failed": "runs/{job}",
    "compare": "compare?runs={compared}",
    "compare-table": "compare?runs={compared}&tab=table",
    "compare-parallel": "compare?runs={compared}&tab=parallel",
    "compare-scatter": "compare?runs={compared}&tab=scatter",
    "models": "models",
    "model": "models/churn",
    "datasets": "datasets",
    "dataset": "datasets/customers",
    "dataset-profile": "datasets/customers?tab=profile",
    "datastores": "datastores",
    "datastore": "datastores/workspaceblobstore",
    "environments": "environments",
    "environment": "environments/training",
    "compute": "compute",
    "jobs": "jobs",
    "events": "events",
    "settings": "settings",
}


@pytest.fixture(scope="module")
def names(shared_studio):
    """A workspace with something of everything."""
    studio = shared_studio
    home = studio.home
    rows = [f"{20 + i % 50},{['basic', 'plus', 'gold'][i % 3]},{i * 1.5:.1f},{'' if i % 9 == 0 else i % 2}" for i in range(400)]
    (home.work / "customers.csv").write_text("age,plan,spent,left\n" + "\n".join(rows) + "\n")
    home.lazuli("datastore", "upload", "customers.csv", "--target", "churn", check=True)
    home.lazuli("dataset", "register", "customers", "customers.csv", check=True)
    dataset = studio.api("GET", "/workspaces/default/datasets/customers")

    parent = studio.run(name="search over learning rates")
    children = []
    for index in range(24):
        rate = 10 ** -(1 + index / 8)
        child = studio.run(name=f"rate {rate:.4f}", parent_run_id=parent["run_id"], tags={"team": ["blue", "red"][index % 2]})
        parameters = {"lr": f"{rate:.4f}", "depth": str(2 + index % 4), "optimizer": ["adam", "sgd"][index % 2]}
        studio.api("PATCH", f"/runs/{child['run_id']}", {"add_parameters": parameters})
        speed = 4 + index
        points = [({"step": step}, math.exp(-step / speed) + 0.02 * math.sin(step * 1.7 + index)) for step in range(60)]
        studio.log(child["run_id"], "loss", points, last=False)
        accuracy = [({"step": step}, 1 - 0.6 * math.exp(-step / (speed + 5))) for step in range(60)]
        studio.log(child["run_id"], "accuracy", accuracy)
        studio.api("POST", f"/runs/{child['run_id']}/complete")
        children.append(child["run_id"])

    run = studio.run(name="gradient boosting, all customers", tags={"team": "blue", "stage": "candidate"})
    run_id = run["run_id"]
    points = [({"step": step}, math.exp(-step / 40) + 0.05 * math.sin(step) ** 2) for step in range(300)]
    studio.log(run_id, "loss", points, last=False)
    studio.log(run_id, "validation/loss", [(step, value * 1.2 + 0.05) for step, value in points], last=False)
    studio.log(run_id, "accuracy", [({"step": step}, 1 - 0.5 * math.exp(-step / 60)) for step in range(300)], last=False)
    matrix = {
        "schema_type": "confusion_matrix",
        "schema_version": "1.0.0",
        "data": {"class_labels": ["stays", "leaves"], "matrix": [[630, 41], [88, 380]]},
    }
    studio.log(run_id, "confusion", [({}, matrix)], kind="confusion_matrix", last=False)
    residuals = {
        "schema_type": "residuals",
        "schema_version": "1.0.0",
        "data": {"bin_edges": list(range(-10, 11)), "bin_counts": [int(90 * math.exp(-((i - 9.5) ** 2) / 18)) for i in range(20)]},
    }
    studio.log(run_id, "residuals", [({}, residuals)], kind="residuals", last=False)
    studio.log(run_id, "importance", [({}, {"feature": name, "gain": gain}) for name, gain in [("age", 0.41), ("plan", 0.33), ("spent", 0.26)]], kind="row", last=False)
    studio.log(run_id, "final auc", [({}, 0.934)])
    studio.api("PATCH", f"/runs/{run_id}", {"add_parameters": {"lr": "0.05", "trees": "300", "depth": "6"}, "add_properties": {"git.commit": "4f1c2d9"}})
    studio.keep(run_id, "outputs/model.pkl", bytes(range(256)) * 40)
    studio.keep(run_id, "outputs/scores.csv", "customer,score\nanna,0.91\nbela,0.17\n")
    studio.keep(run_id, "outputs/report.html", "<h1>Report</h1><p style='color:teal'>All went well.</p>")
    studio.keep(run_id, "outputs/curve.svg", "<svg xmlns='http://www.w3.org/2000/svg' width='300' height='120'><path d='M0 110 C90 100 120 20 300 10' stroke='#26619c' stroke-width='4' fill='none'/></svg>")
    studio.keep(run_id, "logs/notes.txt", "first try with all customers\n")
    studio.api("POST", f"/runs/{run_id}/datasets", {"dataset_id": dataset["id"], "direction": "input", "input_name": "customers"})
    studio.api("POST", f"/runs/{run_id}/complete")
    source = {"run": {"run_id": run_id, "path": "outputs/model.pkl"}}
    for description in ("first", "with all customers"):
        studio.api("POST", "/workspaces/default/models", {"name": "churn", "source": source, "description": description, "framework": "ScikitLearn", "framework_version": "1.9"})
    studio.api("PATCH", "/workspaces/default/models/churn/2", {"stage": "Production"})

    studio.api("POST", "/tokens", {"name": "nightly training", "expires_in_days": 90})
    studio.api("POST", "/tokens", {"name": "build server"})

    definition = {
        "python": {"conda": {"channels": ["conda-forge"], "dependencies": ["python=3.11", "scipy", {"pip": ["six==1.16.0", "packaging"]}]}},
        "environment_variables": {"OMP_NUM_THREADS": "2"},
    }
    studio.api("POST", "/workspaces/default/environments", {"name": "training", "definition": definition, "labels": ["production"]})
    studio.api("POST", "/workspaces/default/compute", {"name": "cpu-cluster", "kind": "aml_compute", "max_nodes": 4, "description": "at most four"})
    studio.api("POST", "/workspaces/default/compute", {"name": "notebooks", "kind": "compute_instance"})

    (home.work / "fails.py").write_text("print('reading customers.csv')\nraise ValueError('column `left` has 45 empty cells')\n")
    home.lazuli("submit", "fails.py", "--experiment", "churn", "--name", "without cleaning", "--wait")
    job = studio.api("GET", "/workspaces/default/runs?filter=kind%20=%20'script'&limit=1")["items"][0]["run_id"]
    going = studio.run(experiment="fraud", name="still going on")
    studio.log(going["run_id"], "loss", [({"step": step}, 1 / (1 + step)) for step in range(20)])
    return {"run": run_id, "job": job, "parent": parent["run_id"], "compared": ",".join(children[::5])}


#: What each page must show, beside being there at all.
SHOWS = {
    "home": "still going on",
    "experiments": "fraud",
    "runs": "gradient boosting, all customers",
    "run-metrics": "final auc",
    "run-logs": "reading customers.csv",
    "run-children": "rate 0.1000",
    "run-outputs": "outputs/scores.csv",
    "run-code": "fails.py",
    "run-details": "git.commit",
    "run-failed": "column `left` has 45 empty cells",
    "compare": "rate 0.1000",
    "compare-table": "optimizer",
    "compare-parallel": "optimizer",
    "compare-scatter": "Across",
    "models": "churn",
    "model": "with all customers",
    "datasets": "customers",
    "dataset": "gold",
    "dataset-profile": "45 11.3 %",
    "datastores": "workspacefilestore",
    "datastore": "churn/customers.csv",
    "environments": "six==1.16.0",
    "environment": "OMP_NUM_THREADS",
    "compute": "at most four",
    "jobs": "without cleaning",
    "events": "model registered",
    "settings": "nightly training",
}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_a_page(studio, names, name, scheme, screenshots):
    page = studio.context.new_page()
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    page.goto(studio.address(PAGES[name].format(**names)))
    page.get_by_text(SHOWS[name]).first.wait_for()
    page.wait_for_load_state("networkidle") if name != "events" else None
    page.screenshot(path=screenshots / f"studio-{name}-{scheme}.png", animations="disabled")
    assert faults(page) == []
    if scheme == "light":
        page.set_viewport_size({"width": 360, "height": 740})
        # Pages allow no `eval`, so they are asked from here.
        until("a page as wide as the screen", lambda: page.evaluate("document.documentElement.scrollWidth <= 360"), limit=15)
        page.screenshot(path=screenshots / f"studio-{name}-small.png", animations="disabled")
    studio.check()
    page.close()


def faults(page):
    """What axe-core calls serious or critical, with the places."""
    if not AXE.exists():
        pytest.fail(f"{AXE} is missing: run `make studio`")
    page.evaluate(AXE.read_text())
    found = page.evaluate(
        """async () => (await axe.run(document, { resultTypes: ['violations'] })).violations
            .filter(it => ['serious', 'critical'].includes(it.impact))
            .map(it => it.id + ': ' + it.nodes.map(node => node.target.flat().join(' ') + ' ' + (node.any[0]?.message ?? '')).join(' | '))"""
    )
    return found


def test_the_list_of_runs_is_made_ones_own(studio, names):
    page = studio.open("runs")
    table = page.get_by_role("table", name="Runs")
    table.get_by_role("row").nth(5).wait_for()

    # Who has chosen nothing sees what most runs have logged.
    heads = table.get_by_role("columnheader")
    table.get_by_role("columnheader", name="loss").wait_for()
    assert heads.all_inner_texts()[:8] == ["Chosen", "Run", "Status", "Experiment", "Created", "Elapsed", "loss", "accuracy"]

    # Columns are chosen, ordered and kept.
    page.get_by_role("button", name="Columns").click()
    assert faults(page) == []
    page.get_by_label("Further columns").get_by_role("button", name="optimizer").click()
    for name in ("Created", "loss", "depth"):
        page.get_by_role("button", name=f"Leave out {name}").click()
    page.get_by_role("button", name="Move lr up").click()
    page.get_by_role("button", name="Done").click()
    wanted = ["Chosen", "Run", "Status", "Experiment", "Elapsed", "lr", "accuracy", "optimizer"]
    assert heads.all_inner_texts() == wanted
    page.reload()
    table.get_by_role("row").nth(5).wait_for()
    assert heads.all_inner_texts() == wanted
    table.locator(".spark polyline[points*=',']").first.wait_for(state="attached")

    # The filter is completed as it is typed.
    box = page.get_by_role("combobox", name="Filter")
    box.click()
    box.press_sequentially("metrics.acc")
    page.get_by_role("option", name="metrics.accuracy").wait_for()
    box.press("ArrowDown")
    box.press("Enter")
    assert box.input_value() == "metrics.accuracy "
    box.press_sequentially("> 0.9 and tags.team = 'blue'")
    box.press("Escape")
    box.press("Enter")
    page.get_by_role("status").get_by_text("13 runs", exact=True).wait_for()

    # Ordered by a column, and only what differs.
    page.get_by_role("button", name="accuracy").click()
    page.wait_for_url(lambda url: "order=" in url)
    assert table.get_by_role("columnheader", name="accuracy").get_attribute("aria-sort") == "ascending"
    page.get_by_label("Only differences").check()
    assert "Experiment" not in heads.all_inner_texts()
    page.get_by_label("Only differences").uncheck()

    # A wrong filter says what is wrong, and where.
    box.fill("metrics.accuracy >")
    box.press("Escape")
    box.press("Enter")
    page.get_by_role("alert").wait_for()
    studio.problems[:] = [it for it in studio.problems if "400" not in it]
    box.fill("")
    box.press("Escape")
    box.press("Enter")
    page.get_by_role("alert").wait_for(state="detached")

    # What is new appears by itself.
    fresh = studio.run(name="just now")
    table.get_by_role("link", name="just now").wait_for()
    studio.api("POST", f"/runs/{fresh['run_id']}/complete")
    table.get_by_role("row").filter(has_text="just now").get_by_text("Completed").wait_for()
    studio.check()
    page.close()


def test_runs_are_compared(studio, names):
    page = studio.open(f"compare?runs={names['compared']}")
    page.get_by_role("heading", name="Compare 5 runs").wait_for()
    page.get_by_role("img", name="loss of 5 runs").wait_for()
    page.get_by_role("tab", name="Table").click()
    table = page.get_by_role("table", name="Differences")
    table.get_by_role("rowheader", name="lr").wait_for()
    assert table.get_by_role("rowheader", name="experiment").count() == 0
    page.get_by_role("tab", name="Parallel").click()
    page.get_by_role("img", name=re.compile("Parallel coordinates of 5 runs")).wait_for()
    page.get_by_role("tab", name="Scatter").click()
    page.get_by_label("Across").select_option("lr")
    page.get_by_role("img", name="accuracy over lr of 5 runs").wait_for()
    page.get_by_role("button", name=re.compile("Leave out")).first.click()
    page.get_by_role("heading", name="Compare 4 runs").wait_for()
    studio.check()
    page.close()


def test_data_is_looked_at(studio, names):
    page = studio.open("datasets/customers")
    page.get_by_role("cell", name="gold").first.wait_for()
    page.get_by_role("tab", name="Profile").click()
    page.get_by_role("img", name=re.compile("How age is spread")).wait_for()
    page.get_by_text("45 11.3 %").wait_for()
    page.get_by_role("tab", name="Used by").click()
    page.get_by_role("link", name=names["run"]).wait_for()
    page.goto(studio.address("datastores/workspaceblobstore"))
    page.get_by_role("button", name="churn/customers.csv").click()
    page.get_by_role("cell", name="basic").first.wait_for()
    studio.check()
    page.close()


def test_a_run_is_used_by_keys_alone(studio, names):
    page = studio.open(f"runs/{names['run']}")
    details = page.locator("lazuli-run-details")
    tab = details.get_by_role("tab", name=re.compile("Metrics"))
    tab.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    outputs = details.get_by_role("tab", name="Outputs")
    assert outputs.get_attribute("aria-selected") == "true"
    details.get_by_role("button", name=re.compile("scores.csv")).focus()
    page.keyboard.press("Enter")
    details.get_by_role("cell", name="anna").wait_for()
    studio.check()
    page.close()


def test_an_environment_is_built_and_its_log_is_seen(studio, names):
    # A build that ends quickly on every machine: what it is to be made of is not there.
    definition = {"python": {"base_conda_environment": "nowhere"}}
    studio.api("POST", "/workspaces/default/environments", {"name": "broken", "definition": definition})
    page = studio.open("environments")
    page.get_by_role("table", name="Registered environments").get_by_role("link", name="broken").click()
    page.get_by_role("heading", name="broken").wait_for()
    page.get_by_role("button", name="Build now").click()
    builds = page.get_by_role("table", name="Builds")
    builds.get_by_text("Failed").wait_for()
    page.get_by_role("log", name="Log of the build").get_by_text("nowhere").wait_for()
    assert faults(page) == []
    studio.check()


def test_compute_targets_are_created_stopped_and_deleted(studio, names):
    page = studio.open("compute")
    table = page.get_by_role("table", name="Compute targets")
    page.get_by_role("button", name="Stop notebooks").click()
    page.get_by_role("button", name="Start notebooks").wait_for()
    assert studio.api("GET", "/workspaces/default/compute/notebooks")["instance_state"] == "Stopped"
    page.get_by_role("button", name="Create …").click()
    page.get_by_label("Name").fill("night")
    page.get_by_label("At most").fill("3")
    page.get_by_role("button", name="Create", exact=True).click()
    table.get_by_role("cell", name="night", exact=True).wait_for()
    assert studio.api("GET", "/workspaces/default/compute/night")["max_nodes"] == 3
    page.get_by_role("button", name="Delete night").click()
    table.get_by_role("cell", name="night", exact=True).wait_for(state="detached")
    studio.check()


ORDER = """
(() => {
    window.order = [];
    const asked = window.fetch;
    window.fetch = (path, ...more) => {
        if (String(path).includes('/runs?')) order.push('ask');
        return asked(path, ...more);
    };
    new MutationObserver((_, observer) => {
        if (!document.querySelector('a[href*="/runs/"]')) return;
        observer.disconnect();
        order.push('rows');
        requestAnimationFrame(() => order.push('frame'));
    }).observe(document, { childList: true, subtree: true });
})();
"""


def test_the_first_rows_wait_for_nothing(studio, names):
    for number in range(120):
        studio.run(experiment="many", name=f"try {number}")
    page = studio.context.new_page()
    page.add_init_script(ORDER)
    page.goto(studio.address("runs?experiment=many"))
    page.get_by_role("status").get_by_text("120 runs", exact=True).wait_for()
    order = page.evaluate("order")
    assert order[:3] == ["ask", "rows", "frame"], order
    # The rest is asked for all the same, and those beyond the edge are drawn.
    page.get_by_role("table", name="Runs").get_by_role("row").nth(32).wait_for(state="attached")
    assert order.count("ask") >= 3
    studio.check()
