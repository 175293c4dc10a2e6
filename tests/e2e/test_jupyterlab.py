"""JupyterLab in headless Chromium: a run in a notebook, live and without anybody to ask."""

import pytest

from jupyter_servers import new_notebook, open_in_lab, run_cell, save, strangers_of


def test_a_run_is_live_in_a_notebook(home, jupyterlab, page, screenshots):
    address, notebooks = jupyterlab
    seen = new_notebook(home, notebooks)
    strangers = strangers_of(page, address)
    open_in_lab(page, address, "live.ipynb")
    for index in range(3):
        run_cell(page, index)
    details = page.locator(".jp-OutputArea-output lazuli-run-details")
    details.locator("[data-status=Running]").wait_for()
    loss = details.locator("[data-metric=loss]")
    loss.get_by_text("13 points").wait_for()
    loss.locator("canvas").wait_for()
    details.get_by_role("tab", name="Logs").click()
    log = details.get_by_role("log")
    log.get_by_text("epoch 12").wait_for()
    page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")

    # Loaded again in mid-run, nothing has to be run again.
    open_in_lab(page, address, "live.ipynb")
    details.locator("[data-status=Running]").wait_for()
    details.scroll_into_view_if_needed()
    page.screenshot(path=screenshots / "run-details-running.png")
    seen.write_text("")
    details.locator("[data-status=Completed]").wait_for()
    loss.get_by_text("40 points").wait_for()
    details.get_by_role("cell", name="63").wait_for()
    details.scroll_into_view_if_needed()
    page.screenshot(path=screenshots / "run-details-completed.png")

    save(page, home, notebooks, "Completed")

    # What changes something needs Jupyter's own leave, and the component has it.
    details.get_by_role("button", name="Resubmit").click()
    details.get_by_role("button", name="Cancel run").click()
    details.locator("[data-status=Canceled]").wait_for()
    assert strangers == []

    # Who may not use this server gets nothing from the daemon behind it either.
    other = page.context.browser.new_context()
    refused = other.request.post(f"{address}/lazuli/api/workspaces", data={"name": "stolen"})
    assert refused.status == 403
    other.close()
    names = [it["name"] for it in home.json("workspace", "list")]
    assert names == ["default"]


@pytest.mark.parametrize(
    "jupyterlab", [["--ServerApp.jpserver_extensions={'lazuli_jupyter': False}"]], indirect=True
)
def test_without_the_proxy_the_kernel_renews_what_is_shown(home, jupyterlab, page):
    address, notebooks = jupyterlab
    seen = new_notebook(home, notebooks)
    strangers = strangers_of(page, address)
    open_in_lab(page, address, "live.ipynb")
    for index in range(3):
        run_cell(page, index)
    details = page.locator(".jp-OutputArea-output lazuli-run-details")
    details.locator("[data-status=Running]").wait_for()
    loss = details.locator("[data-metric=loss]")
    loss.get_by_text("13 points").wait_for()
    loss.locator("canvas").wait_for()
    # There is nobody to ask, so there is nothing to press.
    assert details.get_by_role("button", name="Cancel run").count() == 0
    seen.write_text("")
    details.locator("[data-status=Completed]").wait_for()
    loss.get_by_text("40 points").wait_for()

    # Saved and opened again, the last state is still there, and of no server's making.
    save(page, home, notebooks, "Completed")
    open_in_lab(page, address, "live.ipynb")
    details.locator("[data-status=Completed]").wait_for()
    loss.get_by_text("40 points").wait_for()
    details.get_by_role("tab", name="Logs").click()
    details.get_by_role("log").get_by_text("epoch 39").wait_for()
    assert strangers == []
