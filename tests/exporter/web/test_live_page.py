"""The page that a person leaves open, in a real browser on a real exporter."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, sync_playwright
from support.programs import RunningExporter, exporter, wait_for, write_config

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PHONE = {"width": 390, "height": 844}
LAPTOP = {"width": 1280, "height": 800}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The Chromium of this machine."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.skip(f"none of {', '.join(BROWSERS)} is installed here")
    with sync_playwright() as driver:
        launched = driver.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield launched
        launched.close()


@dataclass
class Opened:
    """The page, and what the browser had to say about it."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    requested: set[str] = field(default_factory=set)

    def text(self, selector: str) -> str:
        return self.page.inner_text(selector)

    def amount(self, selector: str) -> float:
        """The first number that is shown there."""
        found = re.search(r"[\d,]+\.\d+", self.text(selector))
        assert found, self.text(selector)
        return float(found[0].replace(",", ""))

    def style(self, selector: str, name: str) -> str:
        """As it is computed, for instance `rgb(0, 0, 0)`."""
        value: str = self.page.locator(selector).first.evaluate(f"it => getComputedStyle(it).{name}")
        return value

    def wait(self, condition: str) -> None:
        """Until a condition in JavaScript holds. Asked from outside: the page allows nobody to evaluate code in it."""
        wait_for(lambda: self.page.evaluate(condition), condition)


def opened(browser: Browser, running: RunningExporter, *, size: Any = LAPTOP, scheme: Any = "dark") -> Opened:
    """The page as someone sees it who has just opened it."""
    page = browser.new_page(viewport=size, color_scheme=scheme, locale="en-GB")
    page.set_default_timeout(120_000)
    it = Opened(page)
    page.on("console", lambda message: it.complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: it.complaints.append(str(error)))
    page.on("request", lambda request: it.requested.add(request.url))
    page.goto(f"http://127.0.0.1:{running.port}/")
    page.wait_for_selector("#devices .tile")
    return it


@pytest.fixture(scope="module")
def lease(running: RunningExporter) -> str:
    """A run that pays for the host, with a project that would be markup."""
    body = {"run": "seen", "project": "<img src=x onerror=alert(1)>", "team": "research"}
    lease: str = running.call("POST", "/api/v1/runs", body).json()["lease"]
    return lease


def renew(running: RunningExporter, lease: str) -> None:
    answer = running.call("POST", "/api/v1/runs/seen/renew", {"lease": lease, "progress": {"epoch": 2}})
    assert answer.status == 200


def test_the_answer_stands_first_and_a_run_ticks(browser: Browser, running: RunningExporter, lease: str) -> None:
    it = opened(browser, running)
    assert it.text("#per-hour") == "3,600.00 USD"
    it.wait("document.getElementById('pulse').innerText === 'live'")
    assert it.amount("#spent-day") <= it.amount("#spent-month")
    renew(running, lease)
    # no answer comes any more, and still the money ticks: at one USD a second, for as long as the price can be trusted
    it.page.route("**/api/v1/overview", lambda _: None)
    selector = "[data-run=seen] .amount"
    before = it.amount(selector)
    it.wait(f"parseFloat(document.querySelector('{selector}').innerText) > {before + 1}")
    booked = float(running.get("/api/v1/runs/seen").json()["cost"]["USD"])
    assert it.amount(selector) < booked + 15
    it.page.unroute("**/api/v1/overview")
    it.page.reload()
    it.page.wait_for_selector("[data-run=seen]")
    assert "<img src=x onerror=alert(1)> · research" in it.text("[data-run=seen]")
    assert it.page.locator("main img").count() == 0
    assert it.complaints == []


def test_nothing_is_loaded_from_elsewhere(browser: Browser, running: RunningExporter) -> None:
    it = opened(browser, running)
    here = f"http://127.0.0.1:{running.port}/"
    assert {url for url in it.requested if not url.startswith((here, "data:"))} == set()
    answer = running.get("/")
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert not re.search(rb"https?://", answer.body)
    # what somebody managed to write into the page would not run
    inside = (
        "() => { const it = document.createElement('script'); it.text = 'window.ran = 1'; document.body.append(it) }"
    )
    it.page.evaluate(inside)
    assert it.page.evaluate("window.ran") is None


@pytest.mark.parametrize("size", [PHONE, LAPTOP], ids=["phone", "laptop"])
@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_it_fits_and_can_be_read(browser: Browser, running: RunningExporter, size: Any, scheme: str) -> None:
    it = opened(browser, running, size=size, scheme=scheme)
    assert it.page.evaluate("document.documentElement.scrollWidth") <= size["width"], "nothing sticks out"
    background, ink = it.style("body", "backgroundColor"), it.style("body", "color")
    assert contrast(background, ink) >= 7, "WCAG 2.2, 1.4.6"
    assert (luminance(background) < luminance(ink)) == (scheme == "dark")
    dim, card = it.style(".dim", "color"), it.style(".tile", "backgroundColor")
    assert contrast(dim, card) >= 4.5, "WCAG 2.2, 1.4.3"


def test_budgets_devices_and_the_last_hour(browser: Browser, running: RunningExporter, lease: str) -> None:
    it = opened(browser, running)
    assert "project demo" in it.text("[data-budget=demo]")
    assert re.search(r"0\.00 of 8\.00 USD", it.text("[data-budget=demo]"))
    assert it.text("#devices .tile .name") == "host"
    assert "3,600.00 USD per hour" in it.text("#devices .tile")
    it.wait("document.querySelectorAll('#hour rect').length > 0")
    assert "USD a minute" in it.text("#hour")


def test_figures_that_nobody_confirms_any_more_are_not_shown_as_live(browser: Browser, tmp_path: Path) -> None:
    with exporter(write_config(tmp_path), environ={"TAXIMETER_DEVICES": "host"}) as running:
        it = opened(browser, running)

        def fail(route: Route) -> None:
            route.abort()

        it.page.route("**/api/v1/overview", fail)
        it.wait("document.getElementById('pulse').innerText.startsWith('no answer for')")
        it.wait("document.body.classList.contains('stale')")
        shown = it.text("#spent-day")
        it.page.wait_for_timeout(500)
        assert it.text("#spent-day") == shown, "nothing ticks"
        it.page.unroute("**/api/v1/overview")
        it.wait("!document.body.classList.contains('stale')")
        it.wait("document.getElementById('pulse').innerText === 'live'")


def test_simulated_gpus_say_so(browser: Browser, tmp_path: Path) -> None:
    with exporter(write_config(tmp_path), "--simulate") as running:
        it = opened(browser, running)
        assert it.text("#simulated") == "Simulated GPUs: nothing on this page is real."
        assert it.page.title().startswith("(simulated)")
        assert it.page.locator("#devices .tile").count() == len(running.get("/api/v1/status").json()["devices"])


def luminance(colour: str) -> float:
    """Relative luminance of `rgb(…)`, 0 to 1, by WCAG 2.2."""
    linear = []
    for part in re.findall(r"[\d.]+", colour)[:3]:
        value = float(part) / 255
        linear.append(value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4)
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(first: str, second: str) -> float:
    """The contrast ratio of two colours, 1 to 21, by WCAG 2.2."""
    light, dark = sorted((luminance(first), luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)
