"""Studio in headless Chromium: signing in, and a real job while it runs."""

import re
from pathlib import Path

from frontend import until
from studio import picture

TRAINING = """
import math, pathlib, time
from azureml.core import Run

run = Run.get_context()
run.log_list("weights", [0.1, 0.4, 0.2, 0.9])
pathlib.Path("outputs").mkdir(exist_ok=True)
pathlib.Path("outputs/scores.csv").write_text("epoch,score\\n0,0.5\\n1,0.75\\n")
for epoch in range(400):
    run.log("loss", math.exp(-epoch / 12) + 0.05 * math.sin(epoch))
    print("epoch", epoch, flush=True)
    if epoch in (12, 30):
        # Until the test has seen what is there.
        while not pathlib.Path("SEEN%s" % epoch).exists():
            time.sleep(0.02)
time.sleep(600)
"""


def test_a_code_signs_one_browser_in_once(studio):
    code = studio.code()
    first = studio.new_context()
    page = first.new_page()
    page.goto(studio.address("runs"))
    page.get_by_text("This browser is not signed in").wait_for()
    page.goto(code)
    page.get_by_role("heading", name="default").wait_for()
    assert "code" not in page.url
    cookies = first.cookies()
    assert [(it["httpOnly"], it["sameSite"]) for it in cookies] == [(True, "Strict")]
    assert page.evaluate("document.cookie") == ""
    # No way back leads to the code.
    page.go_back()
    assert "code" not in page.url

    second = studio.new_context().new_page()
    second.goto(code)
    second.get_by_text("this code was used before").wait_for()
    second.goto(studio.address())
    second.get_by_text("This browser is not signed in").wait_for()
    for context in (first, second.context):
        context.close()
    # A refused request is an error in the console: the one of this test was wanted.
    studio.problems[:] = [it for it in studio.problems if "401" not in it]
    studio.check()


def test_a_job_is_watched_and_canceled(studio, screenshots):
    home = studio.home
    script = TRAINING.replace('"SEEN%s" % epoch', f'"{home.work}/seen-%s" % epoch')
    (home.work / "train.py").write_text(script)
    home.lazuli("submit", "train.py", "--experiment", "churn", "--name", "four hundred epochs", check=True)

    page = studio.open("runs")
    line = page.get_by_role("row").filter(has_text="four hundred epochs")
    line.get_by_text("Running").wait_for()
    line.get_by_role("link", name="four hundred epochs").click()
    details = page.locator("lazuli-run-details")
    details.get_by_role("heading", name="four hundred epochs").wait_for()

    # The chart grows while the run goes on.
    loss = details.locator("[data-metric=loss]")
    loss.get_by_text("13 points").wait_for()
    loss.locator("canvas").wait_for()
    first = picture(loss)
    page.screenshot(path=screenshots / "studio-run-running.png")
    (home.work / "seen-12").write_text("")
    loss.get_by_text("31 points").wait_for()
    until("another picture", lambda: picture(loss) != first)

    # The log follows; who stops following stays where he is.
    details.get_by_role("tab", name="Logs").click()
    log = details.get_by_role("log")
    log.get_by_text("epoch 30").wait_for()
    at_end = "it => it.scrollTop + it.clientHeight >= it.scrollHeight - 20"
    assert log.evaluate(at_end)
    details.get_by_role("searchbox", name="Search the log").fill("epoch 1")
    details.get_by_text("11 lines").wait_for()
    details.get_by_role("button", name="Next hit").click()
    details.locator(".log .current").get_by_text("epoch 1").wait_for()
    details.get_by_role("searchbox", name="Search the log").fill("")
    follow = details.get_by_role("button", name="Follow", exact=True)
    follow.wait_for()
    log.evaluate("it => { it.scrollTop = 0 }")

    # A page that is loaded again in mid-run shows the same tab of the same run.
    page.reload()
    log.get_by_text("epoch 30").wait_for()
    (home.work / "seen-30").write_text("")
    log.get_by_text("epoch 399").wait_for()
    details.get_by_role("button", name="Stop following").wait_for()
    assert log.evaluate(at_end)

    details.get_by_role("tab", name="Metrics").click()
    loss.get_by_text("400 points").wait_for()
    zoom(page, loss)
    details.get_by_role("tab", name=re.compile("Outputs")).click()

    details.get_by_role("button", name="Cancel run").click()
    details.locator("[data-status=Canceled]").wait_for()
    assert details.get_by_role("button", name="Cancel run").count() == 0
    # What it had kept is there and is shown.
    details.get_by_role("button", name="outputs/scores.csv").click()
    details.get_by_role("cell", name="0.75").wait_for()
    with page.expect_download() as download:
        details.get_by_role("link", name="Download").click()
    assert Path(download.value.path()).read_text() == "epoch,score\n0,0.5\n1,0.75\n"
    details.get_by_role("tab", name="Code").click()
    details.get_by_text("Run.get_context()").wait_for()
    page.screenshot(path=screenshots / "studio-run-canceled.png")

    page.goto(studio.address("runs"))
    line.get_by_text("Canceled").wait_for()
    studio.check()
    page.close()


