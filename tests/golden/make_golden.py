#!/usr/bin/python3
"""Golden values of every op and its gradients, from PyTorch in double precision.

    python3 tests/golden/make_golden.py > tests/golden/golden.h

Each case is a line in the words of `clgrad check`, with arrays: i inputs, w weights, y results, g gradients of
sum(y * w) to the inputs. Inputs and weights are exact in f32. Images are [N, H, W, C] here, moved to PyTorch's layout
and back. Nothing of clgrad takes part.
"""
import struct

import numpy
import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
rng = numpy.random.RandomState(20221)
table, values = [], []


def f32(a):
    return numpy.asarray(a, numpy.float32).astype(numpy.float64)


def random(shape, low=-2.0, high=2.0):
    return f32(rng.uniform(low, high, shape))


def brackets(a):
    return "[" + ",".join(str(n) for n in a.shape) + "]"


def put(kind, index, array):
    flat = numpy.asarray(array, numpy.float64).ravel()
    row = (kind, index, len(values), len(flat))
    values.extend(flat.tolist())
    return row


def case(op, inputs, function, arguments="", gradient=True, states=0, weigh=None):
    """inputs: numpy arrays (f64: numbers, bool: truth values, int64: indices); function: torch tensors -> results.

    The last `states` inputs take no gradient; only the results in `weigh` (None: all) enter the loss."""
    tensors = []
    for i, a in enumerate(inputs):
        t = torch.from_numpy(numpy.array(a))
        if gradient and t.is_floating_point() and i < len(inputs) - states:
            t.requires_grad_(True)
        tensors.append(t)
    results = function(*tensors)
    results = list(results) if isinstance(results, (tuple, list)) else [results]
    rows = [put("i", i, a) for i, a in enumerate(inputs)]
    loss = None
    for k, y in enumerate(results):
        if gradient and y.requires_grad and (weigh is None or k in weigh):
            w = f32(rng.uniform(0.25, 1.25, tuple(y.shape)) * rng.choice([-1, 1], tuple(y.shape)))
            rows.append(put("w", k, w))
            part = (y * torch.from_numpy(numpy.asarray(w))).sum()
            loss = part if loss is None else loss + part
        rows.append(put("y", k, y.detach().numpy()))
    if loss is not None:
        loss.backward()
        for i, t in enumerate(tensors):
            if t.requires_grad:
                rows.append(put("g", i, numpy.zeros(t.shape) if t.grad is None else t.grad.numpy()))
    line = op + " f32" + "".join(" " + brackets(numpy.asarray(a)) for a in inputs)
    table.append((line + (" " + arguments if arguments else ""), rows))


# --- Elementwise: random values, then 0, ties and the far ends -------------------------------------
ENDS = f32([0.0, 0.0, 1e-3, -1e-3, 0.5, -0.5, 1.0, -1.0, 30.0, -30.0, 88.0, -88.0, 1e4, -1e4])
POSITIVE = f32([1e-3, 0.5, 1.0, 2.0, 30.0, 1e4])
UNARY = {
    "neg": (torch.neg, -3, 3, ENDS), "abs": (torch.abs, -3, 3, ENDS), "square": (torch.square, -3, 3, ENDS),
    "sqrt": (torch.sqrt, 0.1, 4, POSITIVE), "rsqrt": (torch.rsqrt, 0.1, 4, POSITIVE),
    "reciprocal": (torch.reciprocal, 0.3, 4, POSITIVE), "exp": (torch.exp, -5, 5, ENDS[:10]),
    "log": (torch.log, 0.1, 4, POSITIVE), "erf": (torch.erf, -3, 3, ENDS), "tanh": (torch.tanh, -3, 3, ENDS),
    "sigmoid": (torch.sigmoid, -6, 6, ENDS), "relu": (torch.relu, -3, 3, ENDS), "gelu": (F.gelu, -4, 4, ENDS),
    "silu": (F.silu, -6, 6, ENDS),
}
for name, (function, low, high, ends) in UNARY.items():
    case(name, [random((3, 7), low, high)], function)
    case(name, [ends], function)
case("not", [numpy.array([True, False, True])], torch.logical_not)

PAIRS = (f32([0, 0, 1, -1, 30, -30, 1e4, 2, -2]), f32([0, 1, 1, -1, -30, -30, 1e4, -2, 2]))
BINARY = {"add": torch.add, "sub": torch.sub, "mul": torch.mul, "div": torch.div,
          "maximum": torch.maximum, "minimum": torch.minimum}
for name, function in BINARY.items():
    low = 0.3 if name == "div" else -3
    case(name, [random((4, 5), low, 4), random((5,), low, 4)], function)
    case(name, [random((3, 1), low, 4), random((2, 1, 4), low, 4)], function)
    if name != "div":
        case(name, list(PAIRS), function)
