"""Text that is not what it was when written: read in a wrong encoding, or not made plain."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from rekur.doctor.findings import Finding, Severity
from rekur.doctor.patient import Tables
from rekur.doctor.tables.plain import parts
from rekur.doctor.tables.read import decoded
from rekur.wording import counted, form

MANY, SEVERAL = 0.01, 3  # share of the rows that makes a fault; rows that make a warning
LOOKED_AT = 200  # damaged texts that say which encoding turns them back

# UTF-8 read as Windows-1252 or Latin-1: the characters its bytes become.
_AS_BYTES = "\u0080-\u00ff€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ"
_MISREAD = re.compile(f"[\u00c2-\u00f4][{_AS_BYTES}]+")
_KOREAN = re.compile("[\u00a1-\u00fe]{4,}")  # CP949 read as Latin-1
# What such bytes plausibly stood for. Not every letter: in "CAFÉ…" two honest signs follow each other.
_MEANT = re.compile(
    "[\u00a0-\u00ff\u2010-\u2044€\u0410-\u0451\u3000-\u30ff\u4e00-\u9fff\uac00-\ud7a3\U0001f300-\U0001faff]"
)
_DECOMPOSED = r"[\u1100-\u11ff]|\p{Mn}"


@dataclass(frozen=True)
class Damage:
    """A way in which texts are not what they were."""

    name: str
    pattern: str  # of polars, quick; rows that it chooses are looked at
    says: str  # what its rows hold
    cure: str  # empty: `_turned_back` finds it
    gravest: Severity
    sure: Callable[[str], bool] | None = None


def found(tables: Tables) -> Iterator[Finding]:
    """Yield what is wrong with the files' bytes, and with the texts as they were read."""
    for name, content in tables.contents.items():
        yield from _of_bytes(name, content)
    for part, frame in parts(tables):
        for column in frame.get_columns():
            if column.dtype == pl.String and len(column):
                yield from _misread(part, column)
                for damage in _OTHERS:
                    yield from _of_column(part, column, damage)
                yield from _two_forms(part, column)


def _of_bytes(name: str, content: bytes) -> Iterator[Finding]:
    if name.lower().endswith(".parquet"):
        return
    encoding = decoded(content)[1]
    if encoding != "UTF-8":
        yield Finding(
            "RK-DATA-01",
            "warning",
            f"The file {name} is not UTF-8, but {encoding}: whoever reads it as UTF-8 stops, or sees other signs than "
            "were written.",
            f"Name the encoding where the file is read ({encoding}), and save it as UTF-8.",
            {"file": name, "encoding": encoding},
        )
    elif content.startswith(codecs.BOM_UTF8):
        yield Finding(
            "RK-DATA-01",
            "note",
            f"The file {name} begins with a byte order mark, which some readers take for a part of the first "
            "column's name.",
            "Read it as `utf-8-sig`, or save it without the mark.",
            {"file": name},
        )


def _misread(part: str, column: pl.Series) -> Iterator[Finding]:
    """A column was read in one wrong encoding: tell the one that explains most rows, with its cure alone."""
    ways = [finding for damage in _MISREADINGS for finding in _of_column(part, column, damage)]
    if ways:
        yield max(ways, key=lambda finding: finding.evidence["rows"])


def _of_column(part: str, column: pl.Series, damage: Damage) -> Iterator[Finding]:
    chosen = column.fill_null("").str.contains(damage.pattern).to_numpy().nonzero()[0]
    if damage.sure is not None:
        chosen = np.array([row for row in chosen if damage.sure(column[int(row)])], dtype=np.int64)
    if not len(chosen):
        return
    share = len(chosen) / len(column)
    severity: Severity = damage.gravest
    if severity == "fault" and share < MANY:
        severity = "warning" if len(chosen) >= SEVERAL else "note"
    yield Finding(
        "RK-DATA-01",
        severity,
        f"Column `{column.name}` of {part}: {len(chosen):,} of {counted(len(column), 'row')} "
        f"{form(len(chosen), 'holds', 'hold')} {damage.says}.",
        damage.cure or _turned_back([column[int(row)] for row in chosen[:LOOKED_AT]]),
        {
            "kind": damage.name,
            "rows": len(chosen),
            "share": share,
            "first_row": int(chosen[0]) + 1,
            "example": _around(column[int(chosen[0])], damage),
        },
    )


def _turned_back(texts: list[str]) -> str:
    """Return the cure of UTF-8 that was read otherwise: the encoding that turns most of these texts back."""
    succeeds = {encoding: sum(_decodes(text, encoding) for text in texts) for encoding in ("cp1252", "latin-1")}
    best = max(succeeds, key=succeeds.__getitem__)
    if 2 * succeeds[best] > len(texts):
        return f'Read the file as UTF-8, or mend the texts: `text.encode("{best}").decode("utf-8")`.'
    return "Read the original again as UTF-8; no single `encode` turns these texts back, `ftfy.fix_text(text)` may."


