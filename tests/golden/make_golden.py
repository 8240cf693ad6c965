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


def case(op, inputs, function, arguments="", gradient=True, states=0, weigh=None, fixed=()):
    """inputs: numpy arrays (f64: numbers, bool: truth values, int64: indices); function: torch tensors -> results.

    The last `states` inputs and the `fixed` ones take no gradient; only the results in `weigh` (None: all) enter the
    loss."""
    tensors = []
    for i, a in enumerate(inputs):
        t = torch.from_numpy(numpy.array(a))
        if gradient and t.is_floating_point() and i < len(inputs) - states and i not in fixed:
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
STEPS = f32([0.0, 0.5, -0.5, 1.5, -1.5, 2.5, -2.5, 3.0, -3.0, 1e-3, -1e-3, 30.0, -30.0, 1e4, -1e4])
NEAR = f32([0.0, 1e-3, -1e-3, 1e-6, 0.5, -0.5, 0.9])
TURNS = f32([0.0, 1e-3, 0.5, -0.5, 1.0, 3.0, -3.0, 30.0, -30.0, 88.0, 1e4, -1e4, 1e6, 3e9, 1e30])
UNARY.update({
    "relu6": (F.relu6, -3, 9, numpy.append(ENDS, f32([6.0, 3.0]))), "selu": (F.selu, -4, 4, ENDS),
    "gelu_tanh": (lambda x: F.gelu(x, approximate="tanh"), -4, 4, ENDS),
    "softplus": (lambda x: F.softplus(x, threshold=50), -6, 6, ENDS), "mish": (F.mish, -6, 6, ENDS),
    "hardsigmoid": (lambda x: F.relu6(x + 3) / 6, -5, 5, STEPS), "hardswish": (F.hardswish, -5, 5, STEPS),
    "exp2": (torch.exp2, -5, 5, STEPS[:13]), "expm1": (torch.expm1, -4, 4, ENDS[:11]),
    "log2": (torch.log2, 0.1, 4, POSITIVE), "log1p": (torch.log1p, -0.8, 4, f32([0, 1e-6, -1e-6, 1e-3, 1, 30, 1e4])),
    "sin": (torch.sin, -4, 4, TURNS), "cos": (torch.cos, -4, 4, TURNS), "tan": (torch.tan, -1.4, 1.4, TURNS),
    "asin": (torch.asin, -0.9, 0.9, NEAR), "acos": (torch.acos, -0.9, 0.9, NEAR), "atan": (torch.atan, -4, 4, ENDS),
    "sinh": (torch.sinh, -4, 4, ENDS[:10]), "cosh": (torch.cosh, -4, 4, ENDS[:10]),
    "asinh": (torch.asinh, -4, 4, ENDS), "acosh": (torch.acosh, 1.1, 5, f32([1.5, 2, 30, 1e4])),
    "atanh": (torch.atanh, -0.9, 0.9, NEAR), "floor": (torch.floor, -3, 3, STEPS), "ceil": (torch.ceil, -3, 3, STEPS),
    "round": (torch.round, -3, 3, STEPS), "trunc": (torch.trunc, -3, 3, STEPS), "sign": (torch.sign, -3, 3, STEPS),
})
for name, (function, low, high, ends) in UNARY.items():
    case(name, [random((3, 7), low, high)], function)
    case(name, [ends], function)
for slope in (0.01, 0.25):
    case("leaky_relu", [ENDS], lambda x: F.leaky_relu(x, slope), "value=%g" % slope)
for alpha in (1.0, 0.25):
    case("elu", [random((3, 7), -4, 4)], lambda x: F.elu(x, alpha), "value=%g" % alpha)
    case("elu", [ENDS], lambda x: F.elu(x, alpha), "value=%g" % alpha)
