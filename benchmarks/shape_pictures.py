"""Draw the five shapes of recurrent work for docs/shapes.md.

python benchmarks/shape_pictures.py
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PICTURES = ROOT / "docs" / "images" / "shapes"
COLUMN, BOX, ROW, EDGE = 92, (74, 34), 62, 14  # pixels
STYLE = """
text { font: 13px system-ui, sans-serif; fill: #1f2933; text-anchor: middle }
.read rect { fill: #dcebfa } .core rect { fill: #f7e3bf } .wrote rect { fill: #d9f0df }
rect { stroke: #52606d; stroke-width: 1 } line { stroke: #52606d; stroke-width: 1.4; marker-end: url(#tip) }
.back line { stroke-dasharray: 4 3 }
@media (prefers-color-scheme: dark) {
  svg { background: #1c2126 } text { fill: #e4e7eb }
  .read rect { fill: #24445f } .core rect { fill: #5f4a1f } .wrote rect { fill: #25502f }
  rect, line { stroke: #9aa5b1 } #tip path { fill: #9aa5b1 }
}
"""


@dataclass(frozen=True)
class Shape:
    """What stands in each column of the three rows; "" is nothing."""

    name: str
    told: str  # for who cannot see it
    read: tuple[str, ...]
    core: tuple[str, ...]
    wrote: tuple[str, ...]
    fed_back: bool = False  # what was written is read in the next column


SHAPES = (
    Shape("one-to-one", "A vector gives a class, without recurrence.", ("vector",), ("layers",), ("class",)),
    Shape(
        "one-to-many",
        "A picture starts a decoder, which writes one word after another.",
        ("picture", "", "", ""),
        ("h", "h", "h", "h"),
        ("three", "hundred", "and", "seven"),
        fed_back=True,
    ),
    Shape(
        "many-to-one",
        "Words are read one after another; the last state gives a class.",
        ("a", "great", "little", "film"),
        ("h", "h", "h", "h"),
        ("", "", "", "positive"),
    ),
    Shape(
        "in-step",
        "Each word read gives its tag in the same step.",
        ("they", "saw", "a", "saw"),
        ("h", "h", "h", "h"),
        ("PRON", "VERB", "DET", "NOUN"),
    ),
    Shape(
        "many-to-many",
        "A German sentence is read; then an English one is written, word after word.",
        ("ein", "hund", "läuft", "", "", ""),
        ("h", "h", "h", "h", "h", "h"),
        ("", "", "", "a", "dog", "runs"),
        fed_back=True,
    ),
)


def main() -> None:
    """Write docs/images/shapes/<name>.svg for every shape."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    for shape in SHAPES:
        path = PICTURES / f"{shape.name}.svg"
        path.write_text(drawn(shape), encoding="utf-8")
        print(path.relative_to(ROOT))


def drawn(shape: Shape) -> str:
    """Return the shape as SVG: what is read at the bottom, the states above it, what is written on top."""
    width, height = COLUMN * len(shape.core) + EDGE, 3 * ROW + EDGE
    parts = [_boxes(words, row, kind) for row, (kind, words) in enumerate(_rows(shape))]
    marker = '<marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" role="img" '
        f'aria-label="{shape.told}"><title>{shape.told}</title><style>{STYLE}</style>'
        f'<defs>{marker}<path d="M0 0 8 4 0 8z" fill="#52606d"/></marker></defs>'
    )
    return "\n".join([head, *parts, _arrows(shape), "</svg>\n"])


def _rows(shape: Shape) -> tuple[tuple[str, tuple[str, ...]], ...]:
    return (("wrote", shape.wrote), ("core", shape.core), ("read", shape.read))


def _middle(column: int, row: int) -> tuple[float, float]:
    return EDGE + column * COLUMN + BOX[0] / 2, EDGE + row * ROW + BOX[1] / 2


def _boxes(words: tuple[str, ...], row: int, kind: str) -> str:
    found = []
    for column, word in enumerate(words):
        if word:
            x, y = _middle(column, row)
            corner = f'x="{x - BOX[0] / 2}" y="{y - BOX[1] / 2}"'
            found.append(f'<rect {corner} width="{BOX[0]}" height="{BOX[1]}" rx="6"/>')
            found.append(f'<text x="{x}" y="{y + 4.5}">{word}</text>')
    return f'<g class="{kind}">{"".join(found)}</g>'


def _arrows(shape: Shape) -> str:
    up = [_line(_middle(c, 2), _middle(c, 1), rise=True) for c, word in enumerate(shape.read) if word]
    up += [_line(_middle(c, 1), _middle(c, 0), rise=True) for c, word in enumerate(shape.wrote) if word]
    along = [_line(_middle(c, 1), _middle(c + 1, 1)) for c in range(len(shape.core) - 1)]
    back = [_back(c) for c, word in enumerate(shape.wrote[:-1]) if word] if shape.fed_back else []
    return f'<g>{"".join([*up, *along])}</g><g class="back">{"".join(back)}</g>'


def _line(start: tuple[float, float], end: tuple[float, float], rise: bool = False) -> str:
    (x1, y1), (x2, y2) = start, end
    gap = (0, BOX[1] / 2 + 1) if rise else (BOX[0] / 2 + 1, 0)
    return f'<line x1="{x1 + gap[0]}" y1="{y1 - gap[1]}" x2="{x2 - gap[0]}" y2="{y2 + gap[1]}"/>'


def _back(column: int) -> str:
    """Draw the word written in `column` being read in the next one."""
    (x1, y1), (x2, y2) = _middle(column, 0), _middle(column + 1, 1)
    ends = f'x1="{x1 + BOX[0] / 2 - 8}" y1="{y1 + BOX[1] / 2}" x2="{x2 - BOX[0] / 2 + 10}" y2="{y2 - BOX[1] / 2 - 1}"'
    return f"<line {ends}/>"


if __name__ == "__main__":
    main()
