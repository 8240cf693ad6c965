#!/usr/bin/env python3
"""PyTorch beside clgrad: equal weights and batches, then losses, saved files and logits compared.

    parity.py DRIVER DEVICE [STEPS]

DRIVER is test_parity, whose `drive` mode is the clgrad side. Exit code 0: they agree, 1: they do not, 77: no PyTorch.
Limits: losses 1e-3 relative at every step, logits 1e-5 of the largest one.
"""
import json
import os
import struct
import subprocess
import sys
import tempfile

try:
    import numpy
    import torch
    from torch import nn
except ImportError:
    sys.exit(77)

CLASSES = 10
CONTEXT, WIDTH, HEADS, LAYERS, CHARACTERS = 64, 128, 4, 4, 65  # of gpt
TYPES = {"F32": numpy.float32, "I64": numpy.int64}


def mlp():
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 512), nn.ReLU(), nn.Dropout(0), nn.Linear(512, 256), nn.ReLU(),
                         nn.Dropout(0), nn.Linear(256, CLASSES))


def cnn():
    return nn.Sequential(nn.Conv2d(1, 32, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(32, 64, 3), nn.ReLU(),
                         nn.MaxPool2d(2), nn.Dropout(0), nn.Flatten(), nn.Linear(1600, CLASSES))


def normed():
    return nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.GELU(), nn.AvgPool2d(2),
                         nn.Conv2d(16, 24, 3, padding=1), nn.BatchNorm2d(24), nn.SiLU(), nn.MaxPool2d(2), nn.Flatten(),
                         nn.Linear(7 * 7 * 24, 32), nn.Tanh(), nn.Linear(32, CLASSES))


class Residual(nn.Module):
    def __init__(self, body, shortcut=None):
        super().__init__()
        self.add_module("0", body)
        if shortcut is not None:
            self.add_module("1", shortcut)

    def forward(self, x):
        parts = list(self.children())
        return parts[0](x) + (parts[1](x) if len(parts) > 1 else x)


def basic_block(into, out, stride):
    body = nn.Sequential(nn.Conv2d(into, out, 3, stride, 1, bias=False), nn.BatchNorm2d(out), nn.ReLU(),
                         nn.Conv2d(out, out, 3, 1, 1, bias=False), nn.BatchNorm2d(out))
    shortcut = None
    if stride != 1 or into != out:
        shortcut = nn.Sequential(nn.Conv2d(into, out, 1, stride, bias=False), nn.BatchNorm2d(out))
    return nn.Sequential(Residual(body, shortcut), nn.ReLU())


def resnet20():
    layers, into = [nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU()], 16
    for stage in range(3):
        for block in range(3):
            layers.append(basic_block(into, 16 << stage, 2 if stage and not block else 1))
            into = 16 << stage
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(into, CLASSES))


