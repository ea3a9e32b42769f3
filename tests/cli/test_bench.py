"""`rekur bench` at tiny sizes: what it compares, what it prints, and what it says of a wrong request."""

import json

import numpy as np
import pytest
import torch

from rekur import engine
from rekur.bench import infer, layers, lengths, memory, steps, tables, timing
from rekur.bench import train as training
from rekur.cli import main
from rekur.data.datasets import imdb

TINY = lengths.Sizes(N=4, longest=12, I=3, H=5)
native = pytest.mark.skipif(not engine.SETS, reason="the native engine was not built")


@pytest.fixture(autouse=True)
def _as_before():
    """A bench sets threads, precision and engine for its process."""
    threads, precision, selected = torch.get_num_threads(), torch.get_float32_matmul_precision(), engine.selected()
    yield
    torch.set_num_threads(threads)
    torch.set_float32_matmul_precision(precision)
    engine.select(selected)


@pytest.fixture
def ran(capsys):
    """Run `rekur bench` and return its exit code, stdout and stderr."""

    def run(*argv):
        code = main(["bench", *map(str, argv)])
        shown = capsys.readouterr()
        assert "Traceback" not in shown.err
        return code, shown.out, shown.err

    return run


@pytest.fixture
def measured(ran):
    """Run `rekur bench ... --json`, which must succeed, and return its one object."""

    def run(*argv):
        code, out, err = ran(*argv, "--json")
        assert code == 0, err
        assert out.count("\n") == 1
        return json.loads(out)

    return run


# layers


def test_layers_are_timed_beside_torch_and_a_product(measured):
    found = measured("layers", "--cells", "gru,lstm", "--shapes", "3x4x2x5,2x3x4x256", "--threads", "1", "--repeats", 1)
    assert found.keys() == {"machine", "layers", "means", "notes"}
    assert [(row["cell"], row["H"]) for row in found["layers"]] == [
        ("gru", 5),
        ("gru", 256),
        ("lstm", 5),
        ("lstm", 256),
    ]
    for row in found["layers"]:
        shape = steps.Shape(*(row[letter] for letter in "NTIH"))
        assert row["agrees"]
        assert row["ratio"] == pytest.approx(row["seconds"]["torch"] / row["seconds"]["rekur"])
        speed = shape.flop(row["cell"]) / row["seconds"]["rekur"]
        assert row["roofline"] == pytest.approx(speed / row["flop_per_second"]["product"])
    gru = [row["ratio"] for row in found["layers"][:2]]
    assert [(row["cell"], row["shapes"], row["count"]) for row in found["means"]] == [
        ("gru", "all", 2), ("gru", "H >= 256", 1), ("lstm", "all", 2), ("lstm", "H >= 256", 1),
    ]  # fmt: skip
    assert found["means"][0]["ratio"] == pytest.approx(np.sqrt(gru[0] * gru[1]))
    assert found["means"][0]["least"] == min(gru)


@pytest.mark.parametrize(("noise", "count"), [(1.02, 0), (0.95, 0), (1.5, 1), (0.5, 1)])
def test_a_busy_machine_is_said_to_be_one(noise, count):
    assert len(layers.notes([{"noise": 1.0}, {"noise": noise}])) == count


def test_flop_are_those_of_forward_and_twice_of_backward():
    assert steps.Shape(2, 3, 4, 5).flop("lstm") == 3 * 2 * (2 * 3 * 4 * 5 * (4 + 5))


def test_medium_is_timed_beside_torchs_own_bfloat16(measured):
    found = measured(
        "layers", "--cells", "gru", "--shapes", "3x4x2x5", "--threads", 1, "--repeats", 1, "--precision", "medium"
    )
    (row,) = found["layers"]
    assert row["seconds"].keys() == {"torch", "rekur", "torch bfloat16"}
    assert row["ratio_bfloat16"] == pytest.approx(row["seconds"]["torch bfloat16"] / row["seconds"]["rekur"])
    assert torch.get_float32_matmul_precision() in ("highest", "medium")


def test_only_rekur_is_asked_for_less_than_the_highest_precision():
    trainings = layers.trained("gru", steps.Shape(2, 3, 4, 5), "high")
    seen = {}
    for name, step in trainings.items():
        step.before()
        seen[name] = torch.get_float32_matmul_precision()
    assert seen == {"torch": "highest", "rekur": "high"}


def test_a_table_for_people_leaves_empty_columns_out(ran):
    code, out, err = ran("layers", "--cells", "rnn", "--shapes", "3x4x2x5", "--threads", "1", "--repeats", "1")
    assert code == 0
    assert all(column in out for column in ("times", "roofline", "torch / torch", "gradients", "3x4x2x5", "all (1)"))
    assert "bf16" not in out
    assert "times" in err  # each row is told as it comes