COMPARE = {"equal": torch.eq, "not_equal": torch.ne, "less": torch.lt, "less_equal": torch.le,
           "greater": torch.gt, "greater_equal": torch.ge}
for name, function in COMPARE.items():
    case(name, list(PAIRS), function)
LOGIC = [numpy.array([True, True, False, False]), numpy.array([True, False, True, False])]
case("and", LOGIC, torch.logical_and)
case("or", LOGIC, torch.logical_or)
case("where", [rng.rand(3, 5) < 0.5, random((3, 5)), random((5,))], torch.where)
case("cast", [f32([0, 1.9, -1.9, 2.5, -2.5, 100])], lambda x: x.to(torch.int32), "to=i32", gradient=False)
case("constant", [random((3, 5))], lambda x: x + 0.75, "value=0.75")
case("scalar", [random((3, 5))], lambda x: x * 0.75, "value=0.75")

# --- Reductions ------------------------------------------------------------------------------------
for axes, keep in (((1,), 0), ((0,), 1), ((0, 2), 1), ((0, 1, 2), 0)):
    x = random((3, 4, 5))
    text = "axes=" + ",".join(map(str, axes)) + " keep=%d" % keep
    case("sum", [x], lambda t: t.sum(axes, keepdim=bool(keep)), text)
    case("mean", [x], lambda t: t.mean(axes, keepdim=bool(keep)), text)
    case("max", [x], lambda t: t.amax(axes, keepdim=bool(keep)), text)
    case("moments", [x], lambda t: (t.mean(axes, keepdim=bool(keep)), t.var(axes, unbiased=False, keepdim=bool(keep))), text)
case("max", [f32([[1, 3, 3], [2, 2, 2], [0, -1, -2]])], lambda t: t.amax(1), "axes=1")
case("argmax", [f32([[1, 3, 3], [2, 2, 2], [-3, -1, -2]])], lambda t: t.argmax(1), "axis=1", gradient=False)

# --- Movement --------------------------------------------------------------------------------------
case("reshape", [random((3, 4))], lambda x: x.reshape(2, 6), "dims=2,6")
case("permute", [random((2, 3, 4))], lambda x: x.permute(2, 0, 1), "order=2,0,1")
case("expand", [random((3, 1, 2))], lambda x: x.expand(2, 3, 4, 2), "dims=2,3,4,2")
case("slice", [random((5, 7))], lambda x: x[1:5:2, 2:7:3], "start=1,2 stop=5,7 step=2,3")
case("pad", [random((3, 4))], lambda x: F.pad(x, (2, 1, 0, 3)), "before=0,2 after=3,1")


def pack(a, b, c):
    return torch.cat([a.ravel(), torch.zeros(2), b.ravel(), c.ravel(), torch.zeros(3)])


case("pack", [random((2, 3)), random((4,)), random((1, 2))], pack, "offsets=0,8,12 total=17")

# --- Contractions ----------------------------------------------------------------------------------
case("matmul", [random((5, 7)), random((7, 3))], torch.matmul)
case("matmul", [random((2, 1, 4, 3)), random((3, 3, 5))], torch.matmul)


def nchw(t):
    return t.permute(0, 3, 1, 2)


def nhwc(t):
    return t.permute(0, 2, 3, 1)


def conv(stride=(1, 1), pad=(0, 0), groups=1):
    return lambda x, w: nhwc(F.conv2d(nchw(x), nchw(w), None, stride, pad, 1, groups))


def words(stride, pad, groups):
    return "stride=%d,%d pad=%d,%d groups=%d" % (stride + pad + (groups,))


CONVOLUTIONS = [((2, 6, 5, 3), (4, 3, 3, 3), (1, 1), (0, 0), 1), ((1, 7, 6, 4), (6, 3, 2, 2), (2, 1), (1, 0), 2),
                ((1, 5, 5, 3), (3, 3, 3, 1), (1, 2), (1, 1), 3)]
for x, w, stride, pad, groups in CONVOLUTIONS:
    text = words(stride, pad, groups)
    forward = conv(stride, pad, groups)
    case("conv2d", [random(x), random(w)], forward, text)
    out = tuple(forward(torch.zeros(x), torch.zeros(w)).shape)

    def to_input(dy, weight, x=x, stride=stride, pad=pad, groups=groups):
        return nhwc(torch.nn.grad.conv2d_input((x[0], x[3], x[1], x[2]), nchw(weight), nchw(dy), stride, pad, 1, groups))

    def to_weights(dy, data, w=w, stride=stride, pad=pad, groups=groups):
        probe = torch.zeros(w, requires_grad=True)
        y = conv(stride, pad, groups)(data, probe)
        return torch.autograd.grad(y, probe, dy, create_graph=True)[0]

    dims = lambda s: " dims=" + ",".join(map(str, s))
    case("conv2d_input", [random(out), random(w)], to_input, text + dims(x))
    case("conv2d_weights", [random(out), random(x)], to_weights, text + dims(w))