case("clamp", [f32([-2, -1, -0.5, 0, 1, 1.5, 1e4, -1e4])], lambda x: x.clamp(-1, 1), "from=-1 to=1")
ODD = f32([0, -0.0, 1, -30, numpy.inf, -numpy.inf, numpy.nan])
for name, function in (("isnan", torch.isnan), ("isinf", torch.isinf), ("isfinite", torch.isfinite)):
    case(name, [ODD], function, gradient=False)
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
case("pow", [random((4, 5), 0.3, 4), random((5,), -2, 3)], torch.pow)
case("pow", [f32([0, 0, 2, -2, 1, 30, 0.5]), f32([0, 2, 3, 1, 7, -2, 10])], torch.pow)
case("atan2", [random((4, 5), -3, 3), random((5,), -3, 3)], torch.atan2)
case("atan2", [f32([1, -1, 1, -1, 1e4]), f32([1, 1, -1, -1, 1e-3])], torch.atan2)
DIVIDED = [f32([7, -7, 7, -7, 2.5, -2.5, 1e4]), f32([3, 3, -3, -3, 0.7, 0.7, 0.3])]
for name, function in (("fmod", torch.fmod), ("remainder", torch.remainder)):
    case(name, [random((4, 5), -4, 4), random((5,), 0.3, 4)], function, gradient=name == "fmod")
    case(name, DIVIDED, function, gradient=name == "fmod")
COMPARE = {"equal": torch.eq, "not_equal": torch.ne, "less": torch.lt, "less_equal": torch.le,
           "greater": torch.gt, "greater_equal": torch.ge}
for name, function in COMPARE.items():
    case(name, list(PAIRS), function)
LOGIC = [numpy.array([True, True, False, False]), numpy.array([True, False, True, False])]
case("and", LOGIC, torch.logical_and)
case("or", LOGIC, torch.logical_or)
case("xor", LOGIC, torch.logical_xor)
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
    case("min", [x], lambda t: t.amin(axes, keepdim=bool(keep)), text)
    for correction in (0, 1):
        more = text + " correction=%d" % correction
        case("var", [x], lambda t: t.var(axes, unbiased=bool(correction), keepdim=bool(keep)), more)
        case("std", [x], lambda t: t.std(axes, unbiased=bool(correction), keepdim=bool(keep)), more)
    case("logsumexp", [x], lambda t: t.logsumexp(axes, keepdim=bool(keep)), text)
    for name, order in (("norm1", 1), ("norm2", 2), ("norm_inf", numpy.inf)):
        case(name, [x], lambda t: torch.linalg.vector_norm(t, order, axes, keepdim=bool(keep)), text)
    case("moments", [x], lambda t: (t.mean(axes, keepdim=bool(keep)), t.var(axes, unbiased=False, keepdim=bool(keep))), text)
case("max", [f32([[1, 3, 3], [2, 2, 2], [0, -1, -2]])], lambda t: t.amax(1), "axes=1")
case("min", [f32([[1, 3, 1], [2, 2, 2], [0, -1, -2]])], lambda t: t.amin(1), "axes=1")
FEW = f32([[2, 3, -0.5, 4], [0, 3, 2, 1], [0, 5, 0, 2], [-1, 1e-3, 30, 2]])
case("prod", [FEW], lambda t: t.prod(1), "axes=1")
case("prod", [random((3, 4, 5), 0.5, 1.5)], lambda t: t.prod(1, keepdim=True), "axes=1 keep=1")
case("logsumexp", [f32([[1e4, 0, -1e4], [30, 30, 30], [-88, -88, 88]])], lambda t: t.logsumexp(1), "axes=1")
for name, order in (("norm1", 1), ("norm2", 2), ("norm_inf", numpy.inf)):
    case(name, [f32([[3, -4, 0], [0, 0, 0], [-2, 2, 1]])], lambda t: torch.linalg.vector_norm(t, order, 1), "axes=1")
HOLDS = numpy.array([[True, False, False], [False, False, False], [True, True, True]])
case("any", [HOLDS], lambda t: t.any(1), "axes=1")
case("all", [HOLDS], lambda t: t.all(0, keepdim=True), "axes=0 keep=1")
case("all", [HOLDS], lambda t: t.all(1), "axes=1")
case("argmin", [f32([[1, 3, 1], [2, 2, 2], [-3, -1, -4]])], lambda t: t.argmin(1), "axis=1", gradient=False)
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

