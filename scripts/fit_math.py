#!/usr/bin/env python3
"""Derives the coefficients of cl/math.cl: minimax polynomials and rationals by Remez exchange.

Needs nothing but Python: the references are series in rational arithmetic or math.* where double is enough, the
linear systems are solved exactly. Prints each function's coefficients, rounded to f32, and the largest relative
error of the rounded form evaluated exactly (2^-24 is half a unit in the last place).
"""
import math
import struct
from fractions import Fraction


def to_f32(value):
    return struct.unpack("f", struct.pack("f", value))[0]


def solve(matrix, rhs):
    """Gauss-Jordan in exact arithmetic."""
    n = len(rhs)
    rows = [[Fraction(v) for v in row] + [Fraction(rhs[i])] for i, row in enumerate(matrix)]
    for i in range(n):
        pivot = max(range(i, n), key=lambda r: abs(rows[r][i]))
        rows[i], rows[pivot] = rows[pivot], rows[i]
        rows[i] = [v / rows[i][i] for v in rows[i]]
        for r in range(n):
            if r != i and rows[r][i]:
                factor = rows[r][i]
                rows[r] = [a - factor * b for a, b in zip(rows[r], rows[i])]
    return [float(rows[i][n]) for i in range(n)]


def horner(c, t):
    total = 0.0
    for v in reversed(c):
        total = total * t + v
    return total


def extrema(error, low, high, count):
    """One point of largest |error| between sign changes, reduced to `count` alternating points."""
    n = 6000
    points = [low + (high - low) * 0.5 * (1 - math.cos(math.pi * i / n)) for i in range(n + 1)]
    runs = []
    for t in points:
        e = error(t)
        if runs and (e > 0) == (runs[-1][1] > 0):
            if abs(e) > abs(runs[-1][1]):
                runs[-1] = (t, e)
        else:
            runs.append((t, e))
    while len(runs) > count:
        runs.pop(0 if abs(runs[0][1]) < abs(runs[-1][1]) else -1)
    return [t for t, _ in runs] if len(runs) == count else None


def remez(f, weight, low, high, p, q):
    """P(t) / Q(t) ~ f(t) on [low, high], Q(0) = 1, least maximum of |error| * weight(t)."""
    unknowns = p + 1 + q + 1
    x = [low + (high - low) * 0.5 * (1 - math.cos(math.pi * (i + 0.5) / unknowns)) for i in range(unknowns)]
    den = [1.0] + [0.0] * q
    for _ in range(60):
        for _ in range(6 if q else 1):
            matrix, rhs = [], []
            for i, t in enumerate(x):
                row = [t ** k for k in range(p + 1)] + [-f(t) * t ** k for k in range(1, q + 1)]
                matrix.append(row + [(-1) ** i * horner(den, t) / weight(t)])
                rhs.append(f(t))
            s = solve(matrix, rhs)
            num, den = s[:p + 1], [1.0] + s[p + 1:p + 1 + q]
        new = extrema(lambda t: (horner(num, t) / horner(den, t) - f(t)) * weight(t), low, high, unknowns)
        if new is None or max(abs(a - b) for a, b in zip(new, x)) < 1e-9 * (high - low):
            break
        x = new
    return [to_f32(c) for c in num], [to_f32(c) for c in den]


def report(name, num, den, value, truth, low, high):
    n = 20000
    worst = max(abs(value(t) / truth(t) - 1) for t in (low + (high - low) * (i + 0.5) / n for i in range(n)))
    print("%s: relative error %.2g = %.2f * 2^-24" % (name, worst, worst * 2.0 ** 24))
    print("    P:", ", ".join("%.9ef" % c for c in num))
    if len(den) > 1:
        print("    Q:", ", ".join("%.9ef" % c for c in den))


def exp_tail(r):
    """(e^r - 1 - r) / r^2 by its series."""
    total, term = 0.0, 0.5
    for k in range(3, 30):
        total, term = total + term, term * r / k
    return total


def log_tail(f):
    """(log(1 + f) - f + f^2 / 2) / f^3; its series near 0, where the closed form cancels."""
    if abs(f) < 0.05:
        return sum((-f) ** k / (k + 3) for k in range(24))
    return (math.log1p(f) - f + f * f / 2) / f ** 3


def odd(f):
    """f(x) / x as a function of t = x^2."""
    return lambda t: f(math.sqrt(t)) / math.sqrt(t)


def main():
    half = math.log(2) / 2 * 1.01
    num, den = remez(exp_tail, lambda r: r * r / math.exp(r) + 1e-9, -half, half, 4, 0)
    report("exp: 1 + r + r^2 P(r)", num, den, lambda r: 1 + r + r * r * horner(num, r), math.exp, -half, half)

    low, high = math.sqrt(0.5) - 1, math.sqrt(2) - 1
    num2, den = remez(log_tail, lambda f: abs(f * f * f / math.log1p(f)) + 1e-9 if f else 1e-9, low, high, 7, 0)
    report("log: f - f^2 / 2 + f^3 P(f)", num2, den,
           lambda f: f - f * f / 2 + f ** 3 * horner(num2, f), math.log1p, low, high)

    tail = lambda t: (math.tanh(math.sqrt(t)) / math.sqrt(t) - 1) / t if t > 1e-3 else -1 / 3 + t * 2 / 15 - t * t * 17 / 315
    num3, den = remez(tail, lambda t: t / odd(math.tanh)(t) if t > 1e-6 else 1e-6, 1e-9, 0.36, 4, 0)
    report("tanh: x + x^3 P(x^2)", num3, den, lambda x: x + x ** 3 * horner(num3, x * x), math.tanh, 1e-3, 0.6)

    g = odd(math.erf)
    num4, den4 = remez(g, lambda t: 1 / g(t), 1e-12, 3.93 ** 2, 5, 5)
    report("erf: x P(x^2) / Q(x^2)", num4, den4,
           lambda x: x * horner(num4, x * x) / horner(den4, x * x), math.erf, 1e-3, 3.93)

    # Series near 0, where the closed forms cancel; the ends are pi / 4 and a little more.
    quarter = (math.pi / 4 * 1.01) ** 2
    sin_tail = lambda t: sum((-1) ** (k + 1) * t ** k / math.factorial(2 * k + 3) for k in range(9))
    num5, den = remez(sin_tail, lambda t: t / odd(math.sin)(t) if t > 1e-6 else 1e-6, 1e-9, quarter, 2, 0)
    report("sin: x + x^3 P(x^2)", num5, den, lambda x: x + x ** 3 * horner(num5, x * x), math.sin, 1e-3, quarter ** 0.5)
    cos_tail = lambda t: sum((-1) ** k * t ** k / math.factorial(2 * k + 4) for k in range(9))
    num6, den = remez(cos_tail, lambda t: t * t / math.cos(math.sqrt(t)) + 1e-9, 1e-9, quarter, 2, 0)
    report("cos: 1 - x^2 / 2 + x^4 P(x^2)", num6, den, lambda x: 1 - x * x / 2 + x ** 4 * horner(num6, x * x), math.cos,
           1e-3, quarter ** 0.5)


if __name__ == "__main__":
    main()
