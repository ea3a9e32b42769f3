"""Take the picture of the READMEs: the verdict of a report and one part of it, as a browser shows them.

    python benchmarks/picture.py runs/starter-1/kospi-gru/report.html docs/images/report.png

Needs playwright (an extra of `dev`) and Chromium at /usr/bin/chromium.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from playwright.sync_api import sync_playwright

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
WIDTH, SCALE = 800, 1.5  # a narrow page on a dense screen: its letters are still read when a README shrinks it

LEAVE = """([part, figures]) => {
    document.querySelectorAll("main > section, header nav, main > footer").forEach(found => {
        if (found.id !== part) found.remove();
    });
    document.querySelectorAll("main > section figure").forEach((found, i) => { if (i >= figures) found.remove(); });
}"""


def picture(report: Path, out: Path, part: str, figures: int) -> None:
    """Write the header of `report`, and the first `figures` pictures of its section `part`, to `out`."""
    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        page = browser.new_page(viewport={"width": WIDTH, "height": 600}, device_scale_factor=SCALE)
        page.goto(report.resolve().as_uri())
        if page.locator(f"section#{part}").count() == 0:
            raise SystemExit(f"{report} has no part `{part}`.")
        page.evaluate(LEAVE, [part, figures])
        bottom = page.evaluate("document.querySelector('main > section').getBoundingClientRect().bottom")
        out.parent.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=out, full_page=True, clip={"x": 0, "y": 0, "width": WIDTH, "height": bottom + 24})
        browser.close()


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("report", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--part", default="the-forecast", help="id of the section to show")
    parser.add_argument("--figures", type=int, default=1, help="how many of its pictures")
    chosen = parser.parse_args()
    picture(chosen.report, chosen.out, chosen.part, chosen.figures)


if __name__ == "__main__":
    main()
