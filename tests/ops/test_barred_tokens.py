"""What a start says about tokens, in one line."""

from bot.ops.barred_tokens import barred_in_words


def test_nothing_barred():
    assert barred_in_words([None, None]) == "all safe to trade, in 2 pools"


def test_reasons_are_counted_and_the_rarest_left_out():
    reasons = ["a fee"] * 3 + ["rebasing"] * 2 + ["honeypot", "silence", "dust", None]
    assert barred_in_words(reasons) == (
        "8 of 9 pools barred: a fee (3 pools); rebasing (2 pools); honeypot (1 pool); and 2 more"
    )
