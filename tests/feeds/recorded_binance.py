"""Binance's recorded streams: (receive time, frame, is it the REST snapshot), and plain books of text beside them."""

import gzip
import json


def stream(path):
    with gzip.open(path) as lines:
        for line in lines:
            received, _, payload = line.rstrip(b"\n").partition(b" ")
            yield int(received), payload, payload.startswith(b'{"lastUpdateId"')


def is_depth(payload):
    return b'"depthUpdate"' in payload[:120]


class PlainBook:
    """Text in dictionaries; `follow` believes every frame."""

    def __init__(self, snapshot):
        frame = json.loads(snapshot)
        self.id = frame["lastUpdateId"]
        self.sides = {"b": dict(map(tuple, frame["bids"])), "a": dict(map(tuple, frame["asks"]))}

    def follow(self, payload):
        data = json.loads(payload)["data"]
        if data["u"] < self.id:
            return
        self.id = data["u"]
        for side, held in self.sides.items():
            for price, size in data[side]:
                if float(size) == 0:
                    held.pop(price, None)
                else:
                    held[price] = size

    def best(self, side, count):
        """Scaled integers, best first."""
        levels = sorted(((scaled(price), scaled(size)) for price, size in self.sides[side].items()))
        return (levels[::-1] if side == "b" else levels)[:count]

    def as_snapshot(self):
        levels = {name: sorted(self.sides[side].items(), key=lambda level: float(level[0]), reverse=side == "b")
                  for side, name in (("b", "bids"), ("a", "asks"))}  # fmt: skip
        return json.dumps({"lastUpdateId": self.id, **levels}).encode()


def scaled(text):
    whole, _, fraction = text.partition(".")
    return int(whole + fraction.ljust(8, "0"))