# --- Losses ----------------------------------------------------------------------------------------
HOW = (("mean", 0), ("sum", 1), ("none", 2))
TARGETS = f32([[0, 1, 0.5, 1], [1, 0, 0.25, 0], [0, 1, 1, 0]])
FAR = f32([[0, 30, -0.5, 2], [-30, 1e4, 1, -1e4], [-88, 88, -2, 3]])
for how, number_of in HOW:
    text = "reduction=%d" % number_of
    case("mse_loss", [random((3, 4)), random((3, 4))], lambda p, t: F.mse_loss(p, t, reduction=how), text)
    case("l1_loss", [random((3, 4)), random((3, 4))], lambda p, t: F.l1_loss(p, t, reduction=how), text)
    for delta in (1.0, 0.5):
        case("huber_loss", [random((3, 4)), random((3, 4))],
             lambda p, t: F.huber_loss(p, t, reduction=how, delta=delta), text + " delta=%g" % delta)
    case("bce_with_logits", [random((3, 4), -6, 6), TARGETS, random((4,), 0.5, 3)],
         lambda x, t, w: F.binary_cross_entropy_with_logits(x, t, pos_weight=w, reduction=how), text, fixed=[1, 2])
    case("triplet_margin_loss", [random((6, 4)), random((6, 4)), random((6, 4))],
         lambda a, p, n: F.triplet_margin_loss(a, p, n, reduction=how), text)
    chosen = numpy.array([3, 0, 6, 3, 1])
    for name, words_of, options in (
            ("nll_loss", "", {}), ("nll_loss", " weights=0", {}), ("nll_loss", " ignored=3", {"ignore_index": 3}),
            ("cross_entropy_with", "", {}), ("cross_entropy_with", " weights=0 ignored=3", {"ignore_index": 3}),
            ("cross_entropy_with", " smoothing=0.1", {"label_smoothing": 0.1}),
            ("cross_entropy_with", " ignored=0 smoothing=0.25", {"ignore_index": 0, "label_smoothing": 0.25}),
            ("cross_entropy_with", " weights=0 smoothing=1", {"label_smoothing": 1.0})):
        function = F.nll_loss if name == "nll_loss" else F.cross_entropy
        weighted = "weights=0" not in words_of
        # PyTorch has no gradient to the class weights: they are states here.
        def run(x, w, t, function=function, weighted=weighted, options=options, how=how):
            return function(x, t, weight=w.detach() if weighted else None, reduction=how, **options)
        case(name, [random((5, 7), -5, -0.1), random((7,), 0.5, 2), chosen], run, "limit=7 " + text + words_of, fixed=[1])

# PyTorch's own loses the digits of a right answer far from 0.
case("bce_with_logits", [FAR, TARGETS, random((4,), 0.5, 3)],
     lambda x, t, w: -w * t * F.logsigmoid(x) - (1 - t) * F.logsigmoid(-x), "reduction=2")


def focal(alpha, gamma):
    def run(x, t):
        p, ce = torch.sigmoid(x), F.binary_cross_entropy_with_logits(x, t, reduction="none")
        loss = ce * (1 - (p * t + (1 - p) * (1 - t))) ** gamma
        return ((alpha * t + (1 - alpha) * (1 - t)) * loss if alpha >= 0 else loss).mean()
    return run


def dice(p, t):
    both, all_of = (p * t).sum((1, 2)), (p + t).sum((1, 2))
    return (1 - (2 * both + 1) / (all_of + 1)).mean()


