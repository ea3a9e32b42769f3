"""Lines that examples of several kinds of model have: opening the folder, and cutting a text into ids."""

from __future__ import annotations

from collections.abc import Sequence

from rekur.data.few import BLANKS as WHITE_SPACE
from rekur.data.text import TOKENIZERS

SUBWORDS = ("bpe", "unigram")
BLANKS = WHITE_SPACE.encode("unicode_escape").decode()  # as a pattern says them


def cut(unit: str) -> tuple[str, str]:
    """Return the expression that cuts `plain`, the normal form of a text, into tokens, and what that imports."""
    if unit == "morphemes":
        return "[token.form for token in kiwipiepy.Kiwi().tokenize(plain)]", "import kiwipiepy  # pip install kiwipiepy"
    how = TOKENIZERS[unit]
    assert how is not None
    plain = "plain.lower()" if how.lower else "plain"
    if how.replaced:
        plain = f're.sub(r"{how.replaced}", "{how.by}", {plain})'
    if unit == "jamo":
        syllable = """unicodedata.normalize("NFD", one) if "가" <= one <= "힣" else one"""
        return f'list("".join({syllable} for one in {plain}))', ""
    if unit == "characters":
        return f"list({plain})", ""
    pattern = how.pattern.replace(r"\S", f"[^{BLANKS}]").replace(r"\s", BLANKS)
    if r"\p{" not in pattern:
        return f're.findall(r"""{pattern}""", {plain})', "import re"
    imports = ["import re"] * bool(how.replaced) + ["import regex  # pip install regex"]
    return f'regex.findall(r"""(?V1){pattern}""", {plain})', "\n".join(imports)


def coded(unit: str, file: str, text: str = "text") -> str:
    """Return the lines that make `ids` of a text by the vocabulary in `file`."""
    normal = f'plain = unicodedata.normalize("NFC", {text})\n'
    if unit in SUBWORDS:
        return f"""import base64
import re
import unicodedata
import sentencepiece  # pip install sentencepiece
{normal}subwords = base64.b64decode(json.loads(Path("{file}").read_text(encoding="utf-8"))["model"])
plain = re.sub(r"[{BLANKS}\\0]+", " ", plain).strip(" ")
ids = sentencepiece.SentencePieceProcessor(model_proto=subwords).encode(plain)
"""
    tokens, module = cut(unit)
    return (
        (module and f"{module}\n")
        + f"""import unicodedata
{normal}words = json.loads(Path("{file}").read_text(encoding="utf-8"))["words"]
place = {{word: number for number, word in enumerate(words)}}
tokens = {tokens}
ids = [place.get(token, about["unknown"]) for token in tokens]
"""
    )


def names(names: Sequence[str]) -> str:
    """Return a list of names as Python writes it."""
    return "[" + ", ".join(f'"{name}"' for name in names) + "]"
