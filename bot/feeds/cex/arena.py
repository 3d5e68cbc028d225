"""A connection's arena made from its dialect and symbols: tables for the frame kernel, empty books and quotes."""

import mmap
from collections.abc import Sequence

import msgspec
import numpy as np

from bot.core.market_data import PRICE_DECIMALS, SIZE_DECIMALS, Pair
from bot.feeds.cex.dialect import ChecksumRule, Context, Dialect, mask
from bot.feeds.cex.frame_layout import (
    BID_HASH,
    BOOK_AT,
    BOOK_NEEDS,
    CHECKSUM_RULE,
    CONTEXT_SEEDS,
    CONTINUITY,
    FRAME_LEVEL_WORDS,
    FRAME_RECORD,
    HASH_BITS,
    HASH_SEED,
    KIND_BOOK,
    KIND_QUOTE,
    LEAST_DELAY,
    LEVEL_ROOM,
    LEVELS_AT,
    MEMBER_PLACES,
    MEMBER_SHIFT,
    MEMBERS_AT,
    MOST_LEVELS,
    NEXT_SEQUENCE,
    NO_DELAY,
    OFFER_HASH,
    PLAIN_HASH,
    PRICE_SCALE,
    QUOTE_AT,
    QUOTE_NEEDS,
    QUOTE_ORDER,
    QUOTE_WORDS,
    RECORDS_AT,
    RECORDS_END,
    ROUTE_SHIFT,
    ROUTES_AT,
    SIZE_SCALE,
    SNAPSHOT_HASH,
    SYMBOL_COUNT,
    SYMBOL_WORDS,
    SYMBOLS_AT,
    TABLES_AT,
    TEXT_SEED,
    TIME_FORMAT,
    UPDATE_HASH,
    context_seed,
    route_hash,
    text_hash,
)
from bot.state.book_layout import Words, lay_out, words_needed

MOST_SCALE = 18


class SymbolSpec(msgspec.Struct, frozen=True):
    """One book and quote to keep."""

    pair: Pair
    symbol: str
    """As in the exchange's frames."""
    price_decimals: int = PRICE_DECIMALS
    size_decimals: int = SIZE_DECIMALS


def _zeros(count: int) -> Words:
    """Pages of their own, given back with the arena: the heap kept half a megabyte of each lost connection's."""
    return np.frombuffer(mmap.mmap(-1, 8 * count), np.int64)


def lay_out_arena(dialect: Dialect, symbols: Sequence[SymbolSpec], depth: int, capacity: int) -> Words:
    """The arena; offsets of books and quotes are in its table of symbols.

    Raises ValueError where a symbol is there twice or its decimals are beyond 18, and where the dialect contradicts itself.
    """
    routes = _routes(dialect, symbols, depth)
    places = 1 << max(4, (4 * len(routes)).bit_length())
    routes_at = RECORDS_END
    symbols_at = routes_at + 2 * places
    tables_at = symbols_at + SYMBOL_WORDS * len(symbols)
    quotes_at = tables_at + (0 if dialect.checksum is ChecksumRule.NONE else _table_words())
    books_at = quotes_at + QUOTE_WORDS * len(symbols)
    book_words = words_needed(capacity)
    levels_at = books_at + book_words * len(symbols)
    words = _zeros(levels_at + FRAME_LEVEL_WORDS * MOST_LEVELS)
    _write_rules(words, dialect)
    _write_members(words, dialect)
    words[ROUTES_AT] = routes_at
    words[ROUTE_SHIFT] = HASH_BITS - (places.bit_length() - 1)
    for key, route in routes.items():
        _insert(words, routes_at, places, key, (key >> int(words[ROUTE_SHIFT])), route)
    words[SYMBOLS_AT], words[SYMBOL_COUNT] = symbols_at, len(symbols)
    words[LEVELS_AT], words[LEVEL_ROOM] = levels_at, MOST_LEVELS
    if dialect.checksum is not ChecksumRule.NONE:
        _write_tables(words, tables_at)
    for index, spec in enumerate(symbols):
        at = symbols_at + SYMBOL_WORDS * index
        book_at = books_at + book_words * index
        lay_out(
            words,
            book_at,
            capacity,
            depth if dialect.truncates else 0,
            spec.price_decimals,
            spec.size_decimals,
        )
        words[at + BOOK_AT], words[at + QUOTE_AT] = book_at, quotes_at + QUOTE_WORDS * index
        words[at + PRICE_SCALE], words[at + SIZE_SCALE] = spec.price_decimals, spec.size_decimals
    words[NEXT_SEQUENCE] = -1
    words[LEAST_DELAY] = NO_DELAY
    return words


