"""Examples of models that read: texts, tags, numbers, images; and language models."""

from __future__ import annotations

from typing import Any

from rekur.architecture import Architecture
from rekur.export.examples.shared import coded, names
from rekur.graphs.recurrent import parts_of

SOFTMAX = """chances = np.exp(outputs[0, : len(about["classes"])] - outputs[0].max())
chances /= chances.sum()
answer = about["classes"][int(chances.argmax())]
"""
NUMBER = """answer = outputs[0, 0] * about["target"]["scale"] + about["target"]["shift"]
"""


def text(made: Architecture, about: dict[str, Any]) -> str:
    lines = 'text = "a text"\n' + coded(about["tokenizer"], about["vocabulary"])
    if "dropped_below" in about:  # Keras's ids: the rank of a word and three more
        lines = lines.replace("enumerate(words)", "enumerate(words, 4)")
        least, most = max(about["dropped_below"], about["skip_top"]), about["num_words"] or "len(words) + 4"
        lines += f"ids = [number for number in ids if {least} <= number < {most}]\n"
    cut = about.get("cut", {"length": about.get("longest"), "side": about.get("cut_on")})
    if cut["length"]:
        lines += f"ids = ids{_ends(cut)}\n"
    lengths = ', "lengths": np.array([len(ids)])' if about["lengths"] else ""
    row = "ids"
    if about.get("padded_to"):
        zeros = f"[0] * ({about['padded_to']} - len(ids))"
        row = f"{zeros} + ids" if about["padded_on"] == "left" else f"ids + {zeros}"
    lines += f'(outputs,) = model.run(["outputs"], {{"tokens": np.array([{row}]){lengths}}})\n'
    return lines + _answer(made, about)


def _ends(cut: dict[str, Any]) -> str:
    """Return how Python cuts a sequence to so many steps, on that side."""
    return f"[-{cut['length']}:]" if cut["side"] == "left" else f"[:{cut['length']}]"


def _answer(made: Architecture, about: dict[str, Any]) -> str:
    if "target" in about:
        return NUMBER
    if made.outputs > 1:
        return SOFTMAX
    chance = "outputs[0, 0]" if made.settings.squash == "sigmoid" else "1 / (1 + np.exp(-outputs[0, 0]))"
    return f'chance = {chance}  # of the second class\nanswer = about["classes"][int(chance > 0.5)]\n'


def numbers(task: str, made: Architecture, about: dict[str, Any]) -> str:
    if task == "rows":
        lines = f"""image = np.zeros((about["height"], about["width"]))  # 0 to {about["divided_by"]}
values = (image / about["divided_by"])[None].astype(np.float32)
(outputs,) = model.run(["outputs"], {{"values": values}})
"""
        return lines + SOFTMAX
    if task == "frames":
        return _frames(made)
    if task == "series":
        return (
            """window = np.zeros((about["window"], len(about["inputs"])))  # oldest row first
values = ((window - about["shift"]) / about["scale"])[None].astype(np.float32)
(outputs,) = model.run(["outputs"], {"values": values})
"""
            + NUMBER
        )
    return _sequence(made, about)


def _sequence(made: Architecture, about: dict[str, Any]) -> str:
    columns = ", ".join(about["columns"])
    lines = f"""sequence = np.zeros((10, len(about["columns"])))  # {columns}; oldest first, NaN where missing
scaled = (sequence - about["shift"]) / about["scale"]
features = np.nan_to_num(np.clip(scaled, -about["far"], about["far"]))
"""
    if about["mask"]:
        lines += "features = np.concatenate([features, np.isnan(scaled)], axis=1)\n"
    most = about["steps"] or about["cut"]["length"]
    if most:
        lines += f"features = features{_ends({'length': most, 'side': about['cut']['side']})}\n"
    lines += "length = len(features)\n"
    if about["steps"]:
        lines += f"features = np.pad(features, ((0, {about['steps']} - length), (0, 0)))\n"
    lines += """given = {"values": features[None].astype(np.float32), "lengths": np.array([length])}
(outputs,) = model.run(["outputs"], given)
"""
    return lines + _answer(made, about)


BEST = """path = outputs[0, :, : len(about["classes"])].argmax(axis=1).tolist()
"""
CHAIN = """best, back = outputs[0, 0] + chain["start"], []
for step in outputs[0, 1:]:
    ways = best[:, None] + chain["transitions"]
    back.append(ways.argmax(axis=0))
    best = ways.max(axis=0) + step
path = [int((best + chain["end"]).argmax())]
for places in reversed(back):
    path.insert(0, int(places[path[0]]))
"""
OPEN_CHAIN = """chain = json.loads(Path("transitions.json").read_text(encoding="utf-8"))
chain = {name: np.array(part) for name, part in chain.items()}
"""


def _path(made: Architecture, lines: str) -> str:
    """Return lines that end in the classes of each step."""
    best = OPEN_CHAIN + CHAIN if made.settings.crf else BEST
    return lines + best + 'answer = [about["classes"][label] for label in path]\n'


def _frames(made: Architecture) -> str:
    return _path(made, """strip = np.zeros((about["height"], 40))  # brightness, any width
values = (strip.T / about["divided_by"])[None].astype(np.float32)
(outputs,) = model.run(["outputs"], {"values": values, "lengths": np.array([values.shape[1]])})
""")  # fmt: skip


def tagged(made: Architecture) -> str:
    lines = """known = json.loads(Path(about["vocabulary"]).read_text(encoding="utf-8"))
place = {word: number for number, word in enumerate(known["words"], about["first"])}
sentence = "a sentence".split()  # words and signs apart
ids = [place.get(word.lower(), about["unknown"]) for word in sentence]
given = {"tokens": np.array([ids]), "lengths": np.array([len(ids)])}
"""
    if made.spelling:
        lines += """letters = {letter: number for number, letter in enumerate(known["characters"], about["first"])}
given["characters"] = np.zeros((1, len(ids), max(map(len, sentence))), np.int64)
for row, word in enumerate(sentence):
    given["characters"][0, row, : len(word)] = [letters.get(letter, about["unknown"]) for letter in word]
"""
    return _path(made, lines + '(outputs,) = model.run(["outputs"], given)\n')


def continued(made: Architecture) -> str:
    shape = f"({made.settings.layers}, 1, {made.settings.hidden})"
    return f"""units = next(iter(json.loads(Path(about["vocabulary"]).read_text(encoding="utf-8")).values()))
place = {{unit: number for number, unit in enumerate(units)}}
text = list("The ") if about["unit"] == "characters" else "the".split()
parts = {names(parts_of(made.settings.cell))}
state = {{f"{{part}}_0": np.zeros({shape}, np.float32) for part in parts}}
ids = [place.get(unit, about["unknown"]) for unit in text]
for _ in range(20):
    names = ["log_probabilities", *(f"{{part}}_n" for part in parts)]
    log_p, *after = model.run(names, {{"tokens": np.array([ids]), **state}})
    state = dict(zip(state, after))
    log_p[0, -1, about["unknown"] : about["unknown"] + 1] = -np.inf
    ids = [int(log_p[0, -1, : len(units)].argmax())]  # or drawn: np.random.choice(len(units), p=...)
    text.append(units[ids[0]])
answer = text
"""
