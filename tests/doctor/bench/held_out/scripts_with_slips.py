"""Training scripts as people write them, with a slip: read, and never run."""

from __future__ import annotations

from ..registry import faulty, given
from .training_scripts import HEAD, SETTINGS

LOOP = """
for epoch in range(epochs):
    running_loss = 0.0
    net.train()
    for x, y in train_loader:
        optimizer.zero_grad()
        loss = criterion(net(x), y)
        loss.backward()
        optimizer.step()
        running_loss += loss.item()
    print(epoch, running_loss / len(train_loader))
"""


@faulty("RK-RATE-01")
def script_whose_rate_is_not_passed_on() -> dict:
    return given(source=HEAD + SETTINGS.replace("lr=lr", "lr=1e-4").replace("clip = 5\n", "") + LOOP)


@faulty("RK-RATE-02")
def script_that_never_steps_its_schedule() -> dict:
    made = "\nscheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=2)\n"
    return given(source=HEAD + SETTINGS.replace("clip = 5\n", "") + made + LOOP)


@faulty("RK-RATE-03")
def script_that_builds_the_model_again() -> dict:
    again = "\nnet = SentimentRNN(embedding_dim, hidden_dim * 2).to(device)\n"
    return given(source=HEAD + SETTINGS.replace("clip = 5\n", "") + again + LOOP)


@faulty("RK-RATE-05")
def script_that_never_clears_gradients() -> dict:
    return given(source=HEAD + SETTINGS.replace("clip = 5\n", "") + LOOP.replace("        optimizer.zero_grad()\n", ""))


@faulty("RK-RATE-05")
def script_that_names_the_step_only() -> dict:
    loop = LOOP.replace("optimizer.step()", "optimizer.step")
    return given(source=HEAD + SETTINGS.replace("clip = 5\n", "") + loop)


@faulty("RK-LOG-02")
def script_that_divides_means_by_examples() -> dict:
    loop = LOOP.replace("running_loss / len(train_loader)", "running_loss / len(train_loader.dataset)")
    return given(source=HEAD + SETTINGS.replace("clip = 5\n", "") + loop)


@faulty("RK-LOG-03")
def script_that_keeps_the_best_on_test() -> dict:
    return given(
        source=HEAD.replace("valid_loader, ", "")
        + SETTINGS.replace("clip = 5", "best_acc = 0.0")
        + LOOP
        + """
    net.eval()
    correct = total = 0
    with torch.no_grad():
        for x, y in test_loader:
            correct += (net(x).round() == y).sum().item()
            total += y.size(0)
    test_acc = correct / total
    if test_acc > best_acc:
        best_acc = test_acc
        torch.save(net.state_dict(), "best_model.pth")
"""
    )


@faulty("RK-LOG-01")
def script_that_tests_the_same_weights_again() -> dict:
    return given(
        source=HEAD
        + SETTINGS.replace("clip = 5\n", "")
        + LOOP
        + """
for epoch in range(epochs):
    net.eval()
    correct = 0
    with torch.no_grad():
        for x, y in test_loader:
            correct += (net(x).round() == y).sum().item()
    print("epoch", epoch, "test accuracy", correct / len(test_loader.dataset))
"""
    )
