"""Examples of models that write: translations and descriptions, by greedy search."""

from __future__ import annotations

from typing import Any

from rekur.architecture import Architecture
from rekur.export.examples.shared import SUBWORDS, coded, names
from rekur.graphs.recurrent import parts_of
from rekur.graphs.writing import HELD

WRITER = """encoder = onnxruntime.InferenceSession("encoder.onnx")
decoder = onnxruntime.InferenceSession("decoder.onnx")
"""


def _greedy(made: Architecture, source: str, most: str) -> str:
    """Return the lines of a greedy search; `source` is what the encoder is given, `most` the ids at most."""
    sizes = made.decoder
    looks = sizes.attention != "none"
    parts = [*parts_of(sizes.cell), *(["fed"] if sizes.input_feeding else [])]
    kept = [*(["memory"] if looks else []), *(["keys"] if sizes.attention in HELD else [])]
    begun = kept + [f"{part}_0" for part in parts]
    said = ["log_probabilities", *(["attention"] if looks else []), *(f"{part}_n" for part in parts)]
    lengths = ', lengths=source["lengths"]' if looks and "lengths" in source else ""
    look = '    looked.append(int(said["attention"][0].argmax()))\n' if looks else ""
    return f"""source = {source}
read = dict(zip({names(begun)}, encoder.run({names(begun)}, source)))
names = {names(said)}
previous, written, looked = about["start"], [], []
for _ in range({most}):
    said = dict(zip(names, decoder.run(names, dict(read, previous=np.array([previous]){lengths}))))
    said["log_probabilities"][:, [about["padding"], about["start"]]] = -np.inf  # never written
    previous = int(said["log_probabilities"][0].argmax())
    if previous == about["end"]:
        break
    written.append(previous)
{look}    read.update((f"{{part}}_0", said[f"{{part}}_n"]) for part in {names(parts)})
"""


def translated(made: Architecture, about: dict[str, Any]) -> str:
    unit = "spaces" if about["unit"] == "words" else about["unit"]
    lines = WRITER + 'text = "a sentence ."  # words and signs apart\n'
    lines += coded(unit, about["source_vocabulary"], "text.lower()")
    if about["reversed"]:
        lines += "ids = ids[::-1]\n"
    most = 'min(2 * len(ids) + 10, about["longest"])'
    lines += _greedy(made, '{"tokens": np.array([ids]), "lengths": np.array([len(ids)])}', most)
    if unit in SUBWORDS:
        return lines + written(unit, about["target_vocabulary"])
    named = '"<unk>"'
    if made.decoder.attention != "none":  # an unknown word is the one it looked at
        named = (
            "text.lower().split()[::-1][looked[place]]" if about["reversed"] else "text.lower().split()[looked[place]]"
        )
    return (
        lines
        + f"""words = json.loads(Path("{about["target_vocabulary"]}").read_text(encoding="utf-8"))["words"]
answer = [words[number] if number > about["end"] else {named} for place, number in enumerate(written)]
"""
    )


def written(unit: str, file: str) -> str:
    """Return the lines that make a text of the ids `written`."""
    if unit in SUBWORDS:
        return f"""subwords = base64.b64decode(json.loads(Path("{file}").read_text(encoding="utf-8"))["model"])
answer = sentencepiece.SentencePieceProcessor(model_proto=subwords).decode(written)
"""
    between = "" if unit in ("pieces", "characters", "jamo") else " "
    return f"""words = json.loads(Path("{file}").read_text(encoding="utf-8"))["words"]
answer = "{between}".join(words[number] for number in written if number > about["end"])
"""


def described(made: Architecture, about: dict[str, Any]) -> str:
    lines = WRITER
    if made.image:
        lines += f"""image = np.zeros((1, about["channels"], about["height"], {4 << len(made.settings.convolution)}))
steps = -(-image.shape[3] // about["halved"])  # columns of what the convolutions leave
wide = (steps + {1 if made.settings.convolution else 0}) * about["halved"] - image.shape[3]
pixels = np.pad(image, ((0, 0), (0, 0), (0, 0), (0, wide))).astype(np.float32) / 255
"""
        source = '{"images": pixels, "lengths": np.array([steps])}'
    elif made.values:
        lines += """row = np.zeros(len(about["columns"]))
values = ((row - about["shift"]) / about["scale"])[None, None].astype(np.float32)
"""
        source = '{"values": values}'
    else:
        lines += 'name = about["classes"][0]  # rekur draws its texts; this takes the likeliest units\n'
        source = '{"tokens": np.array([[about["classes"].index(name)]])}'
    lines += _greedy(made, source, 'about["longest"]')
    if about["unit"] in SUBWORDS:
        lines = "import base64\nimport sentencepiece  # pip install sentencepiece\n" + lines
    return lines + written(about["unit"], about["vocabulary"])
