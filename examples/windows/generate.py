"""A program that marks what it does; here with arithmetic in the place of a model.

    llem-agent measure --windows /tmp/llem.sock -- python3 examples/windows/generate.py
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../clients/python"))
from llem_windows import window  # noqa: E402


def work(million):
    total = 0
    for i in range(million * 1_000_000):
        total += i * i
    return total


for request in range(3):
    with window("request", number=request) as whole:
        with window("prefill") as prefill:
            work(4)
            prefill.tokens = 512
        with window("decode") as decode:
            work(8)
            decode.tokens = 128
        whole.requests = 1
