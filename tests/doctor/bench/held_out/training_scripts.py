"""Training scripts as people write them; these are sound: read, and never run."""

from __future__ import annotations

from ..registry import given, sound

HEAD = """
import torch
from torch import nn
from model import SentimentRNN
from data import train_loader, valid_loader, test_loader

device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
"""
SETTINGS = """
embedding_dim = 100
hidden_dim = 256
lr = 0.001
epochs = 5
clip = 5

net = SentimentRNN(embedding_dim, hidden_dim).to(device)
criterion = nn.BCELoss()
optimizer = torch.optim.Adam(net.parameters(), lr=lr)
"""


@sound
def script_of_a_course() -> dict:
    return given(
        source=HEAD
        + SETTINGS
        + """
counter = 0
print_every = 100
net.train()
for e in range(epochs):
    h = net.init_hidden(50)
    for inputs, labels in train_loader:
        counter += 1
        h = tuple([each.data for each in h])
        net.zero_grad()
        output, h = net(inputs.to(device), h)
        loss = criterion(output.squeeze(), labels.float().to(device))
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), clip)
        optimizer.step()
        if counter % print_every == 0:
            val_losses = []
            net.eval()
            for inputs, labels in valid_loader:
                output, _ = net(inputs.to(device), net.init_hidden(50))
                val_losses.append(criterion(output.squeeze(), labels.float().to(device)).item())
            net.train()
            print(e, counter, loss.item(), sum(val_losses) / len(val_losses))

test_losses, num_correct = [], 0
net.eval()
for inputs, labels in test_loader:
    output, _ = net(inputs.to(device), net.init_hidden(50))
    test_losses.append(criterion(output.squeeze(), labels.float().to(device)).item())
    num_correct += (torch.round(output.squeeze()) == labels.to(device)).sum().item()
print(sum(test_losses) / len(test_losses), num_correct / len(test_loader.dataset))
"""
    )


@sound
def script_with_functions_and_best_weights() -> dict:
    return given(
        source=HEAD
        + SETTINGS
        + """
def train(model, iterator, optimizer, criterion):
    epoch_loss = 0
    model.train()
    for text, lengths, label in iterator:
        optimizer.zero_grad()
        predictions = model(text, lengths).squeeze(1)
        loss = criterion(predictions, label)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), clip)
        optimizer.step()
        epoch_loss += loss.item()
    return epoch_loss / len(iterator)

def evaluate(model, iterator, criterion):
    epoch_loss = 0
    model.eval()
    with torch.no_grad():
        for text, lengths, label in iterator:
            epoch_loss += criterion(model(text, lengths).squeeze(1), label).item()
    return epoch_loss / len(iterator)

best_valid_loss = float("inf")
for epoch in range(epochs):
    train_loss = train(net, train_loader, optimizer, criterion)
    valid_loss = evaluate(net, valid_loader, criterion)
    if valid_loss < best_valid_loss:
        best_valid_loss = valid_loss
        torch.save(net.state_dict(), "best.pt")
    print(f"{epoch + 1:02} {train_loss:.3f} {valid_loss:.3f}")

net.load_state_dict(torch.load("best.pt"))
print(evaluate(net, test_loader, criterion))
"""
    )


@sound
def script_of_a_language_model() -> dict:
    return given(
        source="""
import argparse, math, time
import torch
import torch.nn as nn
from data import corpus, batchify, get_batch
from model import RNNModel

parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=20)
parser.add_argument("--clip", type=float, default=0.25)
parser.add_argument("--epochs", type=int, default=40)
parser.add_argument("--bptt", type=int, default=35)
args = parser.parse_args()

train_data = batchify(corpus.train, 20)
val_data = batchify(corpus.valid, 10)
test_data = batchify(corpus.test, 10)
model = RNNModel(len(corpus.dictionary))
criterion = nn.NLLLoss()

def repackage_hidden(h):
    return h.detach() if isinstance(h, torch.Tensor) else tuple(repackage_hidden(v) for v in h)

def evaluate(data_source):
    model.eval()
    total_loss = 0.0
    hidden = model.init_hidden(10)
    with torch.no_grad():
        for i in range(0, data_source.size(0) - 1, args.bptt):
            data, targets = get_batch(data_source, i)
            output, hidden = model(data, hidden)
            total_loss += len(data) * criterion(output, targets).item()
    return total_loss / (len(data_source) - 1)

def train():
    model.train()
    hidden = model.init_hidden(20)
    for i in range(0, train_data.size(0) - 1, args.bptt):
        data, targets = get_batch(train_data, i)
        model.zero_grad()
        hidden = repackage_hidden(hidden)
        output, hidden = model(data, hidden)
        loss = criterion(output, targets)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), args.clip)
        for p in model.parameters():
            p.data.add_(p.grad, alpha=-lr)

lr = args.lr
best_val_loss = None
for epoch in range(1, args.epochs + 1):
    train()
    val_loss = evaluate(val_data)
    if not best_val_loss or val_loss < best_val_loss:
        torch.save(model, "model.pt")
        best_val_loss = val_loss
    else:
        lr /= 4.0

model = torch.load("model.pt")
test_loss = evaluate(test_data)
print(test_loss, math.exp(test_loss))
"""
    )


@sound
def script_of_a_forecaster() -> dict:
    """Full batches, a schedule that is stepped, losses of the test part printed and not used."""
    return given(
        source="""
import numpy as np
import torch
import torch.nn as nn
from sklearn.preprocessing import MinMaxScaler
from data import create_dataset, timeseries

lookback = 4
train_size = int(len(timeseries) * 0.67)
train, test = timeseries[:train_size], timeseries[train_size:]
scaler = MinMaxScaler().fit(train)
X_train, y_train = create_dataset(scaler.transform(train), lookback=lookback)
X_test, y_test = create_dataset(scaler.transform(test), lookback=lookback)

class AirModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(input_size=1, hidden_size=50, num_layers=1, batch_first=True)
        self.linear = nn.Linear(50, 1)
    def forward(self, x):
        x, _ = self.lstm(x)
        return self.linear(x)

model = AirModel()
optimizer = torch.optim.Adam(model.parameters())
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=500, gamma=0.5)
loss_fn = nn.MSELoss()
n_epochs = 2000
for epoch in range(n_epochs):
    model.train()
    y_pred = model(X_train)
    loss = loss_fn(y_pred, y_train)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    scheduler.step()
    if epoch % 100 != 0:
        continue
    model.eval()
    with torch.no_grad():
        train_rmse = np.sqrt(loss_fn(model(X_train), y_train))
        test_rmse = np.sqrt(loss_fn(model(X_test), y_test))
    print("Epoch %d: train RMSE %.4f, test RMSE %.4f" % (epoch, train_rmse, test_rmse))
"""
    )
