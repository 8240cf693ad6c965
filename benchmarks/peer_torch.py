"""PyTorch as a peer of `clgrad bench`: answers the lines of benchmarks/peer.h on the standard output.

Every case is built in each layout that PyTorch has for it, and the fastest one counts. Values are random: results are not
compared here.
"""
import os
import re
import resource
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F


class No(Exception):
    pass


def numbers(line, key, default):
    found = re.search(r" %s=([0-9,]+)" % key, line)
    return [int(n) for n in found.group(1).split(",")] if found else default


def number(line, key, default):
    return numbers(line, key, [default])[0]


def shapes(line):
    return [[int(n) for n in s.split(",")] for s in re.findall(r"\[([0-9,]+)\]", line)]


def rand(shape, grad=False):
    return (torch.rand(shape) * 2 - 1).requires_grad_(grad)


# --- Operations: each returns functions, one for each way of doing it ------------------------------------------------

def matmul(line):
    a, b = shapes(line)[:2]
    layout = (re.search(r"layout=(\w\w)", line) or [None, "NN"])[1]
    dtype = torch.bfloat16 if "precision=bf16" in line else torch.float32
    x = rand(a[:-2] + a[:-3:-1]).transpose(-1, -2) if layout[0] == "T" else rand(a)
    y = rand(b[:-2] + b[:-3:-1]).transpose(-1, -2) if layout[1] == "T" else rand(b)
    if dtype == torch.float32:
        out = torch.empty(a[:-1] + b[-1:])
        return [lambda: torch.matmul(x, y, out=out)]
    return [lambda: torch.matmul(x.to(dtype), y.to(dtype)).float()]  # from and to f32, as ours


def conv(line):
    op = line.split()[0]
    first, second = shapes(line)[:2]
    dims = numbers(line, "dims", None)
    x, w, dy = {"conv2d": (first, second, None), "conv2d_input": (dims, second, first),
                "conv2d_weights": (second, dims, first)}[op]
    how = dict(stride=numbers(line, "stride", [1, 1]), padding=numbers(line, "pad", [0, 0]),
               dilation=numbers(line, "dilation", [1, 1]), groups=number(line, "groups", 1))
    dtype = torch.bfloat16 if "precision=bf16" in line else torch.float32
    ways = []
    for layout in (torch.contiguous_format, torch.channels_last):
        def make(shape):  # [N, H, W, C] -> N, C, H, W
            n, h, wd, c = shape
            return rand([n, c, h, wd]).to(memory_format=layout)
        a, b = make(x), make(w)
        if op == "conv2d" and dtype == torch.float32:
            ways.append(lambda a=a, b=b: F.conv2d(a, b, **how))
        elif op == "conv2d":
            ways.append(lambda a=a, b=b: F.conv2d(a.to(dtype), b.to(dtype), **how).float())
        else:
            g = make(dy)
            mask = [op == "conv2d_input", op == "conv2d_weights", False]
            ways.append(lambda a=a, b=b, g=g, mask=mask: torch.ops.aten.convolution_backward(
                g, a, b, None, how["stride"], how["padding"], how["dilation"], False, [0, 0], how["groups"], mask))
    return ways


def step(function, *inputs):
    """Forward and backward to all inputs."""
    dy = torch.rand_like(function(*inputs).detach())

    def run():
        for t in inputs:
            t.grad = None
        function(*inputs).backward(dy)
    return [run]


def norm(line):
    x, scale = rand(shapes(line)[0], True), rand(shapes(line)[1], True)
    shift = rand(shapes(line)[1], True)
    if line.startswith("layer_norm"):
        return step(lambda a, b, c: F.layer_norm(a, b.shape, b, c), x, scale, shift)
    n, h, w, c = shapes(line)[0]
    mean, var, ways = torch.zeros(c), torch.ones(c), []
    for layout in (torch.contiguous_format, torch.channels_last):
        x = rand([n, c, h, w]).to(memory_format=layout).requires_grad_()
        ways += step(lambda a, b, d: F.batch_norm(a, mean, var, b, d, True), x, scale, shift)
    return ways


