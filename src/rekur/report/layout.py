"""What a section is made of: pictures, and blocks of HTML that a template draws."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from rekur.report.plot import Plot

Size = tuple[int, int]
Draw = Callable[[Size], Plot]

SIZES: dict[str, Size] = {"wide": (880, 310), "half": (460, 300), "narrow": (350, 280)}  # page, half a page, phone


@dataclass(frozen=True)
class Picture:
    """A drawing, what it is called, what it shows in words, and what to conclude from it.

    It is drawn once for the desk and once for the phone, because type that shrinks with a picture cannot be read.
    """

    name: str
    title: str
    words: str
    draw: Draw
    caption: str = ""
    wide: bool = False

    def svg(self, form: str) -> Markup:
        """Draw it in the `form` wide, half or narrow."""
        return self.draw(SIZES[form]).svg(self.words)


@dataclass(frozen=True)
class Block:
    """Values and the template that draws them."""

    template: str
    values: Mapping[str, Any]


@dataclass(frozen=True)
class Section:
    """One part of the page. `key` is what a card of the shelf page shows of it."""

    title: str
    note: str = ""
    pictures: Sequence[Picture] = ()
    blocks: Sequence[Block] = ()
    key: Picture | Block | None = None
