"""`rekur doctor`: every kind of patient, JSON, exit codes, wrong requests."""

import json
import math
import shutil

import polars as pl
import pytest

from finished_runs import finished
from rekur.cli import main

TUTORIAL = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.emb, self.rnn = nn.Embedding(50, 16), nn.RNN(16, 32, batch_first=True)
        self.fc = nn.Linear(32, 2)
    def forward(self, x):
        out, _ = self.rnn(self.emb(x))
        return self.fc(out[:, -1])

class Mended(Net):
    def forward(self, x):
        inside = (x != 0).unsqueeze(2).float()
        out, _ = self.rnn(self.emb(x))
        return self.fc((out * inside).sum(1) / inside.sum(1))

torch.manual_seed(0)
x = torch.randint(1, 50, (16, 20))
x[torch.arange(20) >= torch.randint(5, 21, (16, 1))] = 0
batch = x, torch.randint(0, 2, (16,))
"""


@pytest.fixture
def tutorial(tmp_path):
    path = tmp_path / "tutorial.py"
    path.write_text(TUTORIAL, encoding="utf-8")
    return f"{path}:Net", f"--batch={path}:batch", f"{path}:Mended"


def asked(capsys, *words):
    code = main(["doctor", *map(str, words)])
    return code, capsys.readouterr()


def test_a_faulty_model_ends_with_6_and_says_why(capsys, tutorial):
    code, said = asked(capsys, tutorial[0], tutorial[1])
    assert code == 6
    assert "RK-PAD-01" in said.out
    assert "docs/doctor/padding.md" in said.out


def test_a_sound_model_ends_with_0(capsys, tutorial):
    code, said = asked(capsys, tutorial[2], tutorial[1])
    assert code == 0, said.out
    assert "No fault found" in said.out


def test_json_is_one_object(capsys, tutorial):
    code, said = asked(capsys, tutorial[0], tutorial[1], "--json")
    found = json.loads(said.out)
    assert code == 6
    assert found["counts"]["fault"] == sum(f["severity"] == "fault" for f in found["findings"]) >= 1
    keys = {"code", "severity", "check", "sentence", "evidence", "cure", "page", "curve"}
    assert all(set(finding) == keys for finding in found["findings"])


def test_only_and_skip_choose_checks_and_codes(capsys, tutorial):
    assert asked(capsys, tutorial[0], tutorial[1], "--skip", "padding")[0] == 0
    assert asked(capsys, tutorial[0], tutorial[1], "--only", "RK-PAD-01")[0] == 6
    assert asked(capsys, tutorial[0], tutorial[1], "--only", "batch_axis")[0] == 0


def test_a_run_folder_is_examined(capsys):
    code, said = asked(capsys, finished("kospi-rnn"), "--json")
    assert code == 6
    codes = {finding["code"] for finding in json.loads(said.out)["findings"]}
    assert "RK-LEAK-03" in codes  # the scaler was fitted on all days


def test_a_run_names_its_faults_at_its_end(capsys, tmp_path):
    assert (
        main(["run", "hello-rnn", "--out", str(tmp_path / "run"), "--epochs", "20", "--quiet", "--threads", "1"]) == 0
    )
    assert "Doctor: RK-TARGET-01; `rekur doctor" in capsys.readouterr().out


def test_a_forecast_table_is_examined(capsys, tmp_path):
    steps = [math.sin(i * i) for i in range(200)]
    walk = [sum(steps[: i + 1]) for i in range(200)]
    path = tmp_path / "table.csv"
    pl.DataFrame({"y": walk[1:], "yhat": walk[:-1], "half": [v / 2 for v in walk[1:]]}).write_csv(path)
    code, said = asked(capsys, "--forecast", path)
    assert code == 6
    assert "RK-SHIFT-01" in said.out
    assert asked(capsys, "--forecast", path, "--prediction", "yhatt")[0] == 2


def test_a_data_file_is_examined(capsys, tmp_path):
    path = tmp_path / "reviews.csv"
    rows = {"review": [f"this film was number {i} and fine" for i in range(40)], "sentiment": ["good", "Good "] * 20}
    pl.DataFrame(rows).write_csv(path)
    code, said = asked(capsys, "--data", path, "--text", "review", "--label", "sentiment")
    assert code == 6
    assert "RK-DATA-02" in said.out


def test_what_a_patient_prints_stays_off_stdout(capsys, tmp_path):
    path = tmp_path / "noisy.py"
    path.write_text(
        TUTORIAL.replace("def forward(self, x):", "def forward(self, x):\n        print(x.shape)") + "print(1)\n"
    )
    code, said = asked(capsys, f"{path}:Net", f"--batch={path}:batch", "--json")
    assert code == 6
    assert json.loads(said.out)["counts"]["fault"] >= 1


def test_where_nothing_could_be_examined_no_health_is_claimed(capsys, tmp_path):
    path = tmp_path / "broken.py"
    path.write_text(TUTORIAL + "from torch.utils.data import DataLoader\nloader = DataLoader([1, 2])\n")
    code, said = asked(capsys, f"{path}:Net", f"--batch={path}:loader")
    assert code == 2
    assert "next(iter(loader))" in said.out
    assert "Nothing was examined" in said.err
    assert "No fault" not in said.out


def test_a_page_is_written(capsys, tutorial, tmp_path):
    assert asked(capsys, tutorial[0], tutorial[1], "--html", tmp_path / "found.html")[0] == 6
    assert "RK-PAD-01" in (tmp_path / "found.html").read_text(encoding="utf-8")
    assert asked(capsys, tutorial[0], tutorial[1], "--html", tmp_path)[0] == 2


def test_a_test_file_with_other_columns_is_refused(capsys, tmp_path):
    pl.DataFrame({"review": ["a fine film this was"] * 3, "label": [0, 1, 0]}).write_csv(tmp_path / "a.csv")
    pl.DataFrame({"text": ["a fine film this was"] * 3, "label": [0, 1, 0]}).write_csv(tmp_path / "b.csv")
    code, said = asked(capsys, "--data", tmp_path / "a.csv", "--test", tmp_path / "b.csv", "--text", "review")
    assert code == 2
    assert "b.csv has no column `review`" in said.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "Give one patient"),
        (["runs/nothing"], "no run folder"),
        (["model.py"], "model.py:build"),
        (["model.py:build"], "no file model.py"),
        (["--batch", "model.py:batch"], "Give one patient"),
        (["--forecast", "table.csv", "--batch", "model.py:batch"], "--batch belongs to a model"),
        (["--forecast", "table.csv", "--data", "data.csv"], "Give one patient"),
        (["--forecast", "nothing.csv"], "nothing.csv"),
        (["--data", "nothing.csv"], "nothing.csv"),
        (["--data", "nothing.csv", "--horizon", "2"], "--horizon belongs to a table of forecasts"),
        (["C:\\runs\\kospi-1"], "no run folder"),
    ],
)
def test_wrong_requests_end_with_2(capsys, tmp_path, monkeypatch, words, said):
    monkeypatch.chdir(tmp_path)
    code, printed = asked(capsys, *words)
    assert code == 2
    assert said in printed.err
    assert "Traceback" not in printed.err


@pytest.mark.parametrize("name", ["vocabulary.json", "classes.json", "model.safetensors"])
def test_a_run_that_cannot_predict_is_refused_as_a_prediction_is(capsys, tmp_path, name):
    run = shutil.copytree(finished("nsmc-sample"), tmp_path / "run")
    (run / name).write_text("{}", encoding="utf-8")
    code, said = asked(capsys, run)
    assert (code, said.out) == (5, "")
    assert main(["predict", str(run), "x"]) == 5
    assert capsys.readouterr().err == said.err
