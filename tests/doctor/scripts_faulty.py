"""Training scripts with one fault each: a sound one with a few words changed, or one of its own."""

from dataclasses import dataclass

from scripts_sound import SOUND


@dataclass(frozen=True)
class Faulty:
    """A script, and the one finding it must give."""

    text: str
    code: str
    severity: str = "fault"


def _changed(name: str, *pairs: tuple[str, str]) -> str:
    text = SOUND[name]
    for old, new in pairs:
        assert old in text, (name, old)
        text = text.replace(old, new, 1)
    return text


CHAPTER_A = """
import torch
import torch.nn as nn
import torch.nn.functional as F

BATCH_SIZE = 100
learning_rate = 0.001
hidden_size = 256
train_iter, test_iter = loaders(BATCH_SIZE)

class Model(nn.Module):
    def __init__(self, hidden_dim, dropout_p=0.5):
        super().__init__()
        self.dropout = nn.Dropout(dropout_p)
        self.rnn = nn.RNN(128, hidden_dim, batch_first=True)
        self.out = nn.Linear(hidden_dim, 2)

    def forward(self, x):
        h = self.rnn(x)[0][:, -1]
        self.dropout(h)
        return torch.sigmoid(self.out(h))

def train(model, optimizer, train_iter):
    model.train()
    for b, batch in enumerate(train_iter):
        x, y = batch.text, batch.label
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        if b % 50 == 0:
            print("Train {:.4f}".format(loss.item()))

def evaluate(model, iterator):
    model.eval()
    corrects, total_loss = 0, 0
    for batch in iterator:
        logit = model(batch.text)
        loss = F.cross_entropy(logit, batch.label, reduction="sum")
        total_loss += loss.item()
        corrects += (logit.max(1)[1] == batch.label).sum()
    return total_loss / len(iterator.dataset), 100.0 * corrects / len(iterator.dataset)

model = Model(hidden_size)
optimizer = torch.optim.Adam(model.parameters(), lr=RATE)
for epoch in range(1, 6):
    train(model, optimizer, train_iter)
TESTS
"""
TESTED_FIVE_TIMES = """
for epoch in range(5):
    loss, acc = evaluate(model, test_iter)
    print("epoch %d loss %.3f accuracy %.2f" % (epoch, loss, acc))
"""

