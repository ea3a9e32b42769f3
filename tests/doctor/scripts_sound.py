"""Sound training scripts, in the styles people write them: the doctor must be silent on each."""

PLAIN = """
import torch
from torch import nn, optim

LEARNING_RATE = 1e-3
BATCH_SIZE = 64
HIDDEN_SIZE = 128
NUM_EPOCHS = 10
torch.manual_seed(0)

model = nn.LSTM(28, HIDDEN_SIZE, batch_first=True)
train_loader = torch.utils.data.DataLoader(train_set, batch_size=BATCH_SIZE, shuffle=True)
test_loader = torch.utils.data.DataLoader(test_set, batch_size=BATCH_SIZE)
criterion = nn.CrossEntropyLoss()
optimizer = optim.Adam(model.parameters(), lr=LEARNING_RATE)
scheduler = optim.lr_scheduler.StepLR(optimizer, step_size=5, gamma=0.1)
for epoch in range(NUM_EPOCHS):
    model.train()
    running_loss = 0.0
    for i, (x, y) in enumerate(train_loader):
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        running_loss += loss.item()
    scheduler.step()
    print(f"epoch {epoch}: {running_loss / len(train_loader):.4f}")

model.eval()
correct, total = 0, 0
with torch.no_grad():
    for x, y in test_loader:
        predicted = model(x).argmax(1)
        total += y.size(0)
        correct += (predicted == y).sum().item()
print("accuracy", correct / total)
"""

FUNCTIONS = """
import copy
import time
import torch
import torch.nn as nn
import torch.nn.functional as F

lr = 0.001
EPOCHS = 5

def epoch_time(start, end):
    return int((end - start) / 60)

def train(model, iterator, optimizer, criterion):
    epoch_loss = 0
    epoch_acc = 0
    model.train()
    for batch in iterator:
        optimizer.zero_grad()
        predictions = model(batch.text).squeeze(1)
        loss = criterion(predictions, batch.label)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        epoch_loss += loss.item()
        epoch_acc += binary_accuracy(predictions, batch.label).item()
    return epoch_loss / len(iterator), epoch_acc / len(iterator)

def evaluate(model, iterator):
    corrects, total_loss = 0, 0
    model.eval()
    for batch in iterator:
        x, y = batch.text, batch.label
        logit = model(x)
        loss = F.cross_entropy(logit, y, reduction="sum")
        total_loss += loss.item()
        corrects += (logit.max(1)[1].view(y.size()).data == y.data).sum()
    size = len(iterator.dataset)
    return total_loss / size, 100.0 * corrects / size

model = RNN(10002, 100)
optimizer = torch.optim.Adam(model.parameters(), lr=lr)
best_valid_loss = float("inf")
for epoch in range(EPOCHS):
    start = time.time()
    train_loss, train_acc = train(model, train_iterator, optimizer, nn.BCEWithLogitsLoss())
    valid_loss, valid_acc = evaluate(model, valid_iterator)
    if valid_loss < best_valid_loss:
        best_valid_loss = valid_loss
        torch.save(model.state_dict(), "model.pt")
    print(epoch, epoch_time(start, time.time()), train_loss)
model.load_state_dict(torch.load("model.pt"))
test_loss, test_acc = evaluate(model, test_iterator)
print(test_loss, test_acc)
"""

TRAINER_CLASS = """
import torch
from torch import nn

class Trainer:
    def __init__(self, model, lr=1e-3, weight_decay=1e-4):
        self.model = model
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=lr, weight_decay=weight_decay)
        self.scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(self.optimizer, patience=2)
        self.criterion = nn.MSELoss()
        self.best_loss = float("inf")

    def train_epoch(self, loader):
        total = 0.0
        for x, y in loader:
            loss = self.criterion(self.model(x), y)
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            self.optimizer.step()
            total += loss.item() * x.size(0)
        return total / len(loader.dataset)

    def fit(self, train_loader, val_loader, epochs):
        for epoch in range(epochs):
            self.train_epoch(train_loader)
            val_loss = self.validate(val_loader)
            self.scheduler.step(val_loss)
            if val_loss < self.best_loss:
                self.best_loss = val_loss
                torch.save(self.model.state_dict(), "best.pt")

    @torch.no_grad()
    def validate(self, loader):
        losses = [self.criterion(self.model(x), y).item() for x, y in loader]
        return sum(losses) / len(losses)

if __name__ == "__main__":
    epochs = 20
    hidden_size = 64
    Trainer(Model(hidden_size)).fit(train_loader, val_loader, epochs)
"""

