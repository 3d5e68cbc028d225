"""Each exchange's frames written out by itself: a decoded frame to the changes it means. Imports nothing of the bot."""

from oracle.exchange_frame_values import (
    Bare,
    WrongFrameError,
    action_of,
    change,
    instant,
    integer,
    member,
    milliseconds,
    objects,
    pairs,
    text_of,
)


def _binance(frame, connection, is_usdm):
    if {"result", "error", "code"} & set(frame):
        return "CONTROL"
    data = frame.get("data", frame)
    if not isinstance(data, dict) or "s" not in data:
        return "CONTROL"
    event = data.get("e", "bookTicker" if not is_usdm else None)
    if event == "depthUpdate" and data["s"] in connection.symbols:
        first, last = integer(member(data, "U"), 0), integer(member(data, "u"), 0)
        before = integer(member(data, "pu"), -1) if is_usdm else None
        if first > last:
            raise WrongFrameError(f"{first} above {last}")

        def follows(book):
            held = book["id"]
            if is_usdm and book["first"]:
                return "DUPLICATE" if last < held else "BOOK" if first <= held or before == held else "GAP"
            if last <= held:
                return "DUPLICATE"
            return "BOOK" if (before == held if is_usdm else first <= held + 1) else "GAP"

        return [
            change(
                "book",
                data["s"],
                time=milliseconds(member(data, "E")),
                bids=pairs(member(data, "b")),
                asks=pairs(member(data, "a")),
                id=last,
                follows=follows,
            )
        ]
    if event == "bookTicker" and data["s"] in connection.symbols:
        identity = integer(member(data, "u"), 0)
        if integer(data.get("U", Bare("0")), 0) > identity or (
            is_usdm and integer(data.get("pu", Bare("0")), -1) < -1
        ):
            raise WrongFrameError("ids")
        best = {
            "bid": (member(data, "b"), member(data, "B")),
            "ask": (member(data, "a"), member(data, "A")),
        }
        time = milliseconds(member(data, "E")) if is_usdm or "E" in data else 0
        newer = lambda held: "QUOTE" if identity > held["id"] else "DUPLICATE"  # noqa: E731
        return [change("quote", data["s"], time=time, best=best, id=identity, follows=newer)]
    return "FOREIGN"


def binance(frame, connection):
    return _binance(frame, connection, is_usdm=False)


def binance_usdm(frame, connection):
    return _binance(frame, connection, is_usdm=True)


def coinbase(frame, connection):
    changes = []
    events = frame.get("events")
    events = events if isinstance(events, list) and events else [{}]
    for event in events:
        symbol = text_of(event, "product_id")
        if symbol is None:
            changes.append("CONTROL")
        elif frame.get("channel") != "l2_data" or symbol not in connection.symbols:
            changes.append(None)
        else:
            snapshot = action_of(member(event, "type"), "update")
            levels = {"bid": [], "offer": []}
            for level in member(event, "updates"):
                if level.get("side") not in levels:
                    raise WrongFrameError("side")
                levels[level["side"]].append((level.get("price_level"), level.get("new_quantity")))
            integer(member(frame, "sequence_num"), 0)
            changes.append(
                change(
                    "book",
                    symbol,
                    snapshot=snapshot,
                    time=instant(member(frame, "timestamp")),
                    bids=levels["bid"],
                    asks=levels["offer"],
                    follows=lambda _: "BOOK",
                )
            )
    if "sequence_num" in frame:
        sequence = integer(frame["sequence_num"], 0)
        due, connection.sequence = connection.sequence, sequence + 1
        if due is not None and sequence == due - 1:
            connection.sequence = due
            return "DUPLICATE"
        if due is not None and sequence != due:
            for book in connection.books.values():
                book["synced"] = False
            return "SEQUENCE_LOST"
    return changes