case("focal_loss", [random((3, 4), -6, 6), TARGETS], focal(0.25, 2))
case("focal_loss", [random((3, 4), -6, 6), TARGETS], focal(-1, 1.5), "alpha=-1 gamma=1.5")
case("dice_loss", [random((3, 4, 2), 0, 1), f32(rng.randint(0, 2, (3, 4, 2)))], dice)
SHARES = f32([[0.125, 0.25, 0.5, 0.125], [0, 0.5, 0.5, 0], [1, 0, 0, 0]])
for how, number_of in (("batchmean", 0), ("sum", 1), ("none", 2)):
    case("kl_divergence", [random((3, 4), -3, -0.1), SHARES], lambda q, p: F.kl_div(q, p, reduction=how),
               "reduction=%d" % number_of, fixed=[1])
case("kl_divergence", [random((3, 4), -3, -0.1), random((3, 4), 0.1, 1)],
     lambda q, p: F.kl_div(q, p, reduction="batchmean"))
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

for shape, n in (((3, 7), 1), ((2, 3, 5), 2), ((4, 33), 1)):
    tail = shape[len(shape) - n:]
    case("layer_norm", [random(shape), random(tail), random(tail)],
         lambda x, w, b: F.layer_norm(x, tail, w, b, 1e-5), "n=%d" % n)
    case("rms_norm", [random(shape), random(tail)],
         lambda x, w: w * x / (x.square().mean(tuple(range(-n, 0)), keepdim=True) + 1e-5).sqrt(), "n=%d" % n)
for shape, groups in (((2, 3, 4, 6), 2), ((2, 5, 8), 4), ((3, 4, 4, 3), 1)):
    c = (shape[-1],)
    case("group_norm", [random(shape), random(c), random(c)],
         lambda x, w, b: F.group_norm(x.movedim(-1, 1), groups, w, b, 1e-5).movedim(1, -1), "groups=%d" % groups)
    case("instance_norm", [random(shape), random(c), random(c)],
         lambda x, w, b: F.instance_norm(x.movedim(-1, 1), None, None, w, b, True, 0.1, 1e-5).movedim(1, -1))

# --- Convolutions with dilation, along one and three axes, transposed; pooling and resizing to a size --------------
DILATED = [((2, 9, 8, 2), (3, 3, 3, 2), (1, 1), (2, 2), (2, 2), 1), ((1, 9, 11, 4), (6, 3, 2, 2), (2, 3), (3, 1), (3, 2), 2),
           ((2, 7, 6, 5), (5, 3, 3, 1), (1, 1), (1, 1), (1, 1), 5), ((1, 8, 9, 3), (3, 3, 3, 1), (2, 2), (2, 1), (2, 1), 3)]
for x, w, stride, pad, dilation, groups in DILATED:
    text = words(stride, pad, groups) + " dilation=%d,%d" % dilation

    def dilated(data, weight):
        return nhwc(F.conv2d(nchw(data), nchw(weight), None, stride, pad, dilation, groups))

    case("conv2d", [random(x), random(w)], dilated, text)
    out = tuple(dilated(torch.zeros(x), torch.zeros(w)).shape)

    def to_input(dy, weight):
        probe = torch.zeros(x, requires_grad=True)
        return torch.autograd.grad(dilated(probe, weight), probe, dy, create_graph=True)[0]

    def to_weights(dy, data):
        probe = torch.zeros(w, requires_grad=True)
        return torch.autograd.grad(dilated(data, probe), probe, dy, create_graph=True)[0]

    case("conv2d_input", [random(out), random(w)], to_input, text + dims(x))
    case("conv2d_weights", [random(out), random(x)], to_weights, text + dims(w))

for x, w, stride, pad, more, dilation, groups in (((2, 4, 5, 3), (3, 3, 3, 2), (2, 2), (1, 1), (1, 1), (1, 1), 1),
                                                  ((1, 3, 4, 4), (4, 2, 3, 3), (3, 2), (0, 1), (2, 0), (2, 1), 2)):
    case("conv_transpose2d", [random(x), random(w)],
         lambda a, b: nhwc(F.conv_transpose2d(nchw(a), nchw(b), None, stride, pad, more, groups, dilation)),
         words(stride, pad, groups) + " more=%d,%d dilation=%d,%d" % (more + dilation))