AMP = """
import torch
from torch.cuda.amp import GradScaler, autocast

learning_rate = 3e-4
accumulation_steps = 4
model = Net().to(device)
model = torch.compile(model)
optimizer = torch.optim.AdamW(model.parameters(), lr=learning_rate)
scaler = GradScaler()
scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=learning_rate, total_steps=1000)
optimizer.zero_grad()
for epoch in range(3):
    for step, (x, y) in enumerate(loader):
        with autocast():
            loss = torch.nn.functional.cross_entropy(model(x), y) / accumulation_steps
        scaler.scale(loss).backward()
        if (step + 1) % accumulation_steps == 0:
            scaler.unscale_(optimizer)
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            scaler.step(optimizer)
            scaler.update()
            optimizer.zero_grad()
            scheduler.step()
"""

LBFGS = """
import torch
import torch.nn as nn

class Sequence(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTMCell(1, 51)
        self.linear = nn.Linear(51, 1)

if __name__ == "__main__":
    seq = Sequence()
    criterion = nn.MSELoss()
    optimizer = torch.optim.LBFGS(seq.parameters(), lr=0.8)
    for i in range(15):
        print("STEP: ", i)
        def closure():
            optimizer.zero_grad()
            out = seq(input)
            loss = criterion(out, target)
            print("loss:", loss.item())
            loss.backward()
            return loss
        optimizer.step(closure)
        with torch.no_grad():
            pred = seq(test_input, future=1000)
            loss = criterion(pred[:, :-1000], test_target)
            print("test loss:", loss.item())
"""

WARMUP = """
import torch
from torch.optim.lr_scheduler import LambdaLR, CosineAnnealingLR, SequentialLR

warmup_steps = 100
base_lr = 5e-4
clip = 1.0

def make(model):
    optimizer = torch.optim.Adam(model.parameters(), lr=base_lr, betas=(0.9, 0.98))
    warmup = LambdaLR(optimizer, lambda step: min(1.0, (step + 1) / warmup_steps))
    cosine = CosineAnnealingLR(optimizer, T_max=1000)
    return optimizer, SequentialLR(optimizer, [warmup, cosine], milestones=[warmup_steps])

def run(model, batches):
    optimizer, schedule = make(model)
    for x, y in batches:
        loss = torch.nn.functional.mse_loss(model(x), y)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), clip)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()

run(model, batches)
"""

GAN = """
import torch
from torch import nn

lr_g, lr_d = 2e-4, 1e-4
n_epochs = 50
netG, netD = Generator(), Discriminator()
criterion = nn.BCELoss()
optimizerD = torch.optim.Adam(netD.parameters(), lr=lr_d)
optimizerG = torch.optim.Adam(netG.parameters(), lr=lr_g)
for epoch in range(n_epochs):
    for i, data in enumerate(dataloader, 0):
        netD.zero_grad()
        errD_real = criterion(netD(data), real)
        errD_real.backward()
        fake = netG(noise)
        errD_fake = criterion(netD(fake.detach()), zeros)
        errD_fake.backward()
        errD = errD_real + errD_fake
        optimizerD.step()
        netG.zero_grad()
        errG = criterion(netD(fake), real)
        errG.backward()
        netD.zero_grad()
        optimizerG.step()
"""

CONFIG_DICT = """
import torch
import wandb

config = {
    "lr": 1e-3,
    "batch_size": 32,
    "hidden_size": 256,
    "dropout": 0.3,
    "epochs": 10,
    "seed": 1,
}

def build(config):
    return torch.nn.GRU(10, config["hidden_size"], num_layers=2, dropout=config["dropout"])

def main():
    wandb.init(project="rnn", config=config)
    torch.manual_seed(config["seed"])
    model = build(config)
    optimizer = torch.optim.Adam(model.parameters(), lr=config["lr"])
    for epoch in range(config.get("epochs", 5)):
        for x, y in loaders(config["batch_size"]):
            optimizer.zero_grad()
            model(x)[0].mean().backward()
            optimizer.step()

main()
"""

