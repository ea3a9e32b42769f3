"""Lines that examples of several kinds of model have: opening the folder, and cutting a text into ids."""

from __future__ import annotations

from collections.abc import Sequence

CUTS = {  # tokeniser -> how it cuts a text, and what that imports
    "chapter_a": (r"""re.sub(r"<br|[!-/:-@\[-`{-~]", "", text.lower()).split()""", "import re"),
    "spaces": ("text.lower().split()", ""),
    "words": (
        r"""re.findall(r"[^\W_]+(?:'[^\W\d_]+)?|[!?]", text.lower().replace("<br />", " "))""",
        "import re",
    ),
    "written": (
        r"""re.findall(r"\d+(?:[.,:]\d+)+|[^\W_]+(?:['’\-][^\W_]+)*|[^\s\w]|_", text)""",
        "import re",
    ),
    "characters": ("list(text)", ""),
    "jamo": (
        """list("".join(unicodedata.normalize("NFD", one) if "가" <= one <= "힣" else one for one in text))""",
        "import unicodedata",
    ),
    "pieces": (
        r"""re.findall(r"(?s)[ \-]?[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3\uf900-\ufaff]"
                    r"|[ \-]?(?:(?![\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3\uf900-\ufaff])[^\W_])+|.", text)""",
        "import re",
    ),
    "morphemes": (
        "[token.form for token in kiwipiepy.Kiwi().tokenize(text)]",
        "import kiwipiepy  # pip install kiwipiepy",
    ),
    "keras": (
        r'''re.findall(r"""[^\s!"#$%&()*+,\-./:;<=>?@\[\\\]^_`{|}~]+""", text.lower())''',
        "import re",
    ),
}
SUBWORDS = ("bpe", "unigram")


def coded(unit: str, file: str, text: str = "text") -> str:
    """Return the lines that make `ids` of a text by the vocabulary in `file`."""
    if unit in SUBWORDS:
        return f"""import base64
import sentencepiece  # pip install sentencepiece
subwords = base64.b64decode(json.loads(Path("{file}").read_text(encoding="utf-8"))["model"])
ids = sentencepiece.SentencePieceProcessor(model_proto=subwords).encode(" ".join({text}.split()))
"""
    cut, module = CUTS[unit]
    return (
        (module and f"{module}\n")
        + f"""words = json.loads(Path("{file}").read_text(encoding="utf-8"))["words"]
place = {{word: number for number, word in enumerate(words)}}
ids = [place.get(token, about["unknown"]) for token in {cut}]
"""
    )


def names(names: Sequence[str]) -> str:
    """Return a list of names as Python writes it."""
    return "[" + ", ".join(f'"{name}"' for name in names) + "]"