def test_a_wrong_kernel_cannot_look_fast(ran, monkeypatch):
    original = steps.twins

    def wrong(cell, inputs, hidden):
        theirs, ours = original(cell, inputs, hidden)
        torch.nn.init.ones_(ours.weight_hh_l0)
        return theirs, ours

    monkeypatch.setattr(layers, "twins", wrong)
    code, out, _ = ran("layers", "--cells", "gru", "--shapes", "3x4x2x5", "--threads", "1", "--repeats", "1")
    assert code == 1
    assert "WRONG" in out


def test_not_a_number_is_no_agreement():
    layer = torch.nn.GRU(2, 3)
    x, d = torch.ones(4, 1, 2), torch.ones(4, 1, 3)
    right, wrong = steps.Training(layer, x, layers.outputs, d), steps.Training(layer, x, layers.outputs, d * torch.nan)
    assert steps.errors(right, right)["agrees"]
    assert not steps.errors(wrong, right)["agrees"]


# lengths


def test_lengths_are_timed_beside_packed_and_padded(measured):
    found = measured("layers", "--lengths", "--cells", "gru", "--threads", "1", "--repeats", "1", "--quick")
    assert found.keys() == {"machine", "lengths", "together"}
    assert [row["batch"] for row in found["lengths"]] == ["bucketed"] * 5 + ["longest", "unsorted"]
    assert all(row["agrees"] and 0 < row["filled"] <= 1 for row in found["lengths"])
    (sums,) = found["together"]
    for form in ("packed", "padded", "lengths"):
        assert sums["seconds"][form] == pytest.approx(sum(row["seconds"][form] for row in found["lengths"][:5]))
    assert sums["ratio_packed"] == pytest.approx(sums["seconds"]["packed"] / sums["seconds"]["lengths"])


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_all_forms_of_unlike_lengths_give_the_same_gradients(cell):
    trainings = lengths.trained(cell, np.array([5, 1, 9, 3]), TINY, "highest")
    for form in ("packed", "lengths"):
        assert steps.errors(trainings[form], trainings["padded"])["errors"]["gradients"] < 1e-5


def test_drawn_lengths_are_those_of_imdb():
    drawn = lengths.draw(20_000, 1000, np.random.default_rng(0))
    assert drawn.min() >= 10
    assert drawn.max() == 1000
    assert np.median(drawn) == pytest.approx(173, rel=0.03)
    bucketed = lengths.batches(lengths.FULL)[:5]
    longest = [batch.max() for _, batch in bucketed]
    assert longest == sorted(longest)
    assert min(batch.mean() / batch.max() for _, batch in bucketed[1:4]) > 0.9


@pytest.mark.data
def test_the_stored_quantiles_are_those_of_the_reviews():
    words = imdb.load("train").texts.str.replace_all("<br />", " ").str.count_matches(r"\S+").to_numpy()
    assert np.quantile(words, np.linspace(0, 1, 101)).round().astype(int).tolist() == list(lengths.QUANTILES)


# memory


def test_memory_is_that_of_a_step_in_a_process_of_its_own(measured):
    found = measured("layers", "--memory", "--cells", "gru", "--shapes", "64x100x16x256", "--threads", "1")
    (row,) = found["memory"]
    outputs = 64 * 100 * 256 * 4 / 1e6  # MB a step holds at least
    assert all(outputs < row["megabytes"][form]["steps"] < row["megabytes"][form]["peak"] for form in memory.FORMS)
    assert row["ratio"] == row["megabytes"]["rekur"]["peak"] / row["megabytes"]["torch"]["peak"]


# infer


def test_forward_passes_agree_with_torch(measured):
    found = measured("infer", "--quick", "--threads", "1", "--repeats", "1")
    forms = {"torch", "rekur"}
    forms |= {"rekur, NumPy"} if engine.selected() != "torch" else set()
    forms |= {"onnxruntime"} if infer.has_onnxruntime() else set()
    assert [(row["cell"], row["directions"], row["N"]) for row in found["infer"]] == [
        (cell, D, N) for cell, D in (("rnn", 1), ("gru", 1), ("lstm", 1), ("lstm", 2)) for N in (1, 64)
    ]
    for row in found["infer"]:
        assert row["seconds"].keys() == row["errors"].keys() == forms
        assert max(row["errors"].values()) < 1e-5
        assert row["ratios"]["rekur"]["torch"] == row["seconds"]["torch"] / row["seconds"]["rekur"]


def test_without_onnxruntime_it_says_how_to_get_it(ran, monkeypatch):
    monkeypatch.setattr(infer, "has_onnxruntime", lambda: False)
    code, out, err = ran("infer", "--quick", "--cells", "rnn", "--threads", "1", "--repeats", "1", "--json")
    assert code == 0
    assert "pip install 'rekur[onnx]'" in err
    found = json.loads(out)
    assert infer.MISSING in found["notes"]
    assert "onnxruntime" not in found["infer"][0]["seconds"]