FAULTY = {
    # settings that nothing reads
    "chapter A: rate": Faulty(CHAPTER_A.replace("RATE)", "0.0001)").replace("TESTS", ""), "RK-RATE-01"),
    "default rate": Faulty(_changed("plain", (", lr=LEARNING_RATE", ""), ("1e-3", "1e-2")), "RK-RATE-01"),
    "rate as an argument by place": Faulty(
        _changed("defaults", ("lr=lr", "0.5"), ("def fit(model, loader, lr=LR)", "def fit(model, loader)")),
        "RK-RATE-01",
    ),
    "same rate again": Faulty(_changed("plain", ("lr=LEARNING_RATE", "lr=0.001")), "RK-RATE-01", "warning"),
    "hidden size": Faulty(_changed("plain", ("28, HIDDEN_SIZE", "28, 64")), "RK-RATE-01", "warning"),
    "batch size": Faulty(
        _changed(
            "plain",
            ("batch_size=BATCH_SIZE, shuffle", "batch_size=32, shuffle"),
            ("batch_size=BATCH_SIZE", "batch_size=8"),
        ),
        "RK-RATE-01",
        "warning",
    ),
    "a parameter hides the constant": Faulty(
        _changed(
            "defaults", ("lr=LR", "lr"), ("fit(Net(), loader)", "fit(Net(), loader, 0.3)"), ("LR = 0.01", "lr = 0.01")
        ),
        "RK-RATE-01",
        "warning",
    ),
    "dropout constant": Faulty(
        _changed("defaults", ("dropout=dropout", "dropout=0.5"), ("nn.Dropout(dropout)", "nn.Dropout(0.5)")),
        "RK-RATE-01",
    ),
    "weight decay in a class": Faulty(
        _changed("dataclass", (", weight_decay=self.cfg.weight_decay", ", weight_decay=0.3")), "RK-RATE-01"
    ),
    "rate in a dict": Faulty(_changed("config_dict", ('lr=config["lr"]', "lr=0.1")), "RK-RATE-01"),
    "seed in a dict": Faulty(
        _changed("config_dict", ('    torch.manual_seed(config["seed"])\n', "")), "RK-RATE-01", "warning"
    ),
    "option of the command line": Faulty(_changed("argparse", ("lr=args.lr", "lr=0.5")), "RK-RATE-01"),
    "dropout in main": Faulty(
        _changed("trainer_class", ("    epochs = 20", "    epochs = 20\n    dropout = 0.5")), "RK-RATE-01", "warning"
    ),
    "seed in a notebook": Faulty(_changed("notebook", ("torch.manual_seed(SEED)", "")), "RK-RATE-01", "warning"),
    # schedules
    "step forgotten": Faulty(_changed("plain", ("    scheduler.step()\n", "")), "RK-RATE-02"),
    "step of the schedule without parentheses": Faulty(
        _changed("plain", ("scheduler.step()", "scheduler.step")), "RK-RATE-02"
    ),
    "step of an attribute without parentheses": Faulty(
        _changed("trainer_class", ("scheduler.step(val_loss)", "scheduler.step")), "RK-RATE-02"
    ),
    "step forgotten in a class": Faulty(
        _changed("trainer_class", ("            self.scheduler.step(val_loss)\n", "")), "RK-RATE-02"
    ),
    "only printed": Faulty(
        _changed("argparse", ("        scheduler.step()", "        print(scheduler.get_last_lr())")), "RK-RATE-02"
    ),
    "handed to a function that ignores it": Faulty(
        _changed(
            "argparse",
            ("optimizer, epoch):", "optimizer, epoch, schedule=None):"),
            ("optimizer, epoch)\n", "optimizer, epoch, scheduler)\n"),
            ("        scheduler.step()\n", ""),
        ),
        "RK-RATE-02",
    ),
    "one cycle never stepped": Faulty(_changed("amp", ("            scheduler.step()\n", "")), "RK-RATE-02"),
    "not even named": Faulty(
        _changed("plain", ("scheduler = optim", "optim"), ("    scheduler.step()\n", "")), "RK-RATE-02"
    ),
    # stale parameters
    "model made after the optimizer": Faulty(
        _changed("plain", ("scheduler = ", "model = nn.LSTM(28, 32, batch_first=True)\nscheduler = ")), "RK-RATE-03"
    ),
    "model in the loop, optimizer outside": Faulty(
        _changed(
            "k_fold",
            ("    opt = torch.optim.Adam(model.parameters(), lr=lr)\n", ""),
            ("scores = []", "model = Net()\nopt = torch.optim.Adam(model.parameters(), lr=lr)\nscores = []"),
        ),
        "RK-RATE-03",
    ),
    "model made anew, optimizer read as a global": Faulty(
        """
import torch
model = Net()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
model = Net(hidden=64)
def train():
    for x, y in loader:
        optimizer.zero_grad()
        torch.nn.functional.mse_loss(model(x), y).backward()
        optimizer.step()
train()
""",
        "RK-RATE-03",
    ),
    "model loaded after the optimizer": Faulty(
        _changed("plain", ("scheduler = ", "if resume:\n    model = torch.load('model.pt')\nscheduler = ")),
        "RK-RATE-03",
        "warning",
    ),
    # gradients
    "no step": Faulty(_changed("plain", ("        optimizer.step()\n", "")), "RK-RATE-05"),
    "step without parentheses": Faulty(_changed("plain", ("optimizer.step()", "optimizer.step")), "RK-RATE-05"),
    "no step in a function": Faulty(_changed("functions", ("        optimizer.step()\n", "")), "RK-RATE-05"),
    "never cleared": Faulty(_changed("plain", ("        optimizer.zero_grad()\n", "")), "RK-RATE-05"),
    "never cleared in a class": Faulty(
        _changed("dataclass", ("                self.opt.zero_grad()\n", "")), "RK-RATE-05"
    ),
    "never cleared with AMP": Faulty(
        _changed("amp", ("optimizer.zero_grad()\nfor", "for"), ("            optimizer.zero_grad()\n", "")),
        "RK-RATE-05",
    ),
    "closure without zero_grad": Faulty(_changed("lbfgs", ("            optimizer.zero_grad()\n", "")), "RK-RATE-05"),
    "cleared before the step": Faulty(
        _changed(
            "argparse",
            ("        optimizer.zero_grad()\n", ""),
            ("        loss.backward()\n", "        loss.backward()\n        optimizer.zero_grad()\n"),
        ),
        "RK-RATE-05",
    ),
    "cleared before the accumulated step": Faulty(
        _changed(
            "amp",
            ("            optimizer.zero_grad()\n", ""),
            ("scaler.scale(loss).backward()\n", "scaler.scale(loss).backward()\n        optimizer.zero_grad()\n"),
        ),
        "RK-RATE-05",
    ),
    "model cleared before the step": Faulty(
        _changed(
            "gan", ("        netD.zero_grad()\n        optimizerG", "        netG.zero_grad()\n        optimizerG")
        ),
        "RK-RATE-05",
    ),
    "zero_grad without parentheses": Faulty(
        _changed("config_dict", ("optimizer.zero_grad()", "optimizer.zero_grad")), "RK-RATE-05"
    ),
    # the test part again and again
    "chapter A: five tests": Faulty(
        CHAPTER_A.replace("RATE)", "learning_rate)").replace("TESTS", TESTED_FIVE_TIMES), "RK-LOG-01"
    ),
    "tests written out": Faulty(
        _changed("plain", ("with torch.no_grad():", "for epoch in range(NUM_EPOCHS):")), "RK-LOG-01"
    ),
    "tests in functions, with a clock": Faulty(
        _changed(
            "functions",
            ("test_loss, test_acc = evaluate(model, test_iterator)\n", ""),
            (
                "print(test_loss, test_acc)",
                "for epoch in range(EPOCHS):\n    start = time.time()\n    out = evaluate(model, test_iterator)\n"
                "    print(out, epoch_time(start, time.time()))",
            ),
        ),
        "RK-LOG-01",
    ),
    "a function called test": Faulty(
        _changed(
            "argparse",
            (
                "        scheduler.step()\n",
                '        scheduler.step()\n    for epoch in range(3):\n        test(model, "cpu", test_loader)\n',
            ),
        ),
        "RK-LOG-01",
    ),
    # a loss divided by the wrong count
    "by the data set": Faulty(_changed("plain", ("/ len(train_loader)", "/ len(train_loader.dataset)")), "RK-LOG-02"),
    "by a size kept before": Faulty(_changed("functions", (', reduction="sum"', "")), "RK-LOG-02"),
    "by examples, the mean in a class": Faulty(
        _changed("trainer_class", ("loss.item() * x.size(0)", "loss.item()")), "RK-LOG-02"
    ),
    "in place": Faulty(_changed("argparse", (', reduction="sum").item()', ").item()")), "RK-LOG-02"),
    "by a counter of examples": Faulty(
        _changed(
            "plain",
            ("    running_loss = 0.0\n", "    running_loss, seen = 0.0, 0\n"),
            ("        running_loss += loss.item()\n", "        running_loss += float(loss)\n        seen += len(y)\n"),
            ("/ len(train_loader)", "/ seen"),
        ),
        "RK-LOG-02",
    ),
    "by the data set of a loader": Faulty(_changed("plain", ("/ len(train_loader)", "/ len(train_set)")), "RK-LOG-02"),
    "divided as it is added": Faulty(_changed("plain", ("+= loss.item()", "+= loss.item() / y.size(0)")), "RK-LOG-02"),
    "slices by hand": Faulty(
        _changed(
            "k_fold",
            ("    for epoch in range(10):\n", "    for epoch in range(10):\n        losses = []\n"),
            ("opt.step()\n", "opt.step(); losses.append(loss.item())\n        print(sum(losses) / len(train_idx))\n"),
        ),
        "RK-LOG-02",
    ),
    # the best model by the test part
    "best by test accuracy": Faulty(
        _changed(
            "functions",
            ("best_valid_loss = float", "best_loss = float"),
            (
                "    valid_loss, valid_acc = evaluate(model, valid_iterator)",
                "    test_loss, acc = evaluate(model, test_iterator)",
            ),
            ("valid_loss < best_valid_loss", "test_loss < best_loss"),
            ("best_valid_loss = valid_loss", "best_loss = test_loss"),
        ),
        "RK-LOG-03",
    ),
    "best by a figure computed on the test part": Faulty(
        _changed(
            "plain",
            (
                "    scheduler.step()\n",
                "    scheduler.step()\n    acc = evaluate(model, test_loader)\n    if acc > best_acc:\n"
                "        best_acc = acc\n        torch.save(model.state_dict(), 'best.pt')\n",
            ),
        ),
        "RK-LOG-03",
    ),
    "best by the accuracy that a function called test counts": Faulty(
        """
import torch
best_acc = 0

def train(epoch):
    for inputs, targets in trainloader:
        optimizer.zero_grad()
        criterion(net(inputs), targets).backward()
        optimizer.step()

def test(epoch):
    global best_acc
    correct, total = 0, 0
    with torch.no_grad():
        for inputs, targets in testloader:
            total += targets.size(0)
            correct += net(inputs).argmax(1).eq(targets).sum().item()
    acc = 100.0 * correct / total
    if acc > best_acc:
        torch.save({"net": net.state_dict(), "acc": acc}, "./checkpoint/ckpt.pth")
        best_acc = acc

for epoch in range(200):
    train(epoch)
    test(epoch)
""",
        "RK-LOG-03",
    ),
    "rate by the test loss": Faulty(
        _changed(
            "plain",
            ("    scheduler.step()\n", "    test_loss = evaluate(model, test_loader)\n    scheduler.step(test_loss)\n"),
            ("StepLR(optimizer, step_size=5, gamma=0.1)", "ReduceLROnPlateau(optimizer)"),
        ),
        "RK-LOG-03",
    ),
    "stopped early by the test loss": Faulty(
        _changed(
            "plain",
            (
                "    scheduler.step()\n",
                "    scheduler.step()\n    early_stopping(evaluate(model, test_loader), model)\n",
            ),
        ),
        "RK-LOG-03",
    ),
    "the best test accuracy told": Faulty(
        _changed(
            "plain",
            (
                "    scheduler.step()\n",
                "    scheduler.step()\n    test_acc = evaluate(model, test_loader)\n"
                "    if test_acc > best_acc:\n        best_acc = test_acc\n",
            ),
        ),
        "RK-LOG-03",
        "warning",
    ),
    "validated, and chosen by the test": Faulty(
        _changed(
            "trainer_class",
            (
                "            self.scheduler.step(val_loss)\n",
                "            self.scheduler.step(val_loss)\n            test_loss = self.validate(test_loader)\n",
            ),
            ("val_loss < self.best_loss", "test_loss < self.best_loss"),
            ("self.best_loss = val_loss", "self.best_loss = test_loss"),
        ),
        "RK-LOG-03",
        "warning",
    ),
}