def zoom(page, card):
    """By the mouse, and back by the keyboard."""
    card.scroll_into_view_if_needed()
    over = card.locator(".u-over")
    before = picture(card)
    box = over.bounding_box()
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 0.25, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.5, y, steps=5)
    page.mouse.up()
    card.get_by_role("button", name="See all").wait_for()
    until("a closer look", lambda: picture(card) != before)
    card.locator(".chart").focus()
    page.keyboard.press("0")
    card.get_by_role("button", name="See all").wait_for(state="detached")


def test_a_run_is_submitted_again_and_registered(studio):
    home = studio.home
    (home.work / "quick.py").write_text(
        "import pathlib\npathlib.Path('outputs').mkdir(exist_ok=True)\npathlib.Path('outputs/model.txt').write_text('weights')\n"
    )
    done = home.json("submit", "quick.py", "--experiment", "again", "--name", "quick", "--wait")
    run_id = done["run_id"]
    page = studio.open(f"runs/{run_id}")
    details = page.locator("lazuli-run-details")
    details.locator("[data-status=Completed]").wait_for()

    details.get_by_role("button", name="Register model").click()
    details.get_by_label("Name").fill("quick-model")
    details.get_by_label("File or folder").select_option("outputs/model.txt")
    details.get_by_role("button", name="Register", exact=True).click()
    details.get_by_text("Registered quick-model version 1").wait_for()
    details.get_by_role("tab", name="Details").click()
    details.get_by_role("button", name="quick-model version 1").click()
    page.get_by_role("heading", name="quick-model").wait_for()
    page.get_by_label("Lineage").get_by_role("link", name="quick").wait_for()

    page.goto(studio.address(f"runs/{run_id}"))
    details.get_by_role("button", name="Resubmit").click()
    page.wait_for_url(lambda url: "/runs/again_" in url and run_id not in url)
    details.locator("[data-status=Completed]").wait_for()
    studio.check()
    page.close()


def test_an_exported_run_is_a_file_that_asks_nobody(studio, tmp_path):
    run = studio.run(name="to keep")
    studio.log(run["run_id"], "loss", [({"step": step}, 1 / (step + 1)) for step in range(50)])
    studio.api("POST", f"/runs/{run['run_id']}/complete")
    done = studio.home.lazuli("run", "export", run["run_id"], "--html", str(tmp_path / "kept.html"))
    assert done.returncode == 0, done
    text = (tmp_path / "kept.html").read_text()
    assert studio.token not in text

    context = studio.browser.new_context(offline=True)
    asked, problems = [], []
    context.on("request", lambda it: asked.append(it.url))
    context.on("console", lambda it: it.type == "error" and problems.append(it.text))
    context.on("weberror", lambda it: problems.append(str(it.error)))
    page = context.new_page()
    page.goto(f"file://{tmp_path}/kept.html")
    details = page.locator("lazuli-run-details")
    details.get_by_role("heading", name="to keep").wait_for()
    card = details.locator("[data-metric=loss]")
    card.get_by_text("50 points").wait_for()
    card.locator("canvas").wait_for()
    assert details.get_by_role("button", name="Register model").count() == 0
    assert (asked, problems) == ([f"file://{tmp_path}/kept.html"], [])
    context.close()
