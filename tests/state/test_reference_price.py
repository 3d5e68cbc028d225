"""One price out of many: the rule against its second derivation, and what no single exchange can do to it."""

import os
import random
from collections import Counter
from fractions import Fraction
from itertools import product
from math import ceil, floor

import msgspec
import pytest
from hypothesis import event, given
from hypothesis import strategies as st
from oracle.reference_price import reference
from reference_quotes import BOOKS, NAMES, UNIT, around, quote, random_world, worlds

from bot.core.market_data import Pair
from bot.state.joined_price import FINER, VOICE_ONE, Joined, ReferenceConfig, Voice, divided
from bot.state.reference_price import NoPrice, ReferencePrice, reference_price

CONFIG = ReferenceConfig(exchanges=2, stray=50)
CASES = int(os.environ.get("REFERENCE_CASES", "1500"))
"""Of the comparison; a long one is worth a night after the rule was changed."""
ROUNDING = 10**-12
BASES = ("ETH", "USDT", "USDC")
lying = st.tuples(st.integers(-9_999, 10**6), st.integers(1, 50))
"""Distance from the truth in bps, and the width of a book that would still be listened to."""


def eth(*prices, **options):
    """One ETH/USD quote an exchange, at these prices."""
    return [around(name, "ETH", "USD", price, **options) for name, price in zip(NAMES, prices, strict=False)]


def dollars(usdt=1.0, usdc=1.0, names=("kraken", "coinbase")):
    """Live rates of both tokens."""
    return [
        around(name, token, "USD", rate) for name in names for token, rate in (("USDT", usdt), ("USDC", usdc))
    ]


def price_of(quotes, base="ETH", config=CONFIG):
    found = reference_price(quotes, base, config)
    assert isinstance(found, ReferencePrice), found
    assert 0 < found.bid <= found.price <= found.ask
    return found


def why_none(quotes, base="ETH", config=CONFIG):
    found = reference_price(quotes, base, config)
    assert isinstance(found, NoPrice), found
    return found.reason


def left_out(found):
    return {(one.exchange, str(one.pair)): one.reason for one in found.left_out}


def compare(seed, seen):
    rng, quotes = random.Random(seed), random_world(seed)
    least, stray, base = rng.choice([1, 2, 2, 3, 4]), rng.choice([1, 10, 50, 400]), rng.choice(BASES)
    plain = [(q.exchange, q.pair.base, q.pair.quote, q.bid, q.ask) for q in quotes]
    expected, tightness = reference(plain, base, least, stray)
    if tightness < ROUNDING:
        seen["too close to call"] += 1
        return
    found = reference_price(quotes, base, ReferenceConfig(exchanges=least, stray=stray))
    assert isinstance(found, ReferencePrice) == (expected is not None), (seed, found)
    seen[type(found).__name__] += 1
    seen["left out"] += bool(found.left_out)
    if expected is None:
        return
    bid, mid, ask, names = expected
    assert floor(bid) - 1 <= found.bid <= floor(bid), seed
    assert floor(mid) - 1 <= found.price <= floor(mid), seed
    assert ceil(ask) <= found.ask <= ceil(ask) + 1, seed
    assert {source.exchange for source in found.sources} == names, seed
    if not found.rates:
        assert (found.bid, found.price, found.ask) == (floor(bid), floor(mid), ceil(ask)), seed
        seen["in USD alone"] += 1
    seen["through a rate"] += bool(found.rates)
    seen["through two"] += any(rate.through for rate in found.rates)