ARGPARSE = """
import argparse
import torch

def get_args():
    parser = argparse.ArgumentParser()
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--hidden-size", type=int, default=128)
    parser.add_argument("--log-interval", type=int, default=10)
    parser.add_argument("--dry-run", action="store_true", default=False)
    return parser.parse_args()

def train(args, model, device, train_loader, optimizer, epoch):
    model.train()
    for batch_idx, (data, target) in enumerate(train_loader):
        optimizer.zero_grad()
        loss = torch.nn.functional.nll_loss(model(data), target)
        loss.backward()
        optimizer.step()
        if batch_idx % args.log_interval == 0:
            print(epoch, loss.item())

def test(model, device, test_loader):
    model.eval()
    test_loss = 0
    correct = 0
    with torch.no_grad():
        for data, target in test_loader:
            output = model(data)
            test_loss += torch.nn.functional.nll_loss(output, target, reduction="sum").item()
            correct += output.argmax(1).eq(target).sum().item()
    test_loss /= len(test_loader.dataset)
    print(test_loss, correct)

def main():
    args = get_args()
    train_kwargs = {"batch_size": args.batch_size}
    model = Net(args.hidden_size)
    optimizer = torch.optim.Adadelta(model.parameters(), lr=args.lr)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.7)
    for epoch in range(1, 15):
        train(args, model, "cpu", train_loader, optimizer, epoch)
        test(model, "cpu", test_loader)
        scheduler.step()

if __name__ == "__main__":
    main()
"""

DATACLASS = """
from dataclasses import dataclass
import torch

@dataclass
class TrainConfig:
    learning_rate: float = 1e-3
    weight_decay: float = 1e-2
    hidden_size: int = 64
    max_epochs: int = 5
    dropout: float = 0.2

class Runner:
    def __init__(self, cfg: TrainConfig):
        self.cfg = cfg
        self.model = torch.nn.LSTM(8, cfg.hidden_size, 2, dropout=self.cfg.dropout)
        self.opt = torch.optim.AdamW(
            self.model.parameters(), lr=self.cfg.learning_rate, weight_decay=self.cfg.weight_decay
        )

    def run(self, loader):
        for _ in range(self.cfg.max_epochs):
            for x, y in loader:
                self.opt.zero_grad()
                loss = (self.model(x)[0] - y).pow(2).mean()
                loss.backward()
                self.opt.step()

Runner(TrainConfig()).run(loader)
"""

NOTEBOOK = """
# In[1]:
%matplotlib inline
!pip install torch
import torch
import torch.nn as nn
SEED = 42
torch.manual_seed(SEED)

# In[2]:
input_size = 4
hidden_size = 8
n_layers = 2
num_epochs = 301
model = nn.RNN(input_size, hidden_size, n_layers, batch_first=True)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
loss_graph = []
n = len(train_loader)

# In[3]:
for epoch in range(num_epochs):
    running_loss = 0
    for seq, target in train_loader:
        loss = nn.MSELoss()(model(seq)[0], target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        running_loss += loss.item()
    loss_graph.append(running_loss / n)
    if epoch % 100 == 0:
        print("[epoch: %d] loss: %.4f" % (epoch, running_loss / n))

# In[4]: a fresh model, to see what it does untrained
model = nn.RNN(input_size, hidden_size, n_layers, batch_first=True)
print(model(seq)[0].shape)
"""

MANUAL_STEP = """
import torch
learning_rate = 0.005
rnn = RNN(57, 128, 18)
criterion = torch.nn.NLLLoss()

def train(category_tensor, line_tensor):
    hidden = rnn.initHidden()
    rnn.zero_grad()
    for i in range(line_tensor.size()[0]):
        output, hidden = rnn(line_tensor[i], hidden)
    loss = criterion(output, category_tensor)
    loss.backward()
    for p in rnn.parameters():
        p.data.add_(p.grad.data, alpha=-learning_rate)
    return output, loss.item()

n_iters = 100000
current_loss = 0
for iter in range(1, n_iters + 1):
    category, line, category_tensor, line_tensor = random_example()
    output, loss = train(category_tensor, line_tensor)
    current_loss += loss
"""

