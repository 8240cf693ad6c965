#!/usr/bin/python3
"""Golden values of torch.nn.MultiheadAttention, in double precision, to 9 digits: its state, inputs, result, gradients.

    python3 tests/golden/make_modules.py > tests/golden/modules.h

The loss is sum(y * w). All numbers that go in are exact in f32.
"""
import numpy
import torch

torch.set_default_dtype(torch.float64)
rng = numpy.random.RandomState(7)
WIDTH, HEADS, N, T, S = 6, 2, 2, 5, 4


def random(*shape):
    return torch.from_numpy(rng.uniform(-1, 1, shape).astype(numpy.float32).astype(numpy.float64))


def numbers(tensor):
    return ", ".join("%.9g" % x for x in tensor.detach().double().numpy().ravel())


def case(name, bias=True, causal=False, cross=False, masked=False):
    """cross: keys and values of their own; masked: the last key of the first text takes no part."""
    module = torch.nn.MultiheadAttention(WIDTH, HEADS, bias=bias, batch_first=True)
    module.load_state_dict({k: random(*v.shape) for k, v in module.state_dict().items()})
    query = random(N, T, WIDTH).requires_grad_(True)
    key = random(N, S, WIDTH).requires_grad_(True) if cross else query
    value = random(N, S, WIDTH).requires_grad_(True) if cross else query
    length = key.shape[1]
    seen = torch.ones(N, length, dtype=torch.bool)
    if masked:
        seen[0, -1] = False
    future = torch.ones(T, length, dtype=torch.bool).triu(1) if causal else None
    y, _ = module(query, key, value, key_padding_mask=~seen if masked else None, attn_mask=future)
    w = random(*y.shape)
    (y * w).sum().backward()
    state = list(module.named_parameters())
    print('    { "%s", %d, %d, %d, %d,' % (name, not bias, causal, cross, masked))
    print("      { %s }," % ", ".join('"%s"' % k for k, _ in state))
    for row in ([p for _, p in state], [p.grad for _, p in state]):
        print("      { %s }," % ", ".join("{ %s }" % numbers(p) for p in row))
    inputs = [query] + ([key, value] if cross else [])
    for row in (inputs, [x.grad for x in inputs]):
        print("      { %s }," % ", ".join("{ %s }" % numbers(x) for x in row))
    print("      { %s },\n      { %s } }," % (numbers(w), numbers(y)))


print("/* Golden values from make_modules.py, PyTorch %s in double precision. Generated: do not edit. */" % torch.__version__)
print("enum { WIDTH = %d, HEADS = %d, N = %d, T = %d, S = %d };" % (WIDTH, HEADS, N, T, S))
print("static const attention_case attention_cases[] = {")
case("self")
case("causal", causal=True)
case("without bias", bias=False, causal=True)
case("masked", masked=True)
case("cross", cross=True)
case("cross, masked", cross=True, masked=True)
print("};")
