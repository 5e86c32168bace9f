#!/usr/bin/env python3
"""The distribution of D sqrt(n) when a law's parameters are estimated from the sample it is tested
on (Lilliefors 1967): the table in models/stats/lilliefors.cpp, by simulation.

  lilliefors.py [--draws 200000] [--sizes 10,30,100,1000] [--seed 1967]

Prints, for each family and sample size, the values that D sqrt(n) exceeds with the probabilities of
the table's head. The estimates are those of `gradpath fit`: normal: mean and population standard
deviation; laplace: median and mean |x - median|; halfnormal: root mean square; exponential: mean.
A quantile at probability p has a standard error of sqrt(p / draws) / density: about 0.5 % of D at
p = 0.001 with 200,000 draws.
"""
import argparse

import numpy as np
from scipy import special

PROBABILITIES = [0.99, 0.95, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.15, 0.1, 0.05, 0.025, 0.01, 0.005,
                 0.002, 0.001, 0.0005]


def normal(rng, shape):
    x = np.sort(rng.standard_normal(shape), axis=1)
    return special.ndtr((x - x.mean(axis=1, keepdims=True)) / x.std(axis=1, keepdims=True))


def laplace(rng, shape):
    x = np.sort(rng.laplace(size=shape), axis=1)
    x -= np.median(x, axis=1, keepdims=True)
    tail = 0.5 * np.exp(-np.abs(x) / np.abs(x).mean(axis=1, keepdims=True))
    return np.where(x < 0, tail, 1 - tail)


def halfnormal(rng, shape):
    x = np.sort(np.abs(rng.standard_normal(shape)), axis=1)
    return special.erf(x / np.sqrt(2 * (x * x).mean(axis=1, keepdims=True)))


def exponential(rng, shape):
    x = np.sort(rng.standard_exponential(shape), axis=1)
    return -np.expm1(-x / x.mean(axis=1, keepdims=True))


def distances(family, rng, size, draws):
    found = []
    steps = np.arange(size) / size
    for begin in range(0, draws, 400):
        f = family(rng, (min(400, draws - begin), size))
        found.append(np.maximum((steps + 1 / size - f).max(axis=1), (f - steps).max(axis=1)))
    return np.concatenate(found) * np.sqrt(size)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--draws", type=int, default=200_000)
    parser.add_argument("--sizes", default="10,30,100,1000")
    parser.add_argument("--seed", type=int, default=1967)
    args = parser.parse_args()
    print("family,size," + ",".join(map(str, PROBABILITIES)))
    for family in (normal, laplace, halfnormal, exponential):
        for size in map(int, args.sizes.split(",")):
            rng = np.random.default_rng([args.seed, size])
            quantiles = np.quantile(distances(family, rng, size, args.draws), [1 - p for p in PROBABILITIES])
            print(f"{family.__name__},{size}," + ",".join(f"{q:.4f}" for q in quantiles), flush=True)


if __name__ == "__main__":
    main()