def test_wrong_logits_are_seen(ran, monkeypatch):
    by_torch = infer._by_torch
    monkeypatch.setattr(
        infer, "_by_torch", lambda model, tokens: by_torch(model, tokens) + isinstance(model.layer, infer.rekur.nn.GRU)
    )
    code, out, _ = ran("infer", "--quick", "--cells", "gru", "--threads", "1", "--repeats", "1")
    assert code == 1
    assert "WRONG" in out


# train


@native
@pytest.mark.parametrize("limit", [("--batches", "2"), ("--epochs", "1")])
def test_recipes_are_trained_by_both_engines(measured, limit):
    found = measured("train", "--quick", "--recipes", "mnist-bilstm", "--threads", "1", *limit)
    (row,) = found["train"]
    assert list(row["engines"]) == ["torch", training.native_engine()]
    theirs, ours = row["engines"].values()
    assert theirs["batches"] == ours["batches"] >= 2
    assert abs(theirs["accuracy"] - ours["accuracy"]) < 0.05
    assert ours["epoch"] > 0
    assert row["ratio"] > 0


def test_without_the_native_engine_there_is_nothing_to_compare(ran, monkeypatch):
    monkeypatch.setattr(engine, "SETS", ())
    monkeypatch.setattr(engine, "reason", "no compiler")
    code, out, err = ran("train", "--quick", "--recipes", "mnist-bilstm")
    assert (code, out) == (2, "")
    assert "no compiler" in err
    assert "rekur check" in err


# requests


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["layers", "--cells", "gru,lstn"], "Did you mean `lstm`?"),
        (["layers", "--shapes", "64x200"], "expected NxTxIxH, four sizes of 1 or more; got `64x200`"),
        (["layers", "--shapes", "0x2x3x4"], "Example: 64x200x128x256"),
        (["layers", "--threads", "1,none"], "expected whole numbers of 1 or more, joined by commas; got `1,none`"),
        (["layers", "--precision", "hihg"], "Did you mean `high`?"),
        (["layers", "--lengths", "--shapes", "1x2x3x4"], "--shapes is for --padded and --memory"),
        (["layers", "--repeats", "0"], "--repeats"),
        (["infer", "--threads", "0"], "--threads"),
        (["train", "--recipes", "imdb-gruu"], "Did you mean `imdb-gru`?"),
        (["train", "--batches", "1", "--epochs", "1"], "give one of them"),
        (["text-speed"], "text-speed"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_wrong_request_says_what_to_do(ran, argv, message):
    code, out, err = ran(*argv)
    assert (code, out) == (2, "")
    assert message in err


@native
def test_a_recipe_without_an_accuracy_is_refused(ran):
    code, _, err = ran("train", "--quick", "--recipes", "kospi-gru")
    assert code == 2
    assert "expected a recipe that classifies; got `kospi-gru`" in err


# timing


class Work:
    """Steps that move a clock of their own instead of taking time."""

    def __init__(self):
        self.now, self.order = 0.0, []

    def form(self, name, *seconds):
        taken = iter(seconds)

        def step():
            self.order.append(name)
            self.now += next(taken)

        return timing.Form(name, step)


def test_forms_take_turns_after_a_warm_up_and_their_median_counts():
    work = Work()
    forms = [work.form("a", 5.0, 1.0, 2.0, 9.0), work.form("b", 5.0, 3.0, 3.0, 3.0)]
    found = timing.take_turns(forms, 3, lambda: work.now)
    assert found["a"].turns == (1.0, 2.0, 9.0)
    assert (found["a"].seconds, found["b"].seconds) == (2.0, 3.0)
    assert [sorted(work.order[at : at + 2]) for at in range(0, 8, 2)] == [["a", "b"]] * 4


def test_short_work_is_repeated_within_a_turn():
    work = Work()
    found = timing.take_turns([work.form("a", 0.5, *[timing.LEAST / 3.5] * 10)], 1, lambda: work.now)
    assert found["a"].seconds == pytest.approx(timing.LEAST / 3.5)
    assert len(work.order) == 2 + 1 + 4  # two to warm up, one not timed, four to fill the turn


def test_work_that_takes_too_long_is_done_once():
    work = Work()
    found = timing.take_turns([work.form("a", 2 * timing.TOO_LONG), work.form("b", 2.0, 1.0, 1.0)], 2, lambda: work.now)
    assert len(found["a"].turns) == 1
    assert work.order.count("a") == 1
    row = {"seconds": {name: timed.seconds for name, timed in found.items()}, "repeats": {"packed": 1}}
    assert tables._once(row, "packed") == " (once)"


def test_twice_as_fast_and_half_as_fast_is_as_fast():
    assert timing.geometric_mean([2.0, 0.5]) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("seconds", "text"), [(1234.0, "1,234 s"), (2.5, "2.5 s"), (0.0123, "12.3 ms"), (45e-6, "45 us")]
)
def test_durations_are_written_in_the_unit_that_suits_them(seconds, text):
    assert tables.duration(seconds) == text