LANGUAGE_MODEL = """
import math
import torch

bptt = 35
lr = 20
best_val_loss = None

def evaluate(data_source):
    model.eval()
    total_loss = 0.0
    hidden = model.init_hidden(10)
    with torch.no_grad():
        for i in range(0, data_source.size(0) - 1, bptt):
            data, targets = get_batch(data_source, i)
            output, hidden = model(data, hidden)
            total_loss += len(data) * criterion(output, targets).item()
    return total_loss / (len(data_source) - 1)

def train():
    model.train()
    hidden = model.init_hidden(20)
    for batch, i in enumerate(range(0, train_data.size(0) - 1, bptt)):
        data, targets = get_batch(train_data, i)
        model.zero_grad()
        output, hidden = model(data, repackage(hidden))
        loss = criterion(output, targets)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 0.25)
        for p in model.parameters():
            p.data.add_(p.grad, alpha=-lr)

criterion = torch.nn.CrossEntropyLoss()
for epoch in range(1, 41):
    train()
    val_loss = evaluate(val_data)
    if not best_val_loss or val_loss < best_val_loss:
        with open("model.pt", "wb") as f:
            torch.save(model, f)
        best_val_loss = val_loss
    else:
        lr /= 4.0
test_loss = evaluate(test_data)
print(math.exp(test_loss))
"""

LIGHTNING = """
import lightning as L
import torch

class Lit(L.LightningModule):
    def __init__(self, lr=1e-3):
        super().__init__()
        self.lr = lr
        self.rnn = torch.nn.GRU(4, 8)

    def training_step(self, batch, _):
        x, y = batch
        return torch.nn.functional.mse_loss(self.rnn(x)[0], y)

    def configure_optimizers(self):
        optimizer = torch.optim.Adam(self.parameters(), lr=self.lr)
        scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.9)
        return {"optimizer": optimizer, "lr_scheduler": scheduler}

max_epochs = 3
L.Trainer(max_epochs=max_epochs).fit(Lit(), loader)
"""

KERAS = """
from tensorflow import keras
max_features = 1000
max_len = 100
batch_size = 32
epochs = 10
model = keras.Sequential([keras.layers.Embedding(max_features, 32), keras.layers.LSTM(8), keras.layers.Dense(1)])
model.compile(optimizer=keras.optimizers.Adam(learning_rate=1e-3), loss="binary_crossentropy")
x_train = keras.utils.pad_sequences(x_train, maxlen=max_len)
model.fit(x_train, y_train, epochs=epochs, batch_size=batch_size, validation_split=0.2)
for i in range(2):
    print(model.evaluate(x_test, y_test))
"""

SEQ2SEQ = """
import random
import torch
from torch import nn, optim

teacher_forcing_ratio = 0.5
MAX_LENGTH = 10
hidden_size = 256

def train_step(x, y, encoder, decoder, encoder_optimizer, decoder_optimizer, criterion, max_length=MAX_LENGTH):
    encoder_optimizer.zero_grad()
    decoder_optimizer.zero_grad()
    loss = 0
    use_teacher_forcing = random.random() < teacher_forcing_ratio
    for di in range(y.size(0)):
        output, hidden = decoder(x, max_length)
        loss += criterion(output, y[di])
        if not use_teacher_forcing:
            x = output.topk(1)[1]
    loss.backward()
    encoder_optimizer.step()
    decoder_optimizer.step()
    return loss.item() / y.size(0)

def train_iters(encoder, decoder, n_iters, learning_rate=0.01):
    encoder_optimizer = optim.SGD(encoder.parameters(), lr=learning_rate)
    decoder_optimizer = optim.SGD(decoder.parameters(), lr=learning_rate)
    criterion = nn.NLLLoss()
    print_loss_total = 0
    for i in range(1, n_iters + 1):
        loss = train_step(*pairs[i], encoder, decoder, encoder_optimizer, decoder_optimizer, criterion)
        print_loss_total += loss
        if i % 1000 == 0:
            print(print_loss_total / 1000)
            print_loss_total = 0

train_iters(Encoder(hidden_size), Decoder(hidden_size), 75000)
"""

K_FOLD = """
import torch
from sklearn.model_selection import KFold

K = 5
lr = 1e-3
device = "cuda" if torch.cuda.is_available() else "cpu"
scores = []
for fold, (train_idx, test_idx) in enumerate(KFold(K).split(X)):
    model = Net()
    model = model.to(device)
    if torch.cuda.device_count() > 1:
        model = torch.nn.DataParallel(model)
    opt = torch.optim.Adam(model.parameters(), lr=lr)
    for epoch in range(10):
        for i in range(0, len(train_idx), 32):
            xb, yb = X[train_idx[i : i + 32]], Y[train_idx[i : i + 32]]
            loss = torch.nn.functional.cross_entropy(model(xb), yb)
            opt.zero_grad(); loss.backward(); opt.step()
    scores.append(evaluate(model, X[test_idx], Y[test_idx]))
print(sum(scores) / len(scores))
"""