def _decodes(text: str, encoding: str) -> bool:
    try:
        text.encode(encoding).decode("utf-8")
    except UnicodeError:
        return False
    return True


def _around(text: str, damage: Damage) -> str:
    """Return the place in the first damaged text, with a few characters on both sides."""
    start = pl.Series([text]).str.find(damage.pattern)[0] or 0  # in bytes
    at = len(text.encode()[:start].decode(errors="ignore"))
    return text[max(0, at - 15) : at + 25]


def _two_forms(part: str, column: pl.Series) -> Iterator[Finding]:
    """Composed and decomposed characters look alike, and are different words."""
    plain = column.fill_null("")
    apart = (plain.str.contains(_DECOMPOSED) & (plain.str.normalize("NFC") != plain)).to_numpy()
    if not apart.any():
        return
    composed = plain.str.contains("[\u00c0-\u017f\uac00-\ud7a3]").to_numpy() & ~apart
    mixed = min(int(apart.sum()), int(composed.sum()))
    yield Finding(
        "RK-DATA-01",
        "warning" if mixed >= SEVERAL and apart.mean() >= 0.001 else "note",
        f"Column `{column.name}` of {part}: accents or syllables are written in pieces (NFD) in "
        f"{counted(int(apart.sum()), 'row')}, whole (NFC) in {int(composed.sum()):,}: "
        "words that look alike are different words to a vocabulary.",
        'Normalise every text with `unicodedata.normalize("NFC", text)` before it is cut into tokens.',
        {"decomposed": int(apart.sum()), "composed": int(composed.sum()), "first_row": int(apart.argmax()) + 1},
    )


def _was_utf8(text: str) -> bool:
    """Whether some characters, taken for bytes again, are UTF-8 of something that people write."""
    for match in _MISREAD.finditer(text):
        run = _bytes(match.group())
        for end in range(len(run), 1, -1):  # what follows may be honest
            try:
                meant = run[:end].decode("utf-8")
            except UnicodeDecodeError:
                continue
            return bool(_MEANT.match(meant))
    return False


def _bytes(run: str) -> bytes:
    out = bytearray()
    for character in run:
        out += character.encode("latin-1") if character <= "\u00ff" else character.encode("cp1252")
    return bytes(out)


def _was_korean(text: str) -> bool:
    """Whether a run of Western letters with accents is Korean in CP949, two of them a syllable."""
    for match in _KOREAN.finditer(text):
        run = match.group()
        try:
            meant = run[: len(run) // 2 * 2].encode("latin-1").decode("cp949")
        except UnicodeDecodeError:
            continue
        syllables = [character for character in meant if "가" <= character <= "힣"]
        if len(syllables) >= 0.8 * len(meant) and len(set(syllables)) > 1:  # one alone may be a row of dots
            return True
    return False


_MISREADINGS = (
    Damage(
        "mojibake",
        f"[\u00c2-\u00f4][{_AS_BYTES}]",
        'UTF-8 that was read as Latin-1 ("Ã©" for "é")',
        "",  # depends on the texts
        "fault",
        _was_utf8,
    ),
    Damage(
        "korean",
        "[\u00a1-\u00fe]{4,}",
        'Korean in CP949 that was read as Latin-1 ("ÁÁ´Ù" for "좋다")',
        'Read the file as CP949, or mend the texts: `text.encode("latin-1").decode("cp949")`.',
        "fault",
        _was_korean,
    ),
    Damage(
        "controls",
        "[\u0080-\u009f]",
        "invisible signs from U+0080 to U+009F: dashes, dots or quotes of Windows-1252, read as Latin-1",
        'Mend the texts: `text.encode("latin-1").decode("cp1252")` where that succeeds.',
        "note",
    ),
)
_OTHERS = (
    Damage(
        "replacement",
        "\ufffd",
        "the sign U+FFFD, which stands where something could not be read",
        "Read the original again with its own encoding: what was there is lost.",
        "fault",
    ),
    Damage(
        "entities",
        r"&(?:amp|lt|gt|quot|nbsp|apos|#\d{2,5}|#x[0-9a-fA-F]{2,5});",
        "HTML entities such as `&amp;`, which become words of their own",
        "Put the signs back with `html.unescape(text)`.",
        "note",
    ),
    Damage(
        "tags",
        r"</?(?:br|p|div|span|a|b|i|em|strong|li|ul|td|tr|img|h[1-6])(?:\s[^<>]{0,200})?\s*/?>",
        "HTML tags such as `<br />`: a tokeniser that splits at signs makes words of them",
        "Replace tags by a space before the texts are cut into tokens.",
        "note",
    ),
)
