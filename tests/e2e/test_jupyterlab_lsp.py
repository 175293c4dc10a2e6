"""Lazuli's language server in JupyterLab, found by its entry point; magics in colour and completed there."""

import importlib.metadata
import json
import subprocess
import sys
import urllib.request

import nbformat
import pytest
import websocket

from conftest import binaries
pytest.importorskip("jupyterlab_lsp", reason="tests/requirements.txt has it for Python 3.10 and later")

from jupyter_servers import open_in_lab  # noqa: E402

TEXT = "%submit train.py --experiment 'my runs'\nx = 1"


def test_pip_knows_the_package_and_the_server_is_ours():
    (entry,) = importlib.metadata.entry_points(group="jupyter_lsp_spec_v1", name="lazuli")
    spec = entry.load()(None)["lazuli"]
    assert spec["argv"] == [str(binaries().resolve() / "lazuli"), "lsp", "--stdio"]
    checked = subprocess.run(
        [sys.executable, "-m", "pip", "show", "--files", "lazuli-jupyter-lsp"], capture_output=True, text=True, check=True
    )
    assert "lazuli_jupyter_lsp.py" in checked.stdout


def test_install_and_uninstall_beside_a_jupyterlab_without_lsp(home, tmp_path):
    bare = tmp_path / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(bare)], check=True)
    done = home.lazuli("kernel", "install", "--prefix", str(bare))
    assert done.returncode == 0 and "language server" not in done.stdout, done
    assert (bare / "share/jupyter/labextensions/lazuli-magics/package.json").is_file()
    assert not list(bare.rglob("*lazuli_jupyter_lsp*"))
    done = home.lazuli("kernel", "uninstall", "--prefix", str(bare))
    assert done.returncode == 0 and not list(bare.rglob("*lazuli-magics*")), done


def test_the_server_answers_through_jupyter(home, jupyterlab):
    home.lazuli("workspace", "list")
    address, notebooks = jupyterlab
    socket = websocket.create_connection(address.replace("http", "ws") + "/lsp/ws/lazuli", timeout=120)
    try:
        say = lambda **message: socket.send(json.dumps({"jsonrpc": "2.0", **message}))

        def hear(wanted):
            while True:
                message = json.loads(socket.recv())
                if wanted(message):
                    return message

        say(id=1, method="initialize", params={"capabilities": {}, "rootUri": notebooks.as_uri()})
        assert hear(lambda message: message.get("id") == 1)["result"]["serverInfo"]["name"] == "lazuli"
        say(method="initialized", params={})
        uri = (notebooks / "a.ipynb").as_uri()
        text = "x = 1\n\n\nComputeTarget(ws, 'locl')\n\n\n%log a=1"
        item = {"uri": uri, "languageId": "python", "version": 1, "text": text}
        say(method="textDocument/didOpen", params={"textDocument": item})
        published = lambda message: message.get("method") == "textDocument/publishDiagnostics"
        (wrong,) = hear(lambda message: published(message) and message["params"]["diagnostics"])["params"]["diagnostics"]
        assert wrong["message"] == "no compute target `locl` in workspace `default`; did you mean `local`?"
    finally:
        socket.close()


def test_magics_have_colours_and_are_completed(home, jupyterlab, page, screenshots):
    address, notebooks = jupyterlab
    book = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(TEXT), nbformat.v4.new_code_cell("%submit --exper")],
        metadata={"kernelspec": {"name": "lazuli-python", "display_name": "Lazuli (Python)"}},
    )
    nbformat.write(book, notebooks / "magics.ipynb")
    open_in_lab(page, address, "magics.ipynb")
    magic = page.locator(".lazuli-magic").first
    magic.wait_for()
    assert magic.inner_text() == "%submit"
    assert page.locator(".lazuli-option").first.inner_text() == "--experiment"
    assert page.locator(".lazuli-text").first.inner_text() == "'my runs'"
    colour = "element => getComputedStyle(element).color"
    inner = page.locator(".lazuli-magic, .lazuli-magic *").first
    plain = page.locator(".cm-content").first
    assert inner.evaluate(colour) != plain.evaluate(colour)
    # A kernel that still starts completes nothing, and nobody asks it again.
    page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]").first.wait_for()
    second = page.locator(".jp-Notebook .jp-Cell .cm-content").nth(1)
    second.click()
    page.keyboard.press("End")
    page.keyboard.press("Tab")
    item = page.locator(".jp-Completer-item").first
    item.wait_for()
    page.screenshot(path=screenshots / "jupyterlab-magics.png")
    assert item.inner_text().split() == ["--experiment", "option"]
    # jupyterlab-lsp speaks with the server for this notebook.
    with urllib.request.urlopen(f"{address}/lsp/status", timeout=60) as answer:
        assert json.load(answer)["sessions"]["lazuli"]["status"] == "started"