def _table_words() -> int:
    from bot.state.checksum_kernel import TABLE_WORDS  # noqa: PLC0415  # imports numba: not for dialects without checksum

    return TABLE_WORDS


def _write_tables(words: Words, at: int) -> None:
    from bot.state.checksum_kernel import write_tables  # noqa: PLC0415  # as above

    words[TABLES_AT] = at
    write_tables(words, at)


def _write_rules(words: Words, dialect: Dialect) -> None:
    words[TIME_FORMAT] = dialect.time
    words[CONTINUITY] = dialect.continuity
    words[QUOTE_ORDER] = dialect.quote_order
    words[CHECKSUM_RULE] = dialect.checksum
    words[BOOK_NEEDS] = mask(dialect.book_needs)
    words[QUOTE_NEEDS] = mask(dialect.quote_needs)
    for at, text in (
        (SNAPSHOT_HASH, dialect.snapshot),
        (UPDATE_HASH, dialect.update),
        (BID_HASH, dialect.bid),
        (OFFER_HASH, dialect.offer),
        (PLAIN_HASH, dialect.plain_reply),
    ):
        words[at] = text_hash(text) if text else 0
    words[TEXT_SEED], words[FRAME_RECORD] = HASH_SEED, RECORDS_AT
    for context in Context:
        words[CONTEXT_SEEDS + context] = context_seed(context)


def _write_members(words: Words, dialect: Dialect) -> None:
    if len(dialect.members) > MEMBER_PLACES // 2:
        raise ValueError(
            f"{dialect.name}: {len(dialect.members)} members, the table is made for {MEMBER_PLACES // 2}"
        )
    for member in dialect.members:
        key = text_hash(member.name, context_seed(member.context))
        _insert(words, MEMBERS_AT, MEMBER_PLACES, key, key >> MEMBER_SHIFT, member.role)


def _insert(words: Words, table: int, places: int, key: int, place: int, value: int) -> None:
    """Into a table of (key, value) with open places. Raises ValueError for a key that is there."""
    while words[table + 2 * place] != 0:
        if words[table + 2 * place] == key:
            raise ValueError(f"two entries of a frame table have the key {key:#x}: a name is there twice")
        place = (place + 1) % places
    words[table + 2 * place] = key
    words[table + 2 * place + 1] = value


def _routes(dialect: Dialect, symbols: Sequence[SymbolSpec], depth: int) -> dict[int, int]:
    routes: dict[int, int] = {}
    for index, spec in enumerate(symbols):
        if not (0 <= spec.price_decimals <= MOST_SCALE and 0 <= spec.size_decimals <= MOST_SCALE):
            raise ValueError(
                f"{spec.symbol}: {spec.price_decimals} and {spec.size_decimals} decimals, of 0 to {MOST_SCALE}"
            )
        for kind, channels in ((KIND_BOOK, dialect.book_channels), (KIND_QUOTE, dialect.quote_channels)):
            for template in channels:
                channel = template.format(symbol=spec.symbol, depth=depth)
                key = route_hash(text_hash(channel) if channel else 0, text_hash(spec.symbol))
                if key in routes:
                    raise ValueError(
                        f"{dialect.name}: {spec.symbol} in channel {channel!r} is there twice; give each symbol once, "
                        "and a depth that is not the quote's"
                    )
                routes[key] = index << 2 | kind
    return routes
