"""Attention forward + backward: this library's fused op, its unfused composition, PyTorch's composition, and PyTorch's own
fused op where its version has one, in turn.

    vs_attention.py BENCH [--heads 8] [--depth 64] [--causal] [--lengths 256,1024] [--rounds 9] [--unfused]

Prints per length the medians in ms, their quotients (the others / fused) and the arena's size. BENCH is the program
benchmarks/attention.
"""
import argparse
import os
import statistics
import subprocess
import time

import torch


class Bench:
    def __init__(self, *command):
        self.process = subprocess.Popen(list(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def step(self, length):
        self.process.stdin.write("%d\n" % length)
        self.process.stdin.flush()
        ms, arena = self.process.stdout.readline().split()
        return float(ms), int(arena)


class Composed:
    """softmax(q k^T / sqrt(D)) v with autograd."""

    def __init__(self, heads, depth, causal):
        self.heads, self.depth, self.causal, self.length = heads, depth, causal, 0

    def step(self, length):
        if length != self.length:
            self.length = length
            shape = (1, self.heads, length, self.depth)
            self.inputs = [(torch.rand(shape) * 2 - 1).requires_grad_() for _ in range(3)]
            self.dy = torch.rand(shape) * 2 - 1
            self.hidden = torch.ones(length, length, dtype=torch.bool).triu(1) if self.causal else None
            self.step(length)
        for t in self.inputs:
            t.grad = None
        start = time.perf_counter()
        self.attend(*self.inputs).backward(self.dy)
        return 1e3 * (time.perf_counter() - start), 0

    def attend(self, q, k, v):
        scores = q @ k.transpose(-1, -2) * self.depth ** -0.5
        if self.causal:
            scores = scores.masked_fill(self.hidden, float("-inf"))
        return torch.softmax(scores, -1) @ v


class Fused(Composed):
    """PyTorch's scaled_dot_product_attention."""

    def attend(self, q, k, v):
        return torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=self.causal)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("bench")
    parser.add_argument("--heads", type=int, default=8)
    parser.add_argument("--depth", type=int, default=64)
    parser.add_argument("--causal", action="store_true")
    parser.add_argument("--unfused", action="store_true")
    parser.add_argument("--lengths", default="128,256,512,1024,2048,4096")
    parser.add_argument("--no-torch-above", type=int, default=4096)
    parser.add_argument("--rounds", type=int, default=9)
    o = parser.parse_args()
    torch.set_num_threads(os.cpu_count())
    head = [o.bench, str(o.heads), str(o.depth), str(int(o.causal))]
    peers = {"fused": Bench(*head, "0"), "composed": Composed(o.heads, o.depth, o.causal)}
    if hasattr(torch.nn.functional, "scaled_dot_product_attention"):
        peers["sdpa"] = Fused(o.heads, o.depth, o.causal)
    if o.unfused:
        peers["unfused"] = Bench(*head, "1")
    print("%d heads of %d, causal %d, PyTorch %s, %d threads" %
          (o.heads, o.depth, o.causal, torch.__version__, torch.get_num_threads()))
    for length in map(int, o.lengths.split(",")):
        times, arena = {name: [] for name in peers}, 0
        for _ in range(o.rounds):
            for name, peer in peers.items():
                if name != "fused" and length > o.no_torch_above:
                    continue
                ms, size = peer.step(length)
                times[name].append(ms)
                arena = size if name == "fused" else arena
        text = "  ".join("%s %.2f (best %.2f)" % (n, statistics.median(t), min(t)) for n, t in times.items() if t)
        ratios = "  ".join("%s/fused %.2f" % (n, statistics.median(t) / statistics.median(times["fused"]))
                           for n, t in times.items() if t and n != "fused")
        print("length %5d  %s  %s  arena %.2f MB" % (length, text, ratios, arena / 1e6), flush=True)


if __name__ == "__main__":
    main()