class Positions(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(0.02 * torch.randn(CONTEXT, WIDTH))

    def forward(self, x):
        return x + self.weight


class CausalAttention(nn.MultiheadAttention):
    def forward(self, x):
        mask = torch.ones(CONTEXT, CONTEXT, dtype=torch.bool).triu(1)
        return super().forward(x, x, x, need_weights=False, attn_mask=mask)[0]


def gpt():
    def block():
        attention = nn.Sequential(nn.LayerNorm(WIDTH), CausalAttention(WIDTH, HEADS, batch_first=True))
        dense = nn.Sequential(nn.LayerNorm(WIDTH), nn.Linear(WIDTH, 4 * WIDTH), nn.GELU(), nn.Linear(4 * WIDTH, WIDTH))
        return nn.Sequential(Residual(attention), Residual(dense))
    net = nn.Sequential(nn.Embedding(CHARACTERS, WIDTH), Positions(), *[block() for _ in range(LAYERS)],
                        nn.LayerNorm(WIDTH), nn.Linear(WIDTH, CHARACTERS))
    for parameter in net.parameters():  # as in GPT-2, roughly
        if parameter.dim() > 1:
            nn.init.normal_(parameter, 0, 0.02)
    return net


# --- safetensors: 8 bytes of header length, JSON, data ---------------------------------------------
def save(path, state):
    header, data = {}, b""
    for name, tensor in state.items():
        array = tensor.detach().numpy()
        kind = next(k for k, t in TYPES.items() if array.dtype == t)
        header[name] = {"dtype": kind, "shape": list(array.shape), "data_offsets": [len(data), len(data) + array.nbytes]}
        data += numpy.ascontiguousarray(array).tobytes()
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


def load(path):
    with open(path, "rb") as file:
        raw = file.read()
    length = struct.unpack("<Q", raw[:8])[0]
    header, data = json.loads(raw[8:8 + length]), raw[8 + length:]
    state = {}
    for name, entry in header.items():
        if name != "__metadata__":
            begin, end = entry["data_offsets"]
            array = numpy.frombuffer(data[begin:end], TYPES[entry["dtype"]]).reshape(entry["shape"])
            state[name] = torch.from_numpy(array.copy())
    return state


# --- Batches: a pattern per class under heavy noise, some labels wrong, so that losses stay away from 0 ---
def pictures(rng, batch, side, channels, patterns):
    labels = rng.randint(0, CLASSES, batch)
    x = numpy.clip(0.4 * patterns[labels] + rng.uniform(0, 0.8, (batch, side, side, channels)), 0, 1)
    wrong = rng.rand(batch) < 0.2
    labels[wrong] = rng.randint(0, CLASSES, wrong.sum())
    return x.astype(numpy.float32), labels


def texts(rng, batch):
    """Each character follows from the one before, but for every fifth."""
    text = rng.randint(0, CHARACTERS, (batch, CONTEXT + 1))
    for t in range(CONTEXT):
        follows = rng.rand(batch) < 0.8
        text[follows, t + 1] = (text[follows, t] * 7 + 3) % CHARACTERS
    return text[:, :-1].astype(numpy.int32), text[:, 1:]


def make_batches(steps, path, batch, side, channels):
    """side 0: texts."""
    rng = numpy.random.RandomState(3)
    if side:
        patterns = numpy.kron(rng.rand(CLASSES, side // 4, side // 4, channels) < 0.3, numpy.ones((1, 4, 4, 1)))
    batches = []
    with open(path, "wb") as file:
        for _ in range(steps):
            x, labels = pictures(rng, batch, side, channels, patterns) if side else texts(rng, batch)
            file.write(x.tobytes() + labels.astype(numpy.int32).tobytes())
            x = torch.from_numpy(x)
            batches.append((x.permute(0, 3, 1, 2).contiguous() if side else x, torch.from_numpy(labels).long().flatten()))
    return batches


# --- Training: the recipes' own settings at a constant rate -----------------------------------------
# resnet20's rate is small: at the recipe's 0.1 rounding alone decides, and PyTorch in f32 and in f64 part by 1e-3 within
# three steps; at 1e-4 they stay within 1.4e-4.
def adam(net):
    return torch.optim.Adam(net.parameters(), lr=1e-3)


def nesterov(net):
    return torch.optim.SGD(net.parameters(), lr=1e-4, momentum=0.9, nesterov=True, weight_decay=5e-4)


def adamw(net):
    matrices = [p for p in net.parameters() if p.dim() > 1]
    vectors = [p for p in net.parameters() if p.dim() < 2]
    return torch.optim.AdamW([{"params": matrices, "weight_decay": 0.1}, {"params": vectors, "weight_decay": 0.0}],
                             lr=1e-3, betas=(0.9, 0.99))


def loss_of(net, x, y):
    return nn.functional.cross_entropy(net(x).flatten(0, -2), y)


def train(net, make_optimizer, clip, batches):
    optimizer = make_optimizer(net)
    losses = []
    for x, y in batches:
        optimizer.zero_grad()
        loss = loss_of(net, x, y)
        loss.backward()
        if clip:
            nn.utils.clip_grad_norm_(net.parameters(), clip)
        optimizer.step()
        losses.append(loss.item())
    return numpy.array(losses)


def logits(net, batch):
    net.eval()
    with torch.no_grad():
        return net(batch[0]).flatten(0, -2).numpy()


class Side:
    """clgrad, through the driver."""

    def __init__(self, driver, device, folder):
        self.driver, self.device, self.folder = driver, device, folder

    def path(self, name):
        return os.path.join(self.folder, name)

    def run(self, net, weights, steps):
        out = [self.path(n) for n in ("saved.safetensors", "losses", "logits")]
        subprocess.run([self.driver, "drive", net, self.device, weights, self.path("batches"), str(steps)] + out,
                       check=True, timeout=600)
        losses = numpy.fromfile(out[1], numpy.float32).astype(numpy.float64)
        return out[0], losses, numpy.fromfile(out[2], numpy.float32)


def report(what, worst, limit):
    good = bool(worst <= limit)  # NaN is not
    print("  %-58s %.3g of %.3g%s" % (what, worst, limit, "" if good else "  FAILED"))
    return good


def off(a, b):
    return float(numpy.abs(a.ravel() - b.ravel()).max() / numpy.abs(b).max())


def compare(side, steps, make, make_optimizer, clip, data):
    """One net: losses side by side, then files both ways."""
    torch.manual_seed(1)
    net = make()
    name = make.__name__
    batches = make_batches(steps, side.path("batches"), *data)
    print("%s, %s:" % (name, make_optimizer.__name__))
    save(side.path("start.safetensors"), net.state_dict())
    saved, losses, got = side.run(name, side.path("start.safetensors"), len(batches))
    want = train(net, make_optimizer, clip, batches)
    good = losses.shape == want.shape and report("losses of %d steps, relative" % len(want),
                                                 float((numpy.abs(losses - want) / want).max()), 1e-3)
    theirs = make()
    theirs.load_state_dict(load(saved), strict=True)
    good &= report("logits of clgrad's file in PyTorch (strict)", off(logits(theirs, batches[0]), got), 1e-5)
    save(side.path("torch.safetensors"), net.state_dict())
    _, _, back = side.run(name, side.path("torch.safetensors"), 0)
    return good & report("logits of PyTorch's file in clgrad", off(back, logits(net, batches[0])), 1e-5)


# Net, optimiser, largest norm of the gradient, (batch, side, channels) of the samples.
SUBJECTS = [(mlp, adam, 0, (64, 28, 1)), (cnn, adam, 0, (64, 28, 1)), (normed, adam, 0, (64, 28, 1)),
            (resnet20, nesterov, 0, (16, 32, 3)), (gpt, adamw, 1.0, (8, 0, 0))]


def main():
    driver, device = sys.argv[1:3]
    steps = int(sys.argv[3]) if len(sys.argv) > 3 else 50
    torch.set_num_threads(1)  # a second one spins where the machine is busy
    with tempfile.TemporaryDirectory() as folder:
        side = Side(driver, device, folder)
        print("device %s, PyTorch %s" % (device, torch.__version__))
        return 0 if all([compare(side, steps, *subject) for subject in SUBJECTS]) else 1


sys.exit(main())
