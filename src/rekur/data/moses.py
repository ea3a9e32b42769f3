"""Sentences to words and back, near enough to Moses' tokeniser for what was tokenised with it.

Multi30k's tokenised files went through Moses' scripts: lower case, normalised punctuation, words apart, and the signs
that its phrase tables reserve written as entities (`&apos;`). A sentence to translate must be cut as those were.
docs/translation.md says how far the two agree.
"""

from __future__ import annotations

import re
import unicodedata

ALIKE = str.maketrans(
    {
        **dict.fromkeys("„“”«»″", '"'),
        **dict.fromkeys("’‘´`‚", "'"),
        **dict.fromkeys("–—", "-"),
        "…": "...",
        "\u00a0": " ",
    }
)
ENTITIES = {
    "&": "&amp;",
    "|": "&#124;",
    "<": "&lt;",
    ">": "&gt;",
    "'": "&apos;",
    '"': "&quot;",
    "[": "&#91;",
    "]": "&#93;",
}
ESCAPED = str.maketrans(ENTITIES)
PLAIN = {entity: sign for sign, entity in ENTITIES.items()}
ENTITY = re.compile("|".join(PLAIN))

SIGN = re.compile(r"([^\w\s.',-]|_)")  # a sign that always stands alone
DOTS = re.compile(r"\.{2,}")
COMMA = re.compile(r"(?<!\d),|,(?!\d)")  # 1,000 keeps its own
LETTER = r"[^\W\d_]"
CLITIC = re.compile(rf"(?<={LETTER})'(?={LETTER})|(?<=\d)'(?=s)")  # English: woman 's
APOSTROPHE = re.compile(rf"'(?!{LETTER})|(?<![^\W_])'")
FULL_STOP = re.compile(r"(?<=[^\s.])\.(?=\s*$|\s+[^\w\s]*\s*$)")  # of a sentence; that of an abbreviation stays

OPENING, CLOSING = "([{", ".,!?;:)]}%"
BEFORE = re.compile(rf" (?=[{re.escape(CLOSING)}](?: |$)|\.\.\.)")
BEHIND = re.compile(rf"(?:(?<=^)|(?<= ))([{re.escape(OPENING)}]) ")
QUOTED = re.compile(r'" ([^"]*) "')
ENGLISH_CLITIC = re.compile(rf" '(?={LETTER})")


def tokenise(sentence: str, language: str = "en") -> list[str]:
    """Cut a sentence into lower-case words and signs, entities for the signs Moses reserves.

    >>> tokenise('A woman\\'s "hat", well-made.')
    ['a', 'woman', '&apos;s', '&quot;', 'hat', '&quot;', ',', 'well-made', '.']
    """
    text = unicodedata.normalize("NFC", sentence).translate(ALIKE).lower()
    text = DOTS.sub(lambda found: f" {found[0]} ", SIGN.sub(r" \1 ", text))
    text = COMMA.sub(" , ", text)
    text = CLITIC.sub(" '", APOSTROPHE.sub(" ' ", text)) if language == "en" else text.replace("'", " ' ")
    return FULL_STOP.sub(" .", text).translate(ESCAPED).split()


def detokenise(words: list[str]) -> str:
    """Write words as a person would: entities as signs, punctuation at its word.

    >>> detokenise(["a", "woman", "&apos;s", "hat", ",", "red", "."])
    "a woman's hat, red."
    """
    text = ENTITY.sub(lambda found: PLAIN[found[0]], " ".join(words))
    text = QUOTED.sub(r'"\1"', text)
    return BEHIND.sub(r"\1", BEFORE.sub("", ENGLISH_CLITIC.sub("'", text)))
