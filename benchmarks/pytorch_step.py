"""The same training step as train_step.c, in PyTorch: prints one JSON line.

    pytorch_step.py convnet|mlp [--channels-last] [--steps N]
"""
import argparse
import json
import statistics
import time

import torch
from torch import nn


def convnet():
    return nn.Sequential(nn.Conv2d(1, 32, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(32, 64, 3), nn.ReLU(),
                         nn.MaxPool2d(2), nn.Flatten(), nn.Dropout(0.5), nn.Linear(1600, 10))


def mlp():
    return nn.Sequential(nn.Linear(784, 1024), nn.ReLU(), nn.Linear(1024, 1024), nn.ReLU(), nn.Linear(1024, 10))


NETS = {"convnet": (convnet, (128, 1, 28, 28)), "mlp": (mlp, (256, 784))}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("net", choices=NETS)
    parser.add_argument("--channels-last", action="store_true")
    parser.add_argument("--steps", type=int, default=40)
    options = parser.parse_args()
    make, shape = NETS[options.net]
    net, x = make(), torch.rand(shape)
    y = torch.arange(shape[0]) * 7 % 10
    if options.channels_last and len(shape) == 4:
        net, x = net.to(memory_format=torch.channels_last), x.to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(net.parameters())
    times = []
    for _ in range(options.steps + 5):
        start = time.perf_counter()
        optimizer.zero_grad(set_to_none=True)
        loss = nn.functional.cross_entropy(net(x), y)
        loss.backward()
        optimizer.step()
        loss.item()
        times.append(1e3 * (time.perf_counter() - start))
    print(json.dumps({"net": options.net, "median_ms": statistics.median(times[5:]), "loss": loss.item(),
                      "version": torch.__version__, "threads": torch.get_num_threads(),
                      "blas": "mkl" if torch.backends.mkl.is_available() else "other"}))


if __name__ == "__main__":
    main()
