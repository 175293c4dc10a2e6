"""Access tokens in Studio: made, told once, used by a program, revoked."""

import json
import urllib.error
import urllib.request

from frontend import until
from test_studio_pages import faults


def test_a_token_is_told_once_and_opens_the_daemon_until_it_is_revoked(studio, screenshots):
    studio.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=studio.url)
    page = studio.open("settings")
    form = page.get_by_role("region", name="Access tokens")
    form.get_by_text("There are no access tokens.").wait_for()
    form.get_by_label("Name of the token").fill("nightly training")
    form.get_by_label("Expires").select_option("in 90 days")
    form.get_by_role("button", name="Create token").click()
    field = form.get_by_label("The token", exact=True)
    field.wait_for()
    token = field.input_value()
    assert token.startswith("lazuli_") and len(token) == 71
    assert faults(page) == []
    for scheme, width in (("light", 1280), ("dark", 1280), ("light", 360)):
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": 900})
        until("a page as wide as the screen", lambda: page.evaluate("document.documentElement.scrollWidth") <= width)
        place = "small" if width == 360 else scheme
        page.screenshot(path=screenshots / f"studio-token-made-{place}.png", full_page=True)

    form.get_by_role("button", name="Copy").click()
    form.get_by_role("button", name="Copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == token

    line = form.get_by_role("row").filter(has_text="nightly training")
    line.get_by_role("cell", name="never").wait_for()
    assert asked(studio, token) == (200, None)
    made, other = studio.api("GET", "/tokens"), studio.api("POST", "/tokens", {"name": "for ever"})
    assert [it["name"] for it in made] == ["nightly training"]
    assert round((made[0]["expires_at_ms"] - made[0]["created_at_ms"]) / 86_400_000) == 90

    # A page that is loaded again knows it no more, and no browser keeps it.
    page.reload()
    line.get_by_role("cell", name="just now").first.wait_for()
    assert field.count() == 0 and token not in page.content()
    assert token not in page.evaluate("JSON.stringify([localStorage, sessionStorage, location.href])")

    # A name is given once; that is said in words.
    form.get_by_label("Name of the token").fill("nightly training")
    form.get_by_role("button", name="Create token").click()
    form.get_by_role("alert").get_by_text("there is an access token `nightly training` already").wait_for()
    assert field.count() == 0
    studio.problems[:] = [it for it in studio.problems if "409" not in it]

    form.get_by_role("button", name="Revoke nightly training").click()
    line.wait_for(state="detached")
    assert asked(studio, token) == (401, "the access token `nightly training` was revoked")
    assert asked(studio, other["token"]) == (200, None)
    form.get_by_role("button", name="Revoke for ever").click()
    form.get_by_text("There are no access tokens.").wait_for()
    studio.check()


def asked(studio, token):
    """What a program with this token is told: the status, and the sentence of a refusal."""
    request = urllib.request.Request(f"{studio.url}/api/workspaces", headers={"Authorization": f"Bearer {token}"})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, None
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())["message"]
