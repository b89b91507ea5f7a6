"""What sampling does to generation: a decode loop, one CUDA graph a token, with the sampler on and off by turns.

Run on a GPU host:  python3 decode.py -- llem-agent's Node and toggle.js, for example
  python3 decode.py -- node toggle.js
The sampler is switched each half second in the order on, off, off, on, so that a drift of the clocks cancels within
each quad; the effect is the mean over quads of the logarithm of the ratio of token rates, with Student's interval.
"""

import argparse
import json
import math
import random
import statistics
import subprocess
import time

import torch

SLOT_S = 0.5
SETTLE_S = 0.05


def token_graph(layers=24, width=4096):
    """One token of a dense model of about 2.4 GB: it reads every weight once, as decoding does."""
    weights = [torch.randn(3 * width, width, device="cuda", dtype=torch.bfloat16) / 64 for _ in range(layers)]
    x = torch.randn(1, width, device="cuda", dtype=torch.bfloat16)

    def step():
        y = x
        for w in weights:
            y = torch.nn.functional.silu(torch.nn.functional.linear(y, w)[:, :width])
        x.copy_(y / y.norm())

    side = torch.cuda.Stream()
    with torch.cuda.stream(side):
        for _ in range(3):
            step()
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return graph


def rate(graph):
    """Tokens a second over one slot, after the switch has settled."""
    end = time.monotonic() + SETTLE_S
    while time.monotonic() < end:
        graph.replay()
        torch.cuda.synchronize()
    begin = time.monotonic()
    tokens = 0
    while time.monotonic() - begin < SLOT_S - SETTLE_S:
        graph.replay()
        torch.cuda.synchronize()
        tokens += 1
    return tokens / (time.monotonic() - begin)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--quads", type=int, default=60)
    parser.add_argument("--out", default="effect.json")
    parser.add_argument("command", nargs="+")
    args = parser.parse_args()
    sampler = subprocess.Popen(args.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def switch(word):
        sampler.stdin.write(word + "\n")
        sampler.stdin.flush()
        return sampler.stdout.readline().strip()

    print("sampler:", sampler.stdout.readline().strip(), flush=True)
    graph = token_graph()
    for _ in range(3000):
        graph.replay()
    torch.cuda.synchronize()
    random.seed(1)
    effects = []
    slots = []
    for _ in range(args.quads):
        order = random.choice((("on", "off", "off", "on"), ("off", "on", "on", "off")))
        rates = {"on": [], "off": []}
        for word in order:
            switch(word)
            rates[word].append(rate(graph))
        slots.append(rates)
        effects.append(statistics.mean(map(math.log, rates["on"])) - statistics.mean(map(math.log, rates["off"])))
    switch("off")
    cost = json.loads(switch("end"))
    mean = statistics.mean(effects)
    half = 2.0 * statistics.stdev(effects) / math.sqrt(len(effects))
    result = {
        "quads": len(effects),
        "tokens_per_s": statistics.mean(r for s in slots for r in s["off"]),
        "effect_pct": 100 * mean,
        "low_pct": 100 * (mean - half),
        "high_pct": 100 * (mean + half),
        "sampler": cost,
        "slots": slots,
    }
    with open(args.out, "w") as file:
        json.dump(result, file)
    print(json.dumps({k: v for k, v in result.items() if k != "slots"}, indent=1), flush=True)


if __name__ == "__main__":
    main()