def kraken(frame, connection):
    if "method" in frame or "error" in frame or not isinstance(frame.get("data"), list) or not frame["data"]:
        return "CONTROL"
    changes = []
    for data in frame["data"]:
        symbol, channel = text_of(data, "symbol"), frame.get("channel")
        if symbol is None:
            changes.append("CONTROL")
            continue
        if symbol not in connection.symbols or channel not in ("book", "ticker"):
            changes.append(None)
            continue
        time = instant(data["timestamp"]) if "timestamp" in data else 0
        action_of(frame.get("type", "update"), "update")
        if channel == "book":
            changes.append(
                change(
                    "book",
                    symbol,
                    snapshot=action_of(member(frame, "type"), "update"),
                    time=time,
                    bids=objects(member(data, "bids"), "price", "qty"),
                    asks=objects(member(data, "asks"), "price", "qty"),
                    checksum=integer(member(data, "checksum"), -(10**18)),
                    follows=lambda _: "BOOK",
                )
            )
        else:
            best = {
                "bid": (member(data, "bid"), member(data, "bid_qty")),
                "ask": (member(data, "ask"), member(data, "ask_qty")),
            }
            changes.append(change("quote", symbol, time=time, best=best, follows=lambda _: "QUOTE"))
    return changes


def okx(frame, connection):
    argument = frame.get("arg")
    if "event" in frame or not isinstance(argument, dict) or "instId" not in argument:
        return "CONTROL"
    if frame.get("data") == []:
        return "CONTROL"
    symbol, channel = argument["instId"], argument.get("channel")
    if symbol not in connection.symbols or channel not in ("books", "bbo-tbt"):
        return "FOREIGN"
    changes = []
    for data in member(frame, "data"):
        last, time = integer(member(data, "seqId"), 0), milliseconds(member(data, "ts"))
        sides = {"bids": pairs(member(data, "bids")), "asks": pairs(member(data, "asks"))}
        if channel == "books":
            before = integer(member(data, "prevSeqId"), -1)
            said = integer(data.get("checksum", Bare("0")), -(10**18)) or None

            def follows(book, before=before, last=last):
                if before == book["id"]:
                    return "BOOK"
                return "DUPLICATE" if last == book["id"] else "GAP"

            snapshot = action_of(member(frame, "action"), "update")
            changes.append(
                change(
                    "book",
                    symbol,
                    snapshot=snapshot,
                    time=time,
                    id=last,
                    checksum=said,
                    follows=follows,
                    **sides,
                )
            )
        else:
            action_of(frame.get("action", "update"), "update")

            def newer(held, last=last, time=time):
                return "DUPLICATE" if last < held["id"] and time <= held["time"] else "QUOTE"

            changes.append(change("quote", symbol, time=time, id=last, follows=newer, **sides))
    return changes


def bybit(frame, connection):
    data = frame.get("data")
    if "success" in frame or "op" in frame or not isinstance(data, dict) or "s" not in data:
        return "CONTROL"
    symbol = data["s"]
    if symbol not in connection.symbols or frame.get("topic") not in (
        f"orderbook.1.{symbol}",
        f"orderbook.50.{symbol}",
    ):
        return "FOREIGN"
    last, time = integer(member(data, "u"), 0), milliseconds(member(frame, "ts"))
    snapshot = action_of(member(frame, "type"), "delta") or last == 1
    sides = {"bids": pairs(member(data, "b")), "asks": pairs(member(data, "a"))}

    def follows(held, good="BOOK"):
        return good if last == held["id"] + 1 else "DUPLICATE" if last == held["id"] else "GAP"

    if frame["topic"].startswith("orderbook.50"):
        return [change("book", symbol, snapshot=snapshot, time=time, id=last, follows=follows, **sides)]
    if snapshot:
        return [change("quote", symbol, time=time, id=last, follows=lambda _: "QUOTE", **sides)]
    judged = lambda held: "AWAITS_SNAPSHOT" if held is None else follows(held, "QUOTE")  # noqa: E731
    return [change("quote", symbol, time=time, id=last, partial=True, follows=judged, **sides)]


READERS = {
    "binance": binance,
    "binance-usdm": binance_usdm,
    "coinbase": coinbase,
    "kraken": kraken,
    "okx": okx,
    "bybit": bybit,
}
