"""Whatever somebody managed to store, a page shows it as text: in names, tags, logs, files."""

import re

import pytest

#: Each would say so if it ran, wherever it runs.
HACKED = "top.hacked=1"
ATTACKS = [
    f"<img src=x onerror='{HACKED}'>",
    f"\"'><script>{HACKED}</script>",
    f"<svg onload='{HACKED}'>",
    f"{{{{{HACKED}}}}}</style><style>@import '//evil.example'</style>",
]
EVIL = ATTACKS[0]
PAGE = f"""<!doctype html><meta http-equiv="refresh" content="0;url=//evil.example/">
<base href="//evil.example/"><script>{HACKED};fetch('/api/workspaces')</script>
<img src="//evil.example/pixel" onerror="{HACKED}"><form action="/api/shutdown" method="post"><button>x</button></form>
<p style="color:teal">the report</p>"""
SVG = f"""<svg xmlns="http://www.w3.org/2000/svg" onload="{HACKED}" width="40" height="40"><script>{HACKED}</script>
<foreignObject><iframe xmlns="http://www.w3.org/1999/xhtml" src="javascript:{HACKED}"/></foreignObject><rect width="40" height="40"/></svg>"""


def quiet(page):
    """Nothing ran, and nothing of the attack became an element."""
    found = page.evaluate(
        """() => {
            const strange = [];
            const look = root => {
                for (const it of root.querySelectorAll('*')) {
                    if (it.matches('script:not([src]), img[src="x"], svg[onload], style:not([data-x])')) strange.push(it.outerHTML.slice(0, 80));
                    for (const attribute of it.attributes) if (/^on/.test(attribute.name) || /^javascript:/i.test(attribute.value)) strange.push(attribute.name);
                    if (it.shadowRoot) look(it.shadowRoot);
                }
            };
            look(document);
            return [window.hacked ?? null, strange];
        }"""
    )
    assert found == [None, []], page.url


