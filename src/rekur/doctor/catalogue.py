"""Every check by its name: the file in doctor/checks, the page in docs/doctor, the codes it may give.

Torch-free: a file of checks is imported when it is needed, so that a table is examined without torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Check:
    """One check: `doctor/checks/<name>.py` has a function `of_<part>` for each part of a patient it reads."""

    name: str
    title: str
    reads: tuple[str, ...]  # fields of rekur.doctor.patient.Patient
    codes: Mapping[str, str]  # code -> the fault in a few words
    cheap: bool = True  # quick enough for the end of every run


CHECKS: tuple[Check, ...] = (
    Check(
        "padding",
        "Padding or neighbours change the answer",
        ("model",),
        {
            "RK-PAD-01": "the readout reads the padding",
            "RK-PAD-02": "what lies behind a length changes the answer",
            "RK-PAD-03": "padding changes the answer",
            "RK-PAD-04": "the other examples of the batch change the answer",
        },
    ),
    Check(
        "batch_axis",
        "Batch taken for time",
        ("model",),
        {
            "RK-AXIS-01": "the layer takes the batch for time",
            "RK-AXIS-02": "one prediction a step where one an example is wanted",
            "RK-AXIS-03": "which axis counts the examples is not said",
        },
    ),
    Check(
        "future",
        "The future leaks",
        ("model",),
        {"RK-FUT-01": "an output depends on later steps", "RK-FUT-02": "a bidirectional layer in a causal model"},
    ),
    Check(
        "gradients",
        "Gradients do not arrive",
        ("model",),
        {
            "RK-GRAD-01": "the loss never reaches the first steps",
            "RK-GRAD-02": "the gradient fades on its way back",
            "RK-GRAD-03": "the gradient explodes",
            "RK-GRAD-04": "denormal gradients slow the training",
        },
        cheap=False,
    ),
    Check(
        "squashing",
        "Squashed twice",
        ("model",),
        {
            "RK-SQUASH-01": "a sigmoid or softmax before a loss that squashes again",
            "RK-SQUASH-02": "the loss wants probabilities and gets logits",
            "RK-SQUASH-03": "the outputs cannot reach the targets",
        },
    ),
    Check(
        "regularisation",
        "Regularisation that does nothing",
        ("model",),
        {
            "RK-REG-01": "the result of dropout is thrown away",
            "RK-REG-02": "dropout between layers of a single layer",
            "RK-REG-03": "dropout is configured and changes nothing",
            "RK-REG-04": "dropout stays on in evaluation",
            "RK-REG-05": "weight decay on nothing",
        },
    ),
    Check(
        "parameters",
        "Dead parameters",
        ("model",),
        {
            "RK-DEAD-01": "a parameter that never gets a gradient",
            "RK-DEAD-02": "a frozen parameter",
            "RK-DEAD-03": "a parameter that no optimizer steps",
            "RK-DEAD-04": "a parameter that the optimizer has twice",
            "RK-DEAD-05": "an optimizer over parameters of another model",
        },
    ),
    Check(
        "learning",
        "Cannot learn one batch",
        ("model",),
        {
            "RK-LEARN-01": "the model cannot learn a single batch",
            "RK-LEARN-02": "the first loss is far from that of a guess",
            "RK-LEARN-03": "targets that do not fit the outputs",
            "RK-LEARN-04": "cross-entropy over the wrong axis",
        },
        cheap=False,
    ),
    Check(
        "state",
        "State carried wrongly",
        ("model",),
        {
            "RK-STATE-01": "the last step of a backward direction is read",
            "RK-STATE-02": "one direction of a bidirectional layer is not read",
            "RK-STATE-03": "the state is carried between unrelated batches",
            "RK-STATE-04": "the carried state keeps its graph",
            "RK-STATE-05": "the state given is not used",
            "RK-STATE-06": "the initial state is drawn at random",
            "RK-STATE-07": "a cut sequence does not go on where it was cut",
        },
        cheap=False,
    ),
    Check(
        "backward",
        "Wrong backward pass",
        ("model", "by_hand"),
        {"RK-BACK-01": "a hand-written gradient is not that of the loss"},
        cheap=False,
    ),
    Check(
        "saturation",
        "Forget gate, initial scale, saturation",
        ("model",),
        {
            "RK-SAT-01": "saturated units",
            "RK-SAT-02": "a forget gate that starts out forgetting",
            "RK-SAT-03": "inputs out of scale",
        },
        cheap=False,
    ),
    Check(
        "leaks",
        "Test data seen in training",
        ("tables", "run"),
        {
            "RK-LEAK-01": "test examples that were trained on",
            "RK-LEAK-02": "near-copies of training examples in the test part",
            "RK-LEAK-03": "a scaler fitted beyond the training part",
            "RK-LEAK-04": "a vocabulary or document frequencies fitted beyond the training part",
            "RK-LEAK-05": "a group that lies on both sides of the split",
            "RK-LEAK-06": "test examples older than training examples",
        },
    ),
    Check(
        "shifted",
        "The forecast is the past, shifted",
        ("forecast",),
        {
            "RK-SHIFT-01": "the forecast is a value of the past, shifted",
            "RK-SHIFT-02": "the forecast is worse than repeating the last value",
            "RK-SHIFT-03": "the forecast is hardly more than the last value",
            "RK-SHIFT-04": "the forecast is a value further back, and better than the last one",
        },
    ),
    Check(
        "chance",
        "Chance, or too good",
        ("classes", "run", "tables"),
        {
            "RK-CHANCE-01": "no better than the commonest class",
            "RK-CHANCE-02": "one feature gives the answer away",
            "RK-CHANCE-03": "right on shuffled labels, too",
            "RK-CHANCE-04": "hardly better than the commonest class",
        },
    ),
    Check(
        "schedule",
        "Learning rate and schedule that do nothing",
        ("source", "run", "model"),
        {
            "RK-RATE-01": "a setting that is defined and never used",
            "RK-RATE-02": "a schedule that is never stepped",
            "RK-RATE-03": "an optimizer built before the model it should train",
            "RK-RATE-04": "a loss that is flat from the first step",
            "RK-RATE-05": "gradients that are never cleared, or steps that are never taken",
            "RK-RATE-06": "a learning rate that moves no weight",
        },
    ),
    Check(
        "target",
        "The target is its own input",
        ("model",),
        {
            "RK-TARGET-01": "the target of a step is the step itself",
            "RK-TARGET-02": "the target stands among the inputs",
        },
    ),
    Check(
        "log",
        "Training log oddities",
        ("run", "source"),
        {
            "RK-LOG-01": "the test part evaluated again with no training between",
            "RK-LOG-02": "a loss divided by the wrong count",
            "RK-LOG-03": "the best model chosen on the test part",
            "RK-LOG-04": "no validation part",
        },
    ),
    Check(
        "data",
        "Plain data",
        ("tables",),
        {
            "RK-DATA-01": "text that is not what it was when written",
            "RK-DATA-02": "labels that differ by case or space alone",
            "RK-DATA-03": "classes out of balance",
            "RK-DATA-04": "texts cut short",
            "RK-DATA-05": "words the vocabulary does not know",
            "RK-DATA-06": "gaps or repeats in the dates",
            "RK-DATA-07": "a jump in the unit",
            "RK-DATA-08": "a constant column",
            "RK-DATA-09": "empty or missing values",
        },
    ),
)
NOT_RUN = "RK-NOTE-01"  # the note of a check that could not run

BY_NAME = {check.name: check for check in CHECKS}
