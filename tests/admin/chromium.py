"""A headless Chromium that opens the admin page, and what it says about a page."""

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import Any, Final
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from selenium.webdriver import Chrome, ChromeOptions, ChromeService

from tests.admin.world import OPERATOR, PASSWORD, World
from usercore_web.wsgi import WsgiApp

PATIENCE: Final = 30
"""Seconds that a page may take, on a busy machine, too."""

OPTIONS: Final = (
    "--headless",
    "--no-sandbox",  # for root
    "--disable-dev-shm-usage",  # containers have little of it
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@contextmanager
def chromium(folder: Path) -> Iterator[Chrome]:
    """Run Chromium with a new profile in a folder."""
    options = ChromeOptions()
    options.binary_location = str(shutil.which("chromium"))
    for option in (*OPTIONS, f"--user-data-dir={folder}"):
        options.add_argument(option)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    browser = Chrome(options=options, service=ChromeService(shutil.which("chromedriver")))
    browser.implicitly_wait(PATIENCE)  # a key does not wait for the page that it opens
    try:
        yield browser
    finally:
        browser.quit()


class _Server(ThreadingMixIn, WSGIServer):
    """Answers each connection on a thread of its own: Chromium opens some that it does not use at once."""

    daemon_threads = True


class _Handler(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name in the base class
        """Print nothing."""


@contextmanager
def served(world: World) -> Iterator[str]:
    """Serve the admin page of a world, and return its address."""
    with make_server("127.0.0.1", 0, WsgiApp(world.router), server_class=_Server, handler_class=_Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/admin"
        finally:
            server.shutdown()
            thread.join()


def sign_in(browser: Chrome, address: str) -> None:
    """Sign in as a person does."""
    browser.get(f"{address}/sign-in")
    browser.find_element("id", "login").send_keys(OPERATOR)
    browser.find_element("id", "password").send_keys(PASSWORD)
    browser.find_element("css selector", "main button").click()
    browser.find_element("tag name", "nav")


def show_as(browser: Chrome, *, width: int, scheme: str) -> None:
    """Make the window as wide as this, and let the person prefer a ``light`` or ``dark`` colour scheme."""
    metrics = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})


def console_of(browser: Chrome) -> list[str]:
    """Return what Chromium complained about since the last call: errors, and what the policy refused."""
    entries = browser.get_log("browser")  # type: ignore[no-untyped-call]  # selenium does not say its type
    return [str(entry["message"]) for entry in entries]


def width_of(browser: Chrome) -> int:
    """Return how wide the page is; a phone shows a page that is wider than its window as a whole, and smaller."""
    return int(browser.execute_script("return document.documentElement.scrollWidth"))


def violations_in(browser: Chrome) -> list[Any]:
    """Return the rules of accessibility that the page breaks, each with its elements. Source: axe-core."""
    found: list[Any] = browser.execute_async_script(
        _AXE + "; const done = arguments[arguments.length - 1];"
        "axe.run().then(result => done(result.violations.map("
        "one => [one.id, ...one.nodes.map(node => node.html + ' ' + node.failureSummary)])));"
    )
    return found


_AXE: Final = files("axe_core_python").joinpath("axe.min.js").read_text(encoding="utf-8")