def test_what_is_stored_stays_text(studio):
    home = studio.home
    (home.work / "evil.py").write_text("import sys\nprint(%r)\nsys.exit(%r)\n" % ("\n".join(ATTACKS), EVIL))
    home.lazuli("submit", "evil.py", "--experiment", "evil", "--name", EVIL, "--tag", f"team={EVIL}", "--wait")
    job = studio.api("GET", "/workspaces/default/runs?limit=1")["items"][0]["run_id"]

    run = studio.run(experiment="evil", name=EVIL, tags={EVIL: ATTACKS[1]}, properties={EVIL: ATTACKS[2]}, user=EVIL)
    run_id = run["run_id"]
    child = studio.run(experiment="evil", name=EVIL, parent_run_id=run_id)
    studio.api("PATCH", f"/runs/{run_id}", {"add_parameters": {EVIL: ATTACKS[3]}})
    studio.api("PATCH", f"/runs/{child['run_id']}", {"add_parameters": {EVIL: ATTACKS[3]}})
    for name in ATTACKS:
        studio.log(run_id, name, [({"step": step}, step) for step in range(3)], last=False)
        studio.log(child["run_id"], name, [({}, 1)], last=False)
    studio.log(run_id, "text", [({}, EVIL)], last=False)
    studio.log(run_id, "table", [({}, {EVIL: [EVIL, EVIL]})], kind="table", last=False)
    labels = {"schema_type": "confusion_matrix", "schema_version": "1", "data": {"class_labels": [EVIL, "b"], "matrix": [[1, 2], [3, 4]]}}
    studio.log(run_id, "matrix", [({}, labels)], kind="confusion_matrix", last=False)
    studio.log(run_id, "picture", [({}, {"artifact": "outputs/evil.svg"})], kind="image")
    files = {
        f"outputs/{EVIL}.txt".replace("/>", ">"): EVIL,
        "outputs/evil.csv": f"{EVIL},b\n{EVIL},{ATTACKS[1]}\n",
        "outputs/evil.svg": SVG,
        "outputs/evil.html": PAGE,
        "outputs/evil.md": f"[x](javascript:{HACKED}) {EVIL}",
        "outputs/evil.ipynb": '{"cells":[{"cell_type":"markdown","source":"%s"},{"cell_type":"code","source":"1","outputs":[{"output_type":"display_data","data":{"text/html":"%s","text/plain":"%s"}}]}]}'
        % (EVIL.replace('"', '\\"'), EVIL.replace('"', '\\"'), EVIL.replace('"', '\\"')),
    }
    for path, content in files.items():
        studio.keep(run_id, path, content)
    studio.api("POST", f"/runs/{run_id}/fail", {"message": EVIL, "details": ATTACKS[1]})
    source = {"run": {"run_id": run_id, "path": "outputs/evil.html"}}
    studio.api("POST", "/workspaces/default/models", {"name": "evil", "source": source, "description": EVIL, "tags": {EVIL: EVIL}})
    studio.api("POST", "/tokens", {"name": EVIL})
    (home.work / "evil.csv").write_text(f"{EVIL},b\n{EVIL},2\n")
    home.lazuli("dataset", "register", "evil", "evil.csv", "--description", EVIL)

    page = studio.context.new_page()
    page.on("dialog", lambda dialog: pytest.fail(f"a dialog opened: {dialog.message}"))
    for address in ["", "experiments", "runs", "models", "models/evil", "datasets", "datasets/evil", "jobs", "events", "settings", f"compare?runs={run_id},{child['run_id']}"]:
        page.goto(studio.address(address))
        page.get_by_text(re.compile("onerror|evil")).filter(visible=True).first.wait_for()
        quiet(page)
    page.goto(studio.address(f"runs/{job}?tab=logs"))
    page.get_by_role("log").get_by_text(EVIL).first.wait_for()
    quiet(page)

    details = page.locator("lazuli-run-details")
    for tab in ("metrics", "children", "facts", "outputs"):
        page.goto(studio.address(f"runs/{run_id}?tab={tab}"))
        details.get_by_text("onerror").filter(visible=True).first.wait_for()
        quiet(page)
    for path in files:
        details.get_by_role("button", name=path).click()
        details.locator(".two .mono").get_by_text(path).wait_for()
        details.locator(".two :is(iframe, img.picture, pre.text, table)").first.wait_for()
        quiet(page)

    # A file that was exported is no better a place for it.
    done = home.lazuli("run", "export", run_id, "--html", str(home.work / "kept.html"))
    assert done.returncode == 0, done
    page.goto(f"file://{home.work}/kept.html")
    for tab in ("Metrics", "Details", "Outputs"):
        details.get_by_role("tab", name=re.compile(tab)).click()
        details.get_by_text("onerror").filter(visible=True).first.wait_for()
        assert page.evaluate("window.hacked") is None
    page.goto(studio.address(f"runs/{run_id}?tab=outputs"))

    # The report is seen, in a frame in which nothing runs and that reaches nothing.
    details.get_by_role("button", name="outputs/evil.html").click()
    frame = details.locator("iframe")
    frame.content_frame.get_by_text("the report").wait_for()
    assert frame.get_attribute("sandbox") == ""
    assert frame.evaluate("it => it.contentDocument") is None
    # The addresses of files themselves are no pages either.
    answer = page.request.get(f"{studio.url}/api/runs/{run_id}/artifacts/outputs/evil.html")
    assert answer.headers["content-disposition"] == "attachment"
    assert answer.headers["content-security-policy"] == "sandbox"
    assert page.evaluate("window.hacked") is None
    # The policy kept the report's own attempts from going anywhere: that is what the console says.
    left = list(studio.strangers)
    for url in studio.stopped:
        left.remove(url)
    assert [it for it in left if "evil.example" in it] == []
    page.close()


def test_a_page_of_another_port_gets_nothing(studio):
    """The cookie goes to every port of this host; what a page of another one asks is refused."""
    import http.server
    import threading

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.end_headers()
            self.wfile.write(b"<p>another page</p>")

        def log_message(self, *arguments):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    page = studio.context.new_page()
    page.goto(f"http://127.0.0.1:{server.server_port}/")
    asked = page.evaluate(
        """async url => {
            const ask = async (path, options) => {
                try { return (await fetch(url + path, { credentials: 'include', ...options })).status; } catch (error) { return String(error); }
            };
            return [
                await ask('/api/workspaces'),
                await ask('/api/workspaces', { method: 'POST', mode: 'no-cors', body: '{"name":"stolen"}' }),
                await ask('/api/shutdown', { method: 'POST', mode: 'no-cors' }),
            ];
        }""",
        studio.url,
    )
    assert asked == ["TypeError: Failed to fetch", 0, 0]
    assert [it["name"] for it in studio.api("GET", "/workspaces")] == ["default"]
    page.set_content(f"<iframe src='{studio.address()}'></iframe>")
    page.wait_for_timeout(500)
    assert page.frames[1].url.startswith(("chrome-error:", "about:")), page.frames[1].url
    server.shutdown()
    page.close()
