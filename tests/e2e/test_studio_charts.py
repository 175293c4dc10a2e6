"""Charts of more points than a screen has places: thinned by the daemon, exact where somebody looks closer."""

import re

from frontend import until
from studio import picture

POINTS = 1_000_000
#: One point that no thinning may lose.
SPIKE = 654_321
#: What the page asks for at most.
MOST = 600


def value_at(step):
    return 5_000 if step == SPIKE else step % 1_000


def test_a_million_points_are_drawn_and_exact_when_looked_at_closely(studio):
    run_id = studio.run(name="a million points")["run_id"]
    for begin in range(0, POINTS, 100_000):
        studio.log(run_id, "loss", [({"step": step}, value_at(step)) for step in range(begin, begin + 100_000)])
    studio.api("POST", f"/runs/{run_id}/complete")

    page = studio.context.new_page()
    with page.expect_response(re.compile("/metrics/loss")) as answer:
        page.goto(studio.address(f"runs/{run_id}"))
    whole = answer.value.json()["points"]
    assert len(whole) <= MOST
    assert whole[0]["step"] == 0 and whole[-1]["step"] == POINTS - 1
    assert [point["value"] for point in whole if point["step"] == SPIKE] == [5_000]
    card = page.locator("lazuli-run-details").locator("[data-metric=loss]")
    card.get_by_text("1,000,000 points").wait_for()
    card.get_by_text("max 5,000").wait_for()
    card.locator("canvas").wait_for()
    before = picture(card)

    # By keys towards the middle: each time half of what was to be seen.
    chart = card.locator(".chart")
    chart.scroll_into_view_if_needed()
    for _ in range(11):
        with page.expect_response(re.compile("/metrics/loss.*from_step")) as answer:
            chart.press("+")
        points = answer.value.json()["points"]
        assert 0 < len(points) <= MOST
    until("a closer look", lambda: picture(card) != before)
    steps = [point["step"] for point in points]
    assert len(steps) > 400 and steps == list(range(steps[0], steps[-1] + 1))
    assert steps[0] < POINTS / 2 < steps[-1]
    assert [point["value"] for point in points] == [value_at(step) for step in steps]

    # What the chart says where the mouse is, is what was logged there.
    over = card.locator(".u-over").bounding_box()
    for place in (0.2, 0.8):
        page.mouse.move(over["x"] + over["width"] * place, over["y"] + over["height"] / 2)
        wanted = steps[0] + place * (steps[-1] - steps[0])
        step = until("a step under the mouse", lambda: told(card, near=wanted))
        assert card.locator(".legend span").all_inner_texts() == [f"{step:,}", f"{value_at(step):,}"]

    with page.expect_response(re.compile("/metrics/loss(?!.*from_step)")) as answer:
        chart.press("0")
    assert len(answer.value.json()["points"]) <= MOST
    until("everything again", lambda: picture(card) == before)
    studio.check()


def told(card, near):
    """The step in the chart's line of words, once it is the one near that place."""
    text = card.locator(".legend span").first.inner_text().replace(",", "")
    return int(text) if text.isdigit() and abs(int(text) - near) < 10 else None
