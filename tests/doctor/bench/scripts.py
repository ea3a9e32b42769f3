"""Training scripts, read and not run."""

from __future__ import annotations

from .registry import Parts, faulty, given, sound

MODEL = """
import torch
import torch.nn as nn
import torch.optim as optim
from torch.utils.data import DataLoader
from data import train_set, val_set, test_set

class Net(nn.Module):
    def __init__(self, hidden_size):
        super().__init__()
        self.embedding = nn.Embedding(10000, 100)
        self.lstm = nn.LSTM(100, hidden_size, batch_first=True)
        self.fc = nn.Linear(hidden_size, 2)

    def forward(self, x):
        _, (h, _) = self.lstm(self.embedding(x))
        return self.fc(h[-1])

train_loader = DataLoader(train_set, batch_size=64, shuffle=True)
val_loader = DataLoader(val_set, batch_size=64)
test_loader = DataLoader(test_set, batch_size=64)
device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
"""
EVALUATE = """
def evaluate(model, loader):
    model.eval()
    right = total = 0
    with torch.no_grad():
        for x, y in loader:
            right += (model(x.to(device)).argmax(1) == y.to(device)).sum().item()
            total += len(y)
    return right / total
"""
LOOP = """
HIDDEN = 128
LEARNING_RATE = 1e-3
EPOCHS = 10
model = Net(HIDDEN).to(device)
criterion = nn.CrossEntropyLoss()
optimizer = optim.Adam(model.parameters(), lr=LEARNING_RATE)
scheduler = optim.lr_scheduler.StepLR(optimizer, step_size=3, gamma=0.5)
best = 0.0
for epoch in range(EPOCHS):
    model.train()
    running = 0.0
    for x, y in train_loader:
        x, y = x.to(device), y.to(device)
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        running += loss.item()
    scheduler.step()
    accuracy = evaluate(model, val_loader)
    print(f"epoch {epoch}: loss {running / len(train_loader):.4f}, accuracy {accuracy:.3f}")
    if accuracy > best:
        best = accuracy
        torch.save(model.state_dict(), "best.pt")
model.load_state_dict(torch.load("best.pt"))
print("test accuracy", evaluate(model, test_loader))
"""
SCRIPT = MODEL + EVALUATE + LOOP


def changed(*changes: tuple[str, str]) -> Parts:
    """Return the sound script with some of its text replaced."""
    text = SCRIPT
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return given(source=text)


@sound
def a_training_with_validation() -> Parts:
    return given(source=SCRIPT)


@sound
def weighted_by_the_batch_size() -> Parts:
    return changed(
        ("running += loss.item()", "running += loss.item() * len(y)"),
        ("running / len(train_loader)", "running / len(train_loader.dataset)"),
    )


@sound
def one_cycle_stepped_every_batch() -> Parts:
    return changed(
        (
            "StepLR(optimizer, step_size=3, gamma=0.5)",
            "OneCycleLR(optimizer, 1e-2, total_steps=10 * len(train_loader))",
        ),
        (
            "        running += loss.item()\n    scheduler.step()",
            "        scheduler.step()\n        running += loss.item()",
        ),
    )


@sound
def test_loss_watched_and_no_choice_made() -> Parts:
    return changed(
        ("    accuracy = evaluate(model, val_loader)", "    accuracy = evaluate(model, test_loader)"),
        ("    if accuracy > best:\n        best = accuracy\n", "    if epoch == EPOCHS - 1:\n"),
        ("best = 0.0\n", ""),
    )


@sound
def several_batches_to_a_step() -> Parts:
    return changed(
        ("    for x, y in train_loader:\n", "    for i, (x, y) in enumerate(train_loader):\n"),
        ("        optimizer.zero_grad()\n", ""),
        ("        loss.backward()\n", "        (loss / 4).backward()\n"),
        (
            "        optimizer.step()\n",
            "        if (i + 1) % 4 == 0:\n            optimizer.step()\n            optimizer.zero_grad()\n",
        ),
    )


@sound
def functions_with_arguments_from_the_command_line() -> Parts:
    return given(
        source=MODEL
        + EVALUATE
        + """
import argparse

def train_epoch(model, loader, optimizer, loss_fn, clip):
    model.train()
    total, count = 0.0, 0
    for batch in loader:
        x, y = (t.to(device) for t in batch)
        loss = loss_fn(model(x), y)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), clip)
        optimizer.step()
        total += loss.item() * x.size(0)
        count += x.size(0)
    return total / count

def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--clip", type=float, default=0.25)
    parser.add_argument("--hidden", type=int, default=200)
    args = parser.parse_args()
    torch.manual_seed(1)
    model = Net(args.hidden).to(device)
    optimizer = torch.optim.SGD(model.parameters(), lr=args.lr, momentum=0.9)
    plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, mode="max", patience=1)
    for epoch in range(1, args.epochs + 1):
        loss = train_epoch(model, train_loader, optimizer, nn.CrossEntropyLoss(), args.clip)
        score = evaluate(model, val_loader)
        plateau.step(score)
        print(epoch, loss, score)
    print("test", evaluate(model, test_loader))

if __name__ == "__main__":
    main()
"""
    )


