"""The page in a real browser: nothing from the network, nothing wider than the phone, no complaint."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from rekur.report import shelf_page
from rekur.runs import Run

pytestmark = pytest.mark.browser

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as started:
        chromium = started.chromium.launch(executable_path="/usr/bin/chromium", args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def addresses(shelf: dict[str, Run]) -> dict[str, str]:
    whole = shelf_page(list(shelf.values()), shelf["texts"].path.parent / "shelf.html")
    return {kind: run.report_path.as_uri() for kind, run in shelf.items()} | {"shelf": whole.as_uri()}


@pytest.mark.parametrize("width", [390, 1440])
def test_pages_ask_for_nothing_fit_the_window_and_are_quiet(
    browser: Any, addresses: dict[str, str], width: int
) -> None:
    view = browser.new_page(viewport={"width": width, "height": 800})
    complaints: list[str] = []
    asked: list[str] = []
    view.on("console", lambda message: complaints.append(message.text))
    view.on("pageerror", lambda error: complaints.append(str(error)))
    view.on("request", lambda request: asked.append(request.url))
    too_wide = {}
    for kind, address in addresses.items():
        view.goto(address)
        view.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
        if (needed := view.evaluate("document.documentElement.scrollWidth")) > width:
            too_wide[kind] = needed
    view.close()
    assert too_wide == {}
    assert complaints == []
    assert [url for url in asked if not url.startswith("data:")] == list(addresses.values())


SHOWN = """() => [...document.querySelectorAll('figure')].map(
    f => [...f.querySelectorAll('svg')].filter(s => s.getClientRects().length).length)"""
SMALLEST = """() => Math.min(...[...document.querySelectorAll('svg text')].filter(t => t.getClientRects().length)
    .map(t => parseFloat(getComputedStyle(t).fontSize) * t.getScreenCTM().a))"""


@pytest.mark.parametrize("width", [390, 800, 1440])
def test_each_picture_is_shown_once_with_type_that_can_be_read(
    browser: Any, addresses: dict[str, str], width: int
) -> None:
    view = browser.new_page(viewport={"width": width, "height": 800})
    view.goto(addresses["series"])
    assert set(view.evaluate(SHOWN)) == {1}
    assert view.evaluate(SMALLEST) >= 9.5  # pixels of the screen
    view.close()


CONTRAST = """() => {
    const light = c => { const v = c.match(/[\\d.]+/g).slice(0, 3).map(x => x / 255)
        .map(x => x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4);
        return 0.2126 * v[0] + 0.7152 * v[1] + 0.0722 * v[2]; };
    const against = (a, b) => { const [x, y] = [light(a), light(b)].sort((p, q) => q - p);
        return (x + 0.05) / (y + 0.05); };
    const of = (s, what) => getComputedStyle(document.querySelector(s))[what];
    const card = of('figure', 'backgroundColor');
    return {text: against(of('figcaption', 'color'), card), axis: against(of('svg .axis', 'fill'), card),
            ours: against(of('svg .ours.line', 'stroke'), card), rival: against(of('svg .rival.line', 'stroke'), card),
            link: against(of('nav a', 'color'), of('body', 'backgroundColor'))};
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_and_lines_stand_out_from_the_paper(browser: Any, addresses: dict[str, str], scheme: str) -> None:
    view = browser.new_page(viewport={"width": 1440, "height": 800}, color_scheme=scheme)
    view.goto(addresses["series"])
    found = view.evaluate(CONTRAST)
    assert min(found[name] for name in ("text", "axis", "link")) >= 4.5  # WCAG AA: text
    assert min(found[name] for name in ("ours", "rival")) >= 3.0  # WCAG AA: graphics
    view.close()