case("conv1d", [random((2, 11, 4)), random((6, 3, 2))],
     lambda a, b: F.conv1d(a.movedim(-1, 1), b.movedim(-1, 1), None, 2, 2, 2, 2).movedim(1, -1),
     "stride=1,2 pad=0,2 dilation=1,2 groups=2")
case("conv3d", [random((2, 4, 5, 4, 2)), random((3, 2, 3, 2, 2))],
     lambda a, b: F.conv3d(a.movedim(-1, 1), b.movedim(-1, 1), None, (1, 2, 1), (1, 1, 0)).movedim(1, -1),
     "stride=1,2,1 pad=1,1,0")
case("conv3d", [random((1, 6, 4, 5, 4)), random((2, 2, 2, 2, 2))],
     lambda a, b: F.conv3d(a.movedim(-1, 1), b.movedim(-1, 1), None, (2, 1, 1), 1, (3, 1, 2), 2).movedim(1, -1),
     "stride=2,1,1 pad=1,1,1 dilation=3,1,2 groups=2")
case("max_pool1d", [random((2, 9, 3))], lambda t: F.max_pool1d(t.movedim(-1, 1), 3, 2, 1).movedim(1, -1),
     "window=1,3 stride=1,2 pad=0,1")
case("avg_pool1d", [random((2, 9, 3))], lambda t: F.avg_pool1d(t.movedim(-1, 1), 3, 2, 1).movedim(1, -1),
     "window=1,3 stride=1,2 pad=0,1")
for size in ((3, 4), (1, 1), (5, 7), (2, 3), (8, 9)):
    text, x = "size=%d,%d" % size, random((2, 5, 6, 3))
    case("adaptive_max_pool2d", [x], lambda t: nhwc(F.adaptive_max_pool2d(nchw(t), size)), text)
    case("adaptive_avg_pool2d", [x], lambda t: nhwc(F.adaptive_avg_pool2d(nchw(t), size)), text)
    case("resize_nearest2d", [x], lambda t: nhwc(F.interpolate(nchw(t), size)), text)
    case("resize_bilinear2d", [x], lambda t: nhwc(F.interpolate(nchw(t), size, mode="bilinear", align_corners=False)), text)
case("adaptive_max_pool2d", [TIES], lambda t: nhwc(F.adaptive_max_pool2d(nchw(t), (4, 5))), "size=4,5")
case("pixel_shuffle", [random((2, 3, 2, 8))], lambda t: nhwc(F.pixel_shuffle(nchw(t), 2)), "factor=2")
case("pixel_unshuffle", [random((2, 6, 3, 2))], lambda t: nhwc(F.pixel_unshuffle(nchw(t), 3)), "factor=3")

