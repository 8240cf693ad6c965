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

BATCH, PIXELS, CLASSES = 64, 28, 10
LEARNING_RATE = 1e-3
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
def make_batches(steps, path):
    rng = numpy.random.RandomState(3)
    patterns = numpy.kron(rng.rand(CLASSES, 7, 7) < 0.3, numpy.ones((1, 4, 4)))
    batches = []
    with open(path, "wb") as file:
        for _ in range(steps):
            labels = rng.randint(0, CLASSES, BATCH)
            x = numpy.clip(0.4 * patterns[labels] + rng.uniform(0, 0.8, (BATCH, PIXELS, PIXELS)), 0, 1)
            wrong = rng.rand(BATCH) < 0.2
            labels[wrong] = rng.randint(0, CLASSES, wrong.sum())
            x = x.astype(numpy.float32)
            file.write(x.tobytes() + labels.astype(numpy.int32).tobytes())
            batches.append((torch.from_numpy(x).unsqueeze(1), torch.from_numpy(labels).long()))
    return batches


def train(net, batches):
    optimizer = torch.optim.Adam(net.parameters(), lr=LEARNING_RATE)
    losses = []
    for x, y in batches:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(net(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return numpy.array(losses)


def logits(net, batch):
    net.eval()
    with torch.no_grad():
        return net(batch[0]).numpy()


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
        return out[0], losses, numpy.fromfile(out[2], numpy.float32).reshape(BATCH, CLASSES)


def report(what, worst, limit):
    good = bool(worst <= limit)  # NaN is not
    print("  %-58s %.3g of %.3g%s" % (what, worst, limit, "" if good else "  FAILED"))
    return good


def off(a, b):
    return float(numpy.abs(a - b).max() / numpy.abs(b).max())


def compare(make, side, batches):
    """One net: losses side by side, then files both ways."""
    torch.manual_seed(1)
    net = make()
    name = make.__name__
    print(name + ":")
    save(side.path("start.safetensors"), net.state_dict())
    saved, losses, got = side.run(name, side.path("start.safetensors"), len(batches))
    want = train(net, batches)
    good = losses.shape == want.shape and report("losses of %d steps, relative" % len(want),
                                                 float((numpy.abs(losses - want) / want).max()), 1e-3)
    theirs = make()
    theirs.load_state_dict(load(saved), strict=True)
    good &= report("logits of clgrad's file in PyTorch (strict)", off(logits(theirs, batches[0]), got), 1e-5)
    save(side.path("torch.safetensors"), net.state_dict())
    _, _, back = side.run(name, side.path("torch.safetensors"), 0)
    return good & report("logits of PyTorch's file in clgrad", off(back, logits(net, batches[0])), 1e-5)


def main():
    driver, device = sys.argv[1:3]
    steps = int(sys.argv[3]) if len(sys.argv) > 3 else 50
    torch.set_num_threads(2)
    with tempfile.TemporaryDirectory() as folder:
        side = Side(driver, device, folder)
        batches = make_batches(steps, side.path("batches"))
        print("device %s, PyTorch %s, Adam, batch %d" % (device, torch.__version__, BATCH))
        return 0 if all([compare(make, side, batches) for make in (mlp, cnn, normed)]) else 1


sys.exit(main())