ONE_AT_A_TIME = """
import torch
data = [(x, y) for x, y in pairs]
loader = torch.utils.data.DataLoader(dataset)
model = torch.nn.RNN(3, 3)
criterion = torch.nn.MSELoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for epoch in range(4):
    total = 0.0
    for x, y in data:
        optimizer.zero_grad()
        loss = criterion(model(x)[0], y)
        loss.backward()
        optimizer.step()
        total += loss.item()
    print(total / len(data))
    other = 0.0
    for x, y in loader:
        loss = criterion(model(x)[0], y)
        other += loss.item()
    print(other / len(loader.dataset))
"""

CHECKPOINTS_TESTED = """
import torch
model = Net()
optimizer = torch.optim.Adam(model.parameters())
for epoch in range(5):
    for x, y in train_loader:
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
    torch.save(model.state_dict(), f"epoch{epoch}.pt")

def evaluate(model, loader):
    model.eval()
    with torch.no_grad():
        return sum((model(x).argmax(1) == y).float().mean() for x, y in loader) / len(loader)

for epoch in range(5):
    model.load_state_dict(torch.load(f"epoch{epoch}.pt"))
    print(epoch, evaluate(model, test_loader))
"""

MEAN_IN_BATCHES = """
import copy
import torch

def train_model(model, criterion, optimizer, scheduler, num_epochs=25):
    best_acc = 0.0
    for epoch in range(num_epochs):
        for phase in ["train", "val"]:
            running_loss, running_corrects = 0.0, 0
            for inputs, labels in dataloaders[phase]:
                optimizer.zero_grad()
                with torch.set_grad_enabled(phase == "train"):
                    outputs = model(inputs)
                    loss = criterion(outputs, labels)
                    if phase == "train":
                        loss.backward()
                        optimizer.step()
                running_loss += loss.item() * inputs.size(0)
                running_corrects += torch.sum(outputs.argmax(1) == labels.data)
            if phase == "train":
                scheduler.step()
            epoch_loss = running_loss / dataset_sizes[phase]
            epoch_acc = running_corrects.double() / dataset_sizes[phase]
            if phase == "val" and epoch_acc > best_acc:
                best_acc = epoch_acc
                best = copy.deepcopy(model.state_dict())
    model.load_state_dict(best)
    return model

criterion = torch.nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.001, momentum=0.9)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=7, gamma=0.1)
model = train_model(model, criterion, optimizer, scheduler)
"""

SUMMED_LOSS = """
import torch
from torch.nn import functional as F

epochs = 10

def loss_function(recon_x, x, mu, logvar):
    BCE = F.binary_cross_entropy(recon_x, x, reduction="sum")
    return BCE - 0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())

def train(epoch):
    model.train()
    train_loss = 0
    for batch_idx, (data, _) in enumerate(train_loader):
        optimizer.zero_grad()
        recon_batch, mu, logvar = model(data)
        loss = loss_function(recon_batch, data, mu, logvar)
        loss.backward()
        train_loss += loss.item()
        optimizer.step()
        print(loss.item() / len(data))
    print(train_loss / len(train_loader.dataset))

def test(epoch):
    model.eval()
    test_loss = 0
    with torch.no_grad():
        for data, _ in test_loader:
            recon_batch, mu, logvar = model(data)
            test_loss += loss_function(recon_batch, data, mu, logvar).item()
    test_loss /= len(test_loader.dataset)
    print(test_loss)

optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
for epoch in range(1, epochs + 1):
    train(epoch)
    test(epoch)
    with torch.no_grad():
        sample = model.decode(torch.randn(64, 20))
"""

QUICK_START = """
import torch
from torch import nn

batch_size = 64
train_dataloader = torch.utils.data.DataLoader(training_data, batch_size=batch_size)
test_dataloader = torch.utils.data.DataLoader(test_data, batch_size=batch_size)
loss_fn = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)

def train(dataloader, model, loss_fn, optimizer):
    size = len(dataloader.dataset)
    model.train()
    for batch, (X, y) in enumerate(dataloader):
        loss = loss_fn(model(X), y)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        if batch % 100 == 0:
            print(f"loss: {loss.item():>7f} [{(batch + 1) * len(X):>5d}/{size:>5d}]")

def test(dataloader, model, loss_fn):
    size = len(dataloader.dataset)
    num_batches = len(dataloader)
    model.eval()
    test_loss, correct = 0, 0
    with torch.no_grad():
        for X, y in dataloader:
            pred = model(X)
            test_loss += loss_fn(pred, y).item()
            correct += (pred.argmax(1) == y).type(torch.float).sum().item()
    test_loss /= num_batches
    correct /= size
    print(f"Accuracy: {(100 * correct):>0.1f}%, Avg loss: {test_loss:>8f}")

epochs = 5
for t in range(epochs):
    train(train_dataloader, model, loss_fn, optimizer)
    test(test_dataloader, model, loss_fn)
"""