# --- Parts, indices, order --------------------------------------------------------------------------
case("flip", [random((3, 4, 2))], lambda x: x.flip(0, 2), "axes=0,2")
case("concat", [random((3, 4)), random((3, 1)), random((3, 2))], lambda *t: torch.cat(t, 1), "axis=1")
case("concat", [random((2, 4)), random((1, 4)), random((3, 4))], lambda *t: torch.cat(t, 0), "axis=0")
case("stack", [random((3, 4)), random((3, 4)), random((3, 4))], lambda *t: torch.stack(t, 1), "axis=1")
case("split", [random((3, 9))], lambda x: torch.split(x, [2, 3, 4], 1), "axis=1 sizes=2,3,4")
case("roll", [random((3, 7))], lambda x: x.roll(-2, 1), "axis=1 shift=-2")
case("repeat", [random((3, 2))], lambda x: x.repeat(2, 1, 3), "times=2,1,3")
case("tril", [random((2, 4, 5))], lambda x: x.tril(1), "diagonal=1")
case("triu", [random((2, 5, 4))], lambda x: x.triu(-1), "diagonal=-1")
case("one_hot", [numpy.array([3, 0, 4, 3])], lambda i: F.one_hot(i, 5).double(), "limit=5", gradient=False)
PLACES = numpy.array([[3, 0], [3, 3], [1, 2]])
case("gather", [random((3, 4)), PLACES], lambda x, i: x.gather(1, i), "axis=1 limit=4")
case("gather", [random((4, 3)), PLACES], lambda x, i: x.gather(0, i), "axis=0 limit=4")
case("scatter_add", [random((3, 4)), PLACES, random((3, 2))], lambda x, i, s: x.scatter_add(1, i, s), "axis=1 limit=4")
case("scatter_add", [random((4, 3)), PLACES, random((3, 2))], lambda x, i, s: x.scatter_add(0, i, s), "axis=0 limit=4")
case("index_select", [random((2, 4, 3)), numpy.array([3, 3, 0, 1, 3])], lambda x, i: x.index_select(1, i), "axis=1 limit=4")
case("embedding", [random((5, 3)), numpy.array([[4, 0], [4, 2], [1, 4]])], lambda w, i: F.embedding(i, w), "limit=5")
case("embedding", [random((3, 2)), rng.randint(0, 3, (40,))], lambda w, i: F.embedding(i, w), "limit=3")
case("cumsum", [random((3, 40))], lambda x: x.cumsum(1), "axis=1")
case("cumsum", [random((5, 3))], lambda x: x.cumsum(0), "axis=0")
TIED = f32([[1, 3, 3, numpy.nan, -1, 0, 3], [2, 2, numpy.inf, 2, -numpy.inf, 2, 0]])
case("argsort", [TIED], lambda x: x.sort(dim=1, stable=True)[1], "axis=1", gradient=False)
case("sort", [TIED], lambda x: x.sort(dim=1, descending=True, stable=True), "axis=1 descending=1", gradient=False)
case("sort", [random((5, 3))], lambda x: x.sort(0), "axis=0")
case("top_k", [random((3, 9))], lambda x: x.topk(4, 1), "axis=1 k=4")
case("top_k", [random((9, 2))], lambda x: x.topk(2, 0, largest=False), "axis=0 k=2 largest=0")



def attention(groups=1, causal=False, window=0, offset=0, scale=None, bias=False, mask=False):
    def run(q, k, v, extra, visible):
        k, v = k.repeat_interleave(groups, 1), v.repeat_interleave(groups, 1)
        s = q @ k.transpose(-1, -2) * (scale or q.shape[-1] ** -0.5)
        if bias:
            s = s + extra
        ahead = torch.arange(k.shape[2])[None, :] - torch.arange(q.shape[2])[:, None] - offset
        meets = torch.ones_like(ahead, dtype=torch.bool)
        if causal:
            meets &= ahead <= 0
        if window:
            meets &= ahead.abs() < window
        meets = meets[None, None].expand(s.shape)
        if mask:
            meets = meets & visible[:, None, None, :]
        weights = torch.softmax(s.masked_fill(~meets, -1e300), -1)
        return (weights * meets) @ v
    return run


def attention_case(q, k, extra, visible, text, **options):
    case("attention", [random(q), random(k), random(k), random(extra), rng.rand(*visible) < 0.7],
         attention(**options), text)


attention_case((2, 2, 5, 8), (2, 2, 7, 8), (1,), (1,), "")
attention_case((1, 4, 6, 16), (1, 2, 6, 16), (1,), (1,), "causal=1", groups=2, causal=True)
attention_case((2, 2, 5, 4), (2, 2, 6, 4), (2, 1, 6), (2, 6), "bias=1 mask=1", bias=True, mask=True)
attention_case((1, 2, 9, 4), (1, 2, 9, 4), (1,), (1,), "window=3 scale=0.75", window=3, scale=0.75)
attention_case((1, 1, 4, 4), (1, 1, 9, 4), (1,), (1,), "causal=1 offset=5 window=4", causal=True, offset=5, window=4)
attention_case((1, 1, 6, 4), (1, 1, 5, 4), (1,), (1,), "causal=1 offset=-2", causal=True, offset=-2)