def row(function):
    return lambda line: step(function(line), rand(shapes(line)[0], True))


def cross_entropy(line):
    x, classes = rand(shapes(line)[0], True), shapes(line)[0][-1]
    labels = torch.arange(shapes(line)[0][0]) * 7 % classes
    return step(lambda a: F.cross_entropy(a, labels), x)


def attention(line):
    q, k, v = (rand(s, True) for s in shapes(line)[:3])
    causal = number(line, "causal", 0) != 0
    ways = []
    if hasattr(F, "scaled_dot_product_attention"):
        ways += step(lambda a, b, c: F.scaled_dot_product_attention(a, b, c, is_causal=causal), q, k, v)
    hidden = torch.ones(q.shape[2], k.shape[2], dtype=torch.bool).triu(1)

    def composed(a, b, c):
        scores = a @ b.transpose(-1, -2) * a.shape[-1] ** -0.5
        return torch.softmax(scores.masked_fill(hidden, float("-inf")) if causal else scores, -1) @ c
    return ways + step(composed, q, k, v)


def adam(line):
    p = torch.ones(shapes(line)[0]).requires_grad_()
    p.grad = rand(shapes(line)[0])
    ways = []
    for options in ({}, {"foreach": True}, {"fused": True}):
        try:
            optimizer = torch.optim.Adam([p], **options)
            optimizer.step()
            ways.append(optimizer.step)
        except (TypeError, RuntimeError):
            pass
    return ways


OPS = {"matmul": matmul, "conv2d": conv, "conv2d_input": conv, "conv2d_weights": conv, "layer_norm": norm, "batch_norm": norm,
       "relu": row(lambda line: torch.relu), "gelu": row(lambda line: F.gelu),
       "softmax": row(lambda line: lambda x: torch.softmax(x, -1)),
       "dropout": row(lambda line: lambda x: F.dropout(x, float(re.search(r" p=([0-9.]+)", line)[1]), True)),
       "cross_entropy": cross_entropy, "attention": attention, "adam": adam}


# --- Nets: those of benchmarks/nets.c ----------------------------------------------------------------------------------

class Residual(nn.Module):
    def __init__(self, body, shortcut=None, after=None):
        super().__init__()
        self.body, self.shortcut, self.after = body, shortcut, after

    def forward(self, x):
        y = self.body(x) + (self.shortcut(x) if self.shortcut else x)
        return self.after(y) if self.after else y


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads, self.input, self.output = heads, nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x):
        n, t, width = x.shape
        q, k, v = (p.view(n, t, self.heads, -1).transpose(1, 2) for p in self.input(x).split(width, 2))
        if hasattr(F, "scaled_dot_product_attention"):
            y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        else:
            scores = q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5
            hidden = torch.ones(t, t, dtype=torch.bool).triu(1)
            y = torch.softmax(scores.masked_fill(hidden, float("-inf")), -1) @ v
        return self.output(y.transpose(1, 2).reshape(n, t, width))


class GPT(nn.Module):
    def __init__(self, layers, heads, width, length):
        super().__init__()
        self.tokens, self.places = nn.Embedding(65, width), nn.Embedding(length, width)
        self.blocks = nn.Sequential(*[nn.Sequential(
            Residual(nn.Sequential(nn.LayerNorm(width), Attention(width, heads))),
            Residual(nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))))
            for _ in range(layers)], nn.LayerNorm(width), nn.Linear(width, 65))

    def forward(self, x):
        return self.blocks(self.tokens(x) + self.places.weight[:x.shape[1]]).flatten(0, 1)