OWN_LOSS = """
import torch
from losses import FocalLoss

class WordLoss(torch.nn.Module):
    def forward(self, output, target):
        return torch.nn.functional.nll_loss(output, target).sum() * len(target)

def evaluate(model, loader, criterion):
    total, other, n = 0.0, 0.0, 0
    for x, y in loader:
        loss = criterion(model(x), y)
        total += loss.item()
        focal = FocalLoss()(model(x), y)
        other += focal.item()
        n += len(y)
    return total / len(loader.dataset), other / n

criterion = WordLoss()
optimizer = torch.optim.Adam(model.parameters())
for epoch in range(3):
    for x, y in loader:
        optimizer.zero_grad()
        criterion(model(x), y).backward()
        optimizer.step()
print(evaluate(model, loader, criterion))
"""

MADE_ANEW_FOR_THE_TEST = """
import torch

def build(hidden=32, lr=1e-3):
    return torch.nn.GRU(8, hidden)

schedulers = []
model = build()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
schedulers.append(torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.9))
for epoch in range(5):
    for x, y in loader:
        optimizer.zero_grad()
        torch.nn.functional.mse_loss(model(x)[0], y).backward()
        optimizer.step()
    for each in schedulers:
        each.step()
torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict()}, "last.pt")
model = build()
model.load_state_dict(torch.load("last.pt")["model"])
model.eval()
for ep in range(5):
    print(evaluate(model, test_env))
for epoch in range(5):
    model.train()
    print("with dropout on", evaluate(model, test_loader))

# another model, trained with another optimizer
model = torch.nn.LSTM(8, 8)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for x, y in loader:
    optimizer.zero_grad()
    torch.nn.functional.mse_loss(model(x)[0], y).backward()
    optimizer.step()
"""

LIBRARY_THAT_TRAINS = """
import torch
LR = 1e-3
BATCH_SIZE = 32

def optimizer(model, lr=1e-3):
    return torch.optim.Adam(model.parameters(), lr=lr)

def step(model, opt, x, y):
    opt.zero_grad()
    torch.nn.functional.mse_loss(model(x), y).backward()
    opt.step()
"""

LIBRARY = """
import torch
LEARNING_RATE = 1e-3
BATCH_SIZE = 32
MAX_LEN = 200

def build():
    return torch.nn.GRU(8, 16)

def batch():
    return torch.zeros(4, 10, 8)
"""

OPTIMIZER_FILE = """
import torch

def optimizer(model):
    opt = torch.optim.Adam(model.parameters(), lr=1e-3)
    return opt, torch.optim.lr_scheduler.StepLR(opt, 3)
"""

GLOBALS = """
import torch
learning_rate = 6e-4
batch_size = 12
config_keys = [k for k, v in globals().items() if isinstance(v, (int, float, str))]
exec(open("configurator.py").read())
config = {k: globals()[k] for k in config_keys}
model = GPT()
optimizer = model.configure_optimizers(config)
while True:
    loss = model(x, y)
    loss.backward()
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
"""

HELPER_LOOP = """
import torch
from engine import fit_one_epoch

epochs = 3
model = Net()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, [2])
for epoch in range(epochs):
    fit_one_epoch(model, optimizer, scheduler, loader)

def probe(x):
    loss = model(x).sum()
    loss.backward()

for x in loader:
    probe(x)
"""

DEFAULTS = """
import torch
LR = 0.01
dropout = 0.1

class Net(torch.nn.Module):
    def __init__(self, hidden=64, dropout=dropout):
        super().__init__()
        self.dropout = torch.nn.Dropout(dropout)
        self.rnn = torch.nn.GRU(4, hidden)

def fit(model, loader, lr=LR):
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    for x, y in loader:
        optimizer.zero_grad()
        loss = torch.nn.functional.mse_loss(model(x), y)
        loss.backward()
        optimizer.step()

fit(Net(), loader)
"""

SOUND = {name.lower(): text for name, text in globals().items() if name.isupper()}