# --- Added later: at the end, so that the values before them stay ------------------------------------
case("batch_norm", [random((2, 3)), random((3,)), random((3,)), random((3,), 0.5, 1.5), random((3,), 0.5, 1.5)],
     batch_norm(True), "train=1", states=2, weigh=[0])
case("pad", [random((2, 3, 2, 4))], lambda x: F.pad(x, (1, 0, 0, 2, 2, 1, 0, 1)), "before=0,2,0,1 after=1,1,2,0")
case("argmax", [random((4, 7, 3))], lambda t: t.argmax(1), "axis=1", gradient=False)
case("argmax", [random((6, 5))], lambda t: t.argmax(0), "axis=0", gradient=False)

EINSUMS = ((0, "ij,jk->ik", (4, 3), (3, 5)), (1, "bhqd,bkhd->bhqk", (2, 3, 4, 2), (2, 5, 3, 2)), (2, "ij,kj", (3, 4), (2, 4)),
           (3, "i,i->", (5,), (5,)), (4, "i,j->ji", (3,), (4,)), (5, "ii->i", (4, 4)), (6, "bii->b", (2, 3, 3)),
           (7, "ij->j", (3, 4)), (8, "...ij,...jk", (2, 1, 3, 2), (4, 2, 3)), (9, "ij,jk,kl->il", (2, 3), (3, 4), (4, 2)),
           (10, "abc,abd->dca", (2, 3, 4), (2, 3, 2)), (11, "ij,ij->ij", (3, 4), (3, 1)),
           (12, "b...d,d...->...b", (2, 3, 2, 4), (4, 1, 2)), (13, "ijj,jk,k->ik", (2, 3, 3), (3, 4), (4,)),
           (14, "Ba,ac,B", (2, 3), (3, 4), (2,)))
for form, equation, *shapes in EINSUMS:
    used = len(shapes)
    case("einsum", [random(s) for s in shapes + [(1,)] * (3 - used)], lambda *t: torch.einsum(equation, *t[:used]),
         "form=%d" % form)

def rotary(kind, first=0, base=10000.0):
    """As in the papers' reference code: complex numbers for neighbours, [-x2, x1] for halves."""
    def run(x):
        half = x.shape[-1] // 2
        angle = (torch.arange(x.shape[-2]) + first)[:, None] * base ** (-torch.arange(half) / half)
        if kind:
            pairs = torch.view_as_complex(x.reshape(*x.shape[:-1], half, 2).contiguous())
            return torch.view_as_real(pairs * torch.polar(torch.ones_like(angle), angle)).reshape(x.shape)
        cos, sin = torch.cat([angle.cos()] * 2, -1), torch.cat([angle.sin()] * 2, -1)
        return x * cos + torch.cat([-x[..., half:], x[..., :half]], -1) * sin
    return run


for shape, kind, first, base in (((5, 8), 0, 0, 10000.0), ((2, 3, 4, 6), 1, 0, 10000.0), ((2, 3, 4, 6), 0, 9, 100.0),
                                 ((3, 2, 10), 1, 4, 10000.0)):
    case("rotary_embedding", [random(shape)], rotary(kind, first, base), "kind=%d first=%d base=%g" % (kind, first, base))

# 5 columns do not divide by 2, 4 channels do.
for name, op in (("max", F.adaptive_max_pool2d), ("avg", F.adaptive_avg_pool2d)):
    case("adaptive_%s_pool2d" % name, [random((2, 6, 5, 4))], lambda t: nhwc(op(nchw(t), (3, 2))), "size=3,2")

for x in (random((3, 7), -4, 4), ENDS):
    case("softsign", [x], F.softsign)

# Steps of a quarter, so that values meet their equals.
STEPPED = (torch.round(torch.tensor(random((3, 9), -2, 2)) * 4) / 4).numpy().astype("f4")
for right in (0, 1):
    case("searchsorted", [STEPPED, STEPPED[:, :5].copy()],
         lambda x, v: torch.searchsorted(x.sort(-1)[0].contiguous(), v.contiguous(), right=bool(right)), "right=%d" % right,
         gradient=False)

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
