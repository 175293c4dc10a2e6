"""Jupyter Notebook 7 in headless Chromium: the component that JupyterLab shows, in the other application."""

from frontend import until
from jupyter_servers import new_notebook, open_in_notebook, run_cell, save, strangers_of
from studio import picture

#: Only a cancel ends it.
FOR_EVER = "while True:\n    time.sleep(1)\n"


def test_a_run_is_live_in_notebook_7(home, notebook7, page, screenshots):
    address, notebooks = notebook7
    seen = new_notebook(home, notebooks, end=FOR_EVER)
    strangers = strangers_of(page, address)
    open_in_notebook(page, address, "live.ipynb")
    for index in range(3):
        run_cell(page, index)
    details = page.locator(".jp-OutputArea-output lazuli-run-details")
    details.locator("[data-status=Running]").wait_for()
    loss = details.locator("[data-metric=loss]")
    loss.get_by_text("13 points").wait_for()
    loss.locator("canvas").wait_for()
    page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")

    # Loaded again in mid-run, it is live without a cell's being run again.
    open_in_notebook(page, address, "live.ipynb")
    details.locator("[data-status=Running]").wait_for()
    details.scroll_into_view_if_needed()
    loss.get_by_text("13 points").wait_for()
    loss.locator("canvas").wait_for()
    before = picture(loss)
    seen.write_text("")
    loss.get_by_text("40 points").wait_for()
    until("the chart grows", lambda: picture(loss) != before)
    details.get_by_role("tab", name="Logs").click()
    details.get_by_role("log").get_by_text("epoch 39").wait_for()
    page.screenshot(path=screenshots / "notebook7-running.png")

    details.get_by_role("button", name="Cancel run").click()
    details.locator("[data-status=Canceled]").wait_for()
    assert details.get_by_role("button", name="Cancel run").count() == 0
    save(page, home, notebooks, "Canceled")

    # Opened again, the end is what it shows.
    open_in_notebook(page, address, "live.ipynb")
    details.locator("[data-status=Canceled]").wait_for()
    details.get_by_role("tab", name="Metrics").click()
    loss.get_by_text("40 points").wait_for()
    assert strangers == []