def residual(in_, out, stride):
    def conv(i, o, k, s):
        return nn.Conv2d(i, o, k, s, k // 2, bias=False)
    body = nn.Sequential(conv(in_, out, 3, stride), nn.BatchNorm2d(out), nn.ReLU(), conv(out, out, 3, 1), nn.BatchNorm2d(out))
    fits = stride == 1 and in_ == out
    return Residual(body, None if fits else nn.Sequential(conv(in_, out, 1, stride), nn.BatchNorm2d(out)), nn.ReLU())


def resnet(stem, width, stages, blocks, classes):
    layers, in_ = stem, width
    for stage in range(stages):
        for i in range(blocks):
            layers.append(residual(in_, width << stage, 2 if stage and not i else 1))
            in_ = width << stage
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(in_, classes))


def net(line):
    name, batch = line.split()[0], number(line, "batch", 1)
    length, width = number(line, "length", 64), number(line, "width", 128)
    if name == "convnet":
        return nn.Sequential(nn.Conv2d(1, 32, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2),
                             nn.Flatten(), nn.Dropout(0.5), nn.Linear(1600, 10)), torch.rand(batch, 1, 28, 28), 10
    if name == "mlp":
        return nn.Sequential(nn.Linear(784, 1024), nn.ReLU(), nn.Linear(1024, 1024), nn.ReLU(),
                             nn.Linear(1024, 10)), torch.rand(batch, 784), 10
    if name == "gpt":
        made = GPT(number(line, "layers", 4), number(line, "heads", 4), width, length)
        return made, torch.randint(65, (batch, length)), 65
    if name == "resnet20":
        stem = [nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU()]
        return resnet(stem, 16, 3, 3, 10), torch.rand(batch, 3, 32, 32), 10
    stem = [nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
    return resnet(stem, 64, 4, 2, 1000), torch.rand(batch, 3, 224, 224), 1000


def train(line, ways):
    """Steps that read the loss back, as ours."""
    made = []
    for layout in (torch.contiguous_format, torch.channels_last)[:ways]:
        torch.manual_seed(0)
        module, x, classes = net(line)
        if layout == torch.channels_last:
            if x.dim() != 4:
                break
            module, x = module.to(memory_format=layout), x.to(memory_format=layout)
        y = torch.arange(len(module(x))) * 7 % classes
        try:
            optimizer = torch.optim.Adam(module.parameters(), fused=True)
        except (TypeError, RuntimeError):
            optimizer = torch.optim.Adam(module.parameters())

        def run(module=module, x=x, y=y, optimizer=optimizer):
            optimizer.zero_grad(set_to_none=True)
            loss = F.cross_entropy(module(x), y)
            loss.backward()
            optimizer.step()
            return loss.item()
        made.append(run)
    return made


# --- Answers ------------------------------------------------------------------------------------------------------------

def seconds_of(way, repeats):
    start = time.perf_counter()
    for _ in range(repeats):
        way()
    return (time.perf_counter() - start) / repeats


def best(ways):
    for way in ways:
        way()
    return min(ways, key=lambda way: min(seconds_of(way, 1) for _ in range(2)))


def resident():
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


def prepare(words):
    suite, line = words.split(" ", 1)
    if suite in ("train", "memory"):
        return best(train(line, 2 if suite == "train" else 1))
    name = line.split()[0]
    if suite != "ops" or name not in OPS:
        raise No("not one of PyTorch's cases")
    return best(OPS[name](line))


def main():
    torch.set_num_threads(os.cpu_count())
    way, before = None, resident()
    blas = "mkl" if torch.backends.mkl.is_available() else "openblas" if "open" in torch.__config__.show().lower() else "other"
    for line in sys.stdin:
        word, _, rest = line.rstrip("\n").partition(" ")
        try:
            if word == "case":
                way, before = None, resident()
                way = prepare(rest)
                answer = "ready %s, BLAS %s, %d threads" % (torch.__version__, blas, torch.get_num_threads())
            elif word == "run":
                answer = "%.9g" % seconds_of(way, int(rest))
            elif word == "memory":
                answer = str(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before)
            else:
                way, answer = None, "done"
        except Exception as error:  # the parent shows no figure
            way, answer = None, "no " + str(error).splitlines()[0][:200] if str(error) else "no " + type(error).__name__
        print(answer, flush=True)


main()