@sound
def numpy_with_its_own_steps() -> Parts:
    return given(
        source="""
import numpy as np

hidden_size = 100
seq_length = 25
learning_rate = 1e-1
data = open("input.txt").read()
chars = sorted(set(data))
ix = {c: i for i, c in enumerate(chars)}
Wxh = np.random.randn(hidden_size, len(chars)) * 0.01
Whh = np.random.randn(hidden_size, hidden_size) * 0.01
Why = np.random.randn(len(chars), hidden_size) * 0.01
memory = [np.zeros_like(w) for w in (Wxh, Whh, Why)]
from model import grads
h, p, smooth = np.zeros((hidden_size, 1)), 0, -np.log(1 / len(chars)) * seq_length
for n in range(100000):
    if p + seq_length + 1 >= len(data):
        h, p = np.zeros((hidden_size, 1)), 0
    inputs = [ix[c] for c in data[p : p + seq_length]]
    targets = [ix[c] for c in data[p + 1 : p + seq_length + 1]]
    loss, dW, h = grads(inputs, targets, h, (Wxh, Whh, Why))
    smooth = 0.999 * smooth + 0.001 * loss
    for w, d, m in zip((Wxh, Whh, Why), dW, memory):
        m += d * d
        w += -learning_rate * d / np.sqrt(m + 1e-8)
    p += seq_length
    if n % 1000 == 0:
        print(n, smooth)
"""
    )


@faulty("RK-RATE-01")
def learning_rate_never_used() -> Parts:
    return changed(("optim.Adam(model.parameters(), lr=LEARNING_RATE)", "optim.Adam(model.parameters())"))


@faulty("RK-RATE-01")
def drop_probability_never_used() -> Parts:
    return changed(("HIDDEN = 128\n", "HIDDEN = 128\nDROPOUT = 0.5\nWEIGHT_DECAY = 1e-4\n"))


@faulty("RK-RATE-02")
def scheduler_never_stepped() -> Parts:
    return changed(("    scheduler.step()\n", ""))


@faulty("RK-RATE-02")
def cosine_schedule_only_printed() -> Parts:
    return changed(
        ("StepLR(optimizer, step_size=3, gamma=0.5)", "CosineAnnealingLR(optimizer, T_max=EPOCHS)"),
        ("    scheduler.step()\n", "    print(scheduler.get_last_lr())\n"),
    )


@faulty("RK-RATE-03")
def model_made_again_after_the_optimizer() -> Parts:
    return changed(("best = 0.0\n", "model = Net(HIDDEN).to(device)\nbest = 0.0\n"))


@faulty("RK-RATE-05")
def gradients_never_cleared() -> Parts:
    return changed(("        optimizer.zero_grad()\n", ""))


@faulty("RK-RATE-05")
def optimizer_never_steps() -> Parts:
    return changed(("        optimizer.step()\n", ""))


@faulty("RK-LOG-01")
def the_same_test_for_five_epochs() -> Parts:
    return changed(
        (
            'print("test accuracy", evaluate(model, test_loader))',
            'for epoch in range(5):\n    print("epoch", epoch, "test accuracy", evaluate(model, test_loader))',
        )
    )


@faulty("RK-LOG-01")
def test_loop_written_out_and_repeated() -> Parts:
    loop = """model.eval()
for epoch in range(EPOCHS):
    test_loss, right = 0.0, 0
    with torch.no_grad():
        for x, y in test_loader:
            output = model(x.to(device))
            test_loss += criterion(output, y.to(device)).item()
            right += (output.argmax(1) == y.to(device)).sum().item()
    print(epoch, test_loss / len(test_loader), right / len(test_set))"""
    return changed(('print("test accuracy", evaluate(model, test_loader))', loop))


@faulty("RK-LOG-02")
def mean_losses_divided_by_the_examples() -> Parts:
    return changed(("running / len(train_loader)", "running / len(train_loader.dataset)"))


@faulty("RK-LOG-02")
def loss_divided_twice() -> Parts:
    return changed(("running += loss.item()", "running += loss.item() / len(y)"))


@faulty("RK-LOG-03")
def best_model_chosen_on_the_test_part() -> Parts:
    return changed(("accuracy = evaluate(model, val_loader)", "accuracy = evaluate(model, test_loader)"))


@faulty("RK-LOG-03")
def early_stop_on_the_test_loss() -> Parts:
    return changed(
        ("    accuracy = evaluate(model, val_loader)", "    test_acc = evaluate(model, test_loader)"),
        ("{accuracy:.3f}", "{test_acc:.3f}"),
        (
            "    if accuracy > best:\n        best = accuracy\n",
            "    if test_acc <= best:\n        wait += 1\n        if wait == 3:\n            break\n"
            "    else:\n        best, wait = test_acc, 0\n",
        ),
        ("best = 0.0\n", "best, wait = 0.0, 0\n"),
    )