def test_as_the_second_derivation_says():
    seen = Counter()
    for seed in range(CASES):
        compare(seed, seen)
    wanted = ("ReferencePrice", "NoPrice", "in USD alone", "through a rate", "through two", "left out")
    assert all(seen[name] >= CASES // 150 for name in wanted), seen
    assert seen["too close to call"] < CASES // 5, seen


@given(worlds, st.randoms(use_true_random=False), st.sampled_from(BASES))
def test_the_order_of_quotes_is_nothing(quotes, order, base):
    shuffled = quotes.copy()
    order.shuffle(shuffled)
    assert reference_price(quotes, base, CONFIG) == reference_price(shuffled, base, CONFIG)


@given(
    st.lists(st.integers(-25, 25), min_size=3, max_size=4),
    st.fixed_dictionaries(dict.fromkeys(BOOKS, lying)),
    st.sampled_from([0.5, 0.97, 1, 1.02]),
)
def test_one_liar_moves_nothing_beyond_the_honest(honest, lies, usdt):
    """Three or four honest exchanges quote every book; the liar every book as it likes, dollars among them."""
    true = {"ETH": 3_000, "USDT": usdt, "USDC": 1, "USD": 1}

    def books(name, off_and_width):
        return [
            around(name, base, in_asset, true[base] / true[in_asset] * (1 + off / 10_000), bps=width)
            for base, in_asset in BOOKS
            for off, width in [off_and_width(base, in_asset)]
        ]

    quotes = [
        one
        for name, off in zip(NAMES, honest, strict=False)
        for one in books(name, lambda base, _, off=off: (off if base == "ETH" else 0, 1))
    ]
    found = price_of(quotes + books("liar", lambda base, in_asset: lies[base, in_asset]))
    lowest, highest = (round(3_000 * UNIT * (1 + off / 10_000)) for off in (min(honest), max(honest)))
    slack = 3_000
    """Of a rate's last digit: a quote of a token holds eight."""
    assert lowest - slack <= found.price <= highest + slack
    assert abs(price_of(quotes).price - found.price) <= highest - lowest + 2 * slack


@given(st.lists(st.integers(2_990, 3_004), min_size=2, max_size=5), st.integers(2, 10**6))
def test_it_scales(prices, factor):
    quotes = eth(*prices)
    larger = [msgspec.structs.replace(one, bid=one.bid * factor, ask=one.ask * factor) for one in quotes]
    assert 0 <= price_of(larger).price - factor * price_of(quotes).price < factor


@given(
    st.lists(st.integers(299_800, 300_400), min_size=2, max_size=5), st.integers(0, 4), st.integers(0, 600)
)
def test_a_higher_quote_never_lowers_it(cents, which, more):
    raised = cents.copy()
    raised[which % len(cents)] += more
    wide = ReferenceConfig(exchanges=2, stray=1_000)
    before, after = (
        price_of(eth(*(one / 100 for one in some)), config=wide).price for some in (cents, raised)
    )
    assert before <= after
    if len(cents) == 2:
        assert (before < after) == (more > 0)


@given(worlds, st.integers(1, 6), st.sampled_from(BASES))
def test_there_is_none_below_the_least_number(quotes, least, base):
    speaking = {one.exchange for one in quotes if base in (one.pair.base, one.pair.quote)}
    found = reference_price(quotes, base, ReferenceConfig(exchanges=least, stray=50))
    if len(speaking) < least:
        assert isinstance(found, NoPrice)
    if isinstance(found, ReferencePrice):
        assert len(found.sources) >= least
        assert all(len(rate.exchanges) >= least for rate in found.rates)


EDGES = (-1, 0, 1, 2, (1 << 63) - 2, (1 << 63) - 1, 1 << 63, 10**5_000)
extremes = st.sampled_from(EDGES) | st.integers()
wild = st.builds(
    lambda name, book, bid, ask, **options: quote(name, *book, bid, ask, **options),
    st.sampled_from(NAMES),
    st.sampled_from([*BOOKS, ("ETH", "EUR"), ("", "")]),
    extremes,
    extremes,
    received=st.integers(-(10**20), 10**20),
    stale=st.sampled_from([None, None, None, ""]),
    is_perpetual=st.sampled_from([False, False, False, True]),
)


@given(
    st.lists(wild, max_size=12), st.integers(-1, 2), st.sampled_from([0, 50, 10_000]), st.sampled_from(BASES)
)
def test_nothing_raises(quotes, least, stray, base):
    found = reference_price(quotes, base, ReferenceConfig(exchanges=least, stray=stray))
    event(type(found).__name__)
    assert isinstance(found, NoPrice) or 0 < found.bid <= found.price <= found.ask < 1 << 63


@pytest.mark.parametrize("book", BOOKS, ids="/".join)
def test_no_edge_raises(book):
    """Each pair of edges as the bid and ask of one book on two exchanges, beside sound ones of all others."""
    sound = [around(name, *other, 1) for name in NAMES[:2] for other in BOOKS if other != book]
    for bid, ask in product(EDGES, EDGES):
        told = [quote(name, *book, bid, ask) for name in NAMES[:2]]
        for base, stray in product(BASES, (0, 50, 10_000)):
            for quotes in (told, told + sound):
                found = reference_price(quotes, base, ReferenceConfig(exchanges=1, stray=stray))
                assert isinstance(found, NoPrice) or 0 < found.bid <= found.ask < 1 << 63


@pytest.mark.parametrize("usdt", [0.97, 0.5, 1.03])
def test_a_depeg_moves_no_price_of_ether(usdt):
    books = [around(name, "ETH", "USDT", 3_000 / usdt) for name in ("binance", "okx", "bybit")]
    pegged = [around(name, "ETH", "USDT", 3_000) for name in ("binance", "okx", "bybit")]
    slipped = price_of(books + dollars(usdt))
    of_the_last_digit_of_a_quote = 2
    assert abs(slipped.price - price_of(pegged + dollars()).price) <= of_the_last_digit_of_a_quote
    assert slipped.rates[0].price == round(usdt * UNIT)
    # ... and where the rate is not live, not one of them is believed.
    assert why_none(books) == (
        "no rate of USDT: USDT/USD has none of 2 exchanges needed, USDC/USD none of 2 exchanges needed; "
        "binance, bybit, okx wait for it; none of 2 exchanges needed"
    )
    assert "no rate of USDT" in reference_price(books, "ETH", CONFIG).left_out[0].reason


def test_without_a_rate_it_is_said_which_and_who_waits_for_it():
    of_one = [around("kraken", *book, 1) for book in (("USDT", "USD"), ("USDC", "USD"))]
    in_usdt = [around(name, "ETH", "USDT", 3_000) for name in ("okx", "kraken", "binance")]
    reason = why_none([*in_usdt, *of_one, around("kraken", "ETH", "USD", 3_000)])
    assert reason == (
        "no rate of USDT: USDT/USD has 1 of 2 exchanges needed, USDC/USD 1 of 2 exchanges needed; "
        "binance, okx wait for it; 1 of 2 exchanges needed"
    )
    in_both = [*in_usdt, around("okx", "ETH", "USDC", 3_000), around("binance", "ETH", "USDC", 3_000)]
    assert why_none([*in_both, *of_one]).startswith("no rate of USDT: ")
    del in_both[1]
    assert why_none([*in_both, *of_one]).startswith("no rate of USDT or USDC: USDT/USD has 1 of 2")
    # Who speaks in USD waits for no rate, and where all do, none is missing.
    assert why_none([in_usdt[1], *of_one, around("kraken", "ETH", "USD", 3_000)]) == "1 of 2 exchanges needed"
    both = [*of_one, *(msgspec.structs.replace(one, exchange="coinbase") for one in of_one)]
    assert len(price_of(in_usdt + both).sources) == 3


def test_a_token_is_worth_what_it_is_through_the_other():
    crosses = [around(name, "USDC", "USDT", 1 / 0.97) for name in ("binance", "okx")]
    anchor = [around(name, "USDC", "USD", 1) for name in ("kraken", "coinbase")]
    found = price_of(crosses + anchor, "USDT")
    assert abs(found.price - round(0.97 * UNIT)) <= 2
    assert [rate.dollar for rate in found.rates] == ["USDC"]
    books = [around(name, "ETH", "USDT", 3_000 / 0.97) for name in ("binance", "okx")]
    (rate,) = price_of(books + crosses + anchor).rates
    assert (rate.dollar, rate.through, rate.exchanges) == ("USDT", "USDC", ("binance", "okx"))
    assert why_none(crosses + anchor[:1], "USDT").startswith("USDT/USD has none of 2")


def test_an_exchange_has_one_voice_its_tightest():
    three = [
        around("okx", "ETH", asset, 3_010, bps=width)
        for asset, width in (("USD", 9), ("USDT", 2), ("USDC", 5))
    ]
    found = price_of(three + eth(3_000, 3_000) + dollars())
    assert [source.exchange for source in found.sources] == ["binance", "bybit", "okx"]
    assert found.sources[2].pair == Pair("ETH", "USDT")
    assert found.price == 3_000 * UNIT


def test_an_exchange_whose_own_books_contradict_each_other_has_no_voice():
    """A dust order makes a thin book the tightest of its exchange: it may neither speak for it nor silence it unsaid."""
    thin = around("kraken", "ETH", "USDT", 3_060, bps=0)
    honest = [around(name, "ETH", "USD", 3_000, bps=4) for name in ("coinbase", "kraken", "bybit")]
    found = price_of([*honest, *dollars(), thin])
    assert [source.exchange for source in found.sources] == ["bybit", "coinbase"]
    assert found.price == 3_000 * UNIT
    reason = "its own books are more than 50 bps apart: ETH/USD 3000.000, ETH/USDT 3060.000"
    assert left_out(found) == {("kraken", "ETH/USD"): reason, ("kraken", "ETH/USDT"): reason}
    alone = [*honest[1:2], *dollars(), thin]
    assert (
        why_none(alone, config=ReferenceConfig(exchanges=1))
        == "none of 1 exchange needed; without kraken, whose own books are apart"
    )
    assert left_out(reference_price(alone, "ETH", ReferenceConfig(exchanges=1))) == left_out(found)
    near = around("kraken", "ETH", "USDT", 3_014, bps=0)
    assert [one.pair.quote for one in price_of([*honest, *dollars(), near]).sources] == ["USD", "USD", "USDT"]


whole = st.integers(1, (1 << 63) - 1)


@given(whole, whole, st.integers(1, 1 << 90))
def test_a_quotient_is_of_exact_mids_rounded_down(one, other, worth):
    bid, ask = sorted((one * FINER, other * FINER))
    voice = Voice("okx", Pair("USDC", "USDT"), bid, (bid + ask) // 2, ask, 1)
    rate = Joined(worth, worth, worth, (), ())
    assert divided(rate, voice).mid == floor(Fraction(worth * VOICE_ONE) / Fraction(bid + ask, 2))


def test_an_exchange_that_strays_is_named_with_its_price_and_the_median():
    found = price_of(eth(3_000, 3_001, 3_030))
    assert left_out(found) == {
        ("coinbase", "ETH/USD"): "3030.000 is more than 50 bps from the median 3001.000"
    }
    assert found.price == 3_000 * UNIT + UNIT // 2


def test_of_two_that_disagree_none_is_believed():
    for least in (1, 2):
        reason = why_none(eth(3_000, 3_018), config=ReferenceConfig(exchanges=least, stray=50))
        assert reason == "none of 2 exchanges agree within 50 bps: binance 3000.000, bybit 3018.000"
    assert price_of(eth(3_000, 3_015)).price == 300_750_000_000
    assert why_none(eth(3_000, 3_000, 3_018, 3_018)).startswith("none of 4")
    assert why_none(eth(2_000, 3_000, 3_001, 4_000)).startswith("2 of 4 exchanges agree")


def test_stale_and_perpetual_and_broken_books_have_no_say():
    old = around("okx", "ETH", "USD", 3_300, stale="nothing for 4.0 s")
    perpetual = around("binance-usdm", "ETH", "USD", 3_300, is_perpetual=True)
    crossed = quote("bybit", "ETH", "USD", 3_001 * UNIT, 3_000 * UNIT)
    wide = around("gemini", "ETH", "USD", 3_000, bps=80)
    good = [around(name, "ETH", "USD", 3_000) for name in ("kraken", "coinbase")]
    found = price_of([*good, old, perpetual, crossed, wide])
    assert found == msgspec.structs.replace(price_of(good), left_out=found.left_out)
    assert left_out(found) == {
        ("okx", "ETH/USD"): "nothing for 4.0 s",
        ("bybit", "ETH/USD"): "0 < bid < ask does not hold",
        ("gemini", "ETH/USD"): "81 bps wide, more than 50",
    }


def test_one_after_the_other_falls_silent_and_then_there_is_none():
    quotes = eth(3_000, 3_001, 3_002, 3_003)
    sources = []
    for silent in range(3):
        now = [
            msgspec.structs.replace(one, stale="cut") if index < silent else one
            for index, one in enumerate(quotes)
        ]
        sources.append(len(price_of(now).sources))
    assert sources == [4, 3, 2]
    assert why_none(quotes[3:]) == "1 of 2 exchanges needed"
    assert why_none([]) == "none of 2 exchanges needed"


@pytest.mark.parametrize(
    ("bid", "ask", "usdt", "reason"),
    [
        (1, 2, 0.5, "less than 0.00000001 USD"),
        ((1 << 63) - 2, (1 << 63) - 1, 1.03, "more than 92233720368.54"),
    ],
)
def test_what_no_price_can_hold_is_none(bid, ask, usdt, reason):
    books = [quote(name, "ETH", "USDT", bid, ask) for name in NAMES[:2]]
    rates = dollars(usdt)
    config = ReferenceConfig(exchanges=2, stray=10_000)
    assert why_none(books + rates, config=config) == reason


def test_it_is_as_old_as_the_oldest_that_had_a_say():
    rates = dollars()
    rates[0] = msgspec.structs.replace(rates[0], received=7)
    books = [
        around(name, "ETH", "USDT", 3_000, received=20 + place)
        for place, name in enumerate(("okx", "binance"))
    ]
    found = price_of([*books, *(msgspec.structs.replace(one, received=9) for one in rates)])
    assert found.received == 9
    assert price_of([*books, *rates]).received == min(one.received for one in rates)
    assert price_of(eth(3_000, 3_000, received=4)).received == 4


def test_the_width_is_said_rounded_up():
    assert price_of(eth(3_000, 3_000, bps=10)).spread_bps == 11
    assert price_of([quote(name, "ETH", "USD", 20_000, 20_001) for name in NAMES]).spread_bps == 1


def test_a_price_in_usd_of_usd_is_not_asked():
    assert why_none(dollars(), "USD") == "USD is what prices are said in"
