"""nbclient runs the notebooks as `jupyter nbconvert --execute` would, and stops at a panic."""

import shutil

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from conftest import CHECKOUT

NOTEBOOKS = sorted((CHECKOUT / "notebooks").glob("*.ipynb"))


def execute(home, notebook):
    client = NotebookClient(
        notebook, timeout=900, kernel_name="lazuli", resources={"metadata": {"path": str(home.work)}}
    )
    return client.execute(env=home.environment)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=[p.stem for p in NOTEBOOKS])
def test_every_notebook_runs(home, path):
    copy = home.work / path.name
    shutil.copy(path, copy)
    executed = execute(home, nbformat.read(copy, as_version=4))
    if path.stem == "03-data":
        versions = {dataset["name"]: dataset["version"] for dataset in home.json("dataset", "list")}
        assert versions == {"csv_table": 3, "img_files": 3}
        assert {store["name"] for store in home.json("datastore", "list")} > {"blob_data"}
    else:
        assert home.json("model", "list"), "the lesson registers a model"
    runs = home.json("run", "list")
    runs = runs["items"] if isinstance(runs, dict) else runs
    assert {run["status"] for run in runs} == {"Completed"}, runs
    pictures = [
        output["data"]
        for cell in executed.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if "data" in output and "application/vnd.lazuli.run+json" in output["data"]
    ]
    assert pictures, "RunDetails was shown"
    for data in pictures:
        # The saved notebook holds the last picture, not the first.
        assert data["application/vnd.lazuli.run+json"]["run"]["status"] == "Completed"
        assert "text/html" in data and "text/plain" in data


def test_there_are_notebooks():
    assert len(NOTEBOOKS) >= 3


@pytest.mark.parametrize("path", NOTEBOOKS, ids=[p.stem for p in NOTEBOOKS])
def test_stored_notebooks_are_executed_and_name_no_machine(path):
    notebook = nbformat.read(path, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(cell.execution_count for cell in code), "store it executed, for readers on the web"
    text = path.read_text()
    for word in ("/home/", "/root/", "/tmp/", "/work/", "127.0.0.1:"):
        assert word not in text, word


def test_a_panic_makes_nbclient_raise(home):
    cells = [nbformat.v4.new_code_cell(code) for code in ("let x = 1;", 'panic!("stop here")', 'println!("never")')]
    notebook = nbformat.v4.new_notebook(cells=cells)
    with pytest.raises(CellExecutionError) as error:
        execute(home, notebook)
    assert "stop here" in str(error.value)
    assert notebook.cells[2].outputs == []