for window, stride, pad in (((2, 2), (2, 2), (0, 0)), ((3, 2), (2, 1), (1, 1))):
    text = "window=%d,%d stride=%d,%d pad=%d,%d" % (window + stride + pad)
    x = random((2, 6, 5, 3))
    case("max_pool2d", [x], lambda t: nhwc(F.max_pool2d(nchw(t), window, stride, pad)), text)
    case("avg_pool2d", [x], lambda t: nhwc(F.avg_pool2d(nchw(t), window, stride, pad)), text)
TIES = f32(rng.randint(-1, 2, (1, 6, 6, 2)))
case("max_pool2d", [TIES], lambda t: nhwc(F.max_pool2d(nchw(t), 2)), "window=2,2")
case("max_pool2d", [TIES], lambda t: nhwc(F.max_pool2d(nchw(t), 3, 2, 1)), "window=3,3 stride=2,2 pad=1,1")

# --- Composites ------------------------------------------------------------------------------------
ROWS = f32([[0, 0, 0, 0], [30, -30, 1, 0], [1e4, 0, -1e4, 1], [1e4, 1e4, -30, 0], [-numpy.inf, 0, 1, 2]])
for name, function in (("softmax", torch.softmax), ("log_softmax", torch.log_softmax)):
    case(name, [random((3, 7), -5, 5)], lambda x: function(x, -1))
    case(name, [random((3, 4, 2), -5, 5)], lambda x: function(x, 1), "axis=1")
    case(name, [ROWS if name == "softmax" else ROWS[:4]], lambda x: function(x, -1))
labels = numpy.array([3, 0, 6, 3, 1])
case("cross_entropy", [random((5, 7), -5, 5), labels], F.cross_entropy, "limit=7")
case("cross_entropy", [ROWS[:4], numpy.array([0, 0, 2, 1])], F.cross_entropy, "limit=4")
case("dropout", [random((3, 5))], lambda x: x * 1.0, "p=0.3 train=0")


def batch_norm(train):
    def run(x, gamma, beta, mean, variance):
        running = [mean.clone(), variance.clone()]
        moved = x.movedim(-1, 1) if x.dim() > 2 else x
        y = F.batch_norm(moved, running[0], running[1], gamma, beta, train, 0.1, 1e-5)
        return [y.movedim(1, -1) if x.dim() > 2 else y] + running
    return run


for shape, train in (((2, 3, 4, 3), 1), ((9, 5), 1), ((2, 3, 4, 3), 0)):
    c = (shape[-1],)
    case("batch_norm", [random(shape), random(c), random(c), random(c, 0.5, 1.5), random(c, 0.5, 1.5)],
         batch_norm(bool(train)), "train=%d" % train, states=2, weigh=[0])

# --- Added later: at the end, so that the values before them stay ------------------------------------
case("batch_norm", [random((2, 3)), random((3,)), random((3,)), random((3,), 0.5, 1.5), random((3,), 0.5, 1.5)],
     batch_norm(True), "train=1", states=2, weigh=[0])
case("pad", [random((2, 3, 2, 4))], lambda x: F.pad(x, (1, 0, 0, 2, 2, 1, 0, 1)), "before=0,2,0,1 after=1,1,2,0")
case("argmax", [random((4, 7, 3))], lambda t: t.argmax(1), "axis=1", gradient=False)
case("argmax", [random((6, 5))], lambda t: t.argmax(0), "axis=0", gradient=False)

# --- Writing ---------------------------------------------------------------------------------------
def exact_float(x):
    word = "%.9g" % x
    return word + ("f" if "." in word or "e" in word else ".0f")


def number(x):
    if x != x:
        return "NAN"
    if x in (float("inf"), float("-inf")):
        return "INFINITY" if x > 0 else "-INFINITY"
    short = struct.unpack("f", struct.pack("f", x))[0] if abs(x) < 3e38 else None
    if x == int(x) and abs(x) < 1e6:
        return repr(int(x))
    return exact_float(x) if short == x else "%.17g" % x


print("/* Golden values from make_golden.py, PyTorch %s in double precision. Generated: do not edit. */"
      % torch.__version__)
print("static const golden_array golden_arrays[] = {")
for line, rows in table:
    for kind, index, offset, count in rows:
        print('    { "%s", \'%s\', %d, %d, %d },' % (line, kind, index, offset, count))
print("};\nstatic const double golden_values[] = {")
text = "   "
for x in values:
    word = " " + number(x) + ","
    if len(text) + len(word) > 108:
        print(text)
        text = "   "
    text += word
print(text + "\n};")
