import os
import random

import msgspec
import pytest
from plan_samples import CHAIN_ID, OPERATOR, OPERATOR_SECRET
from signer_stage import Desk, sample_transaction

from bot.core.errors import BadConfiguration
from bot.core.identity import keccak
from bot.core.signer_protocol import Hello, Refused, Signed
from bot.signer.day_spend import DaySpend
from bot.signer.totals import PAGE_BYTES, TotalsFile, WalletTotals
from bot.signer.wallet_key import WalletKey

OTHER_SECRET = keccak(b"another operator")


def test_a_restart_remembers_what_was_signed(tmp_path):
    desk = Desk(tmp_path)
    for _ in range(3):
        desk.sign(sample_transaction())
    again = Desk(tmp_path, next_nonce=None)
    (status,) = again.ask(Hello()).wallets
    assert (status.counter, status.last_signed_nonce, status.next_nonce) == (3, 7, 7)
    assert again.totals == desk.totals
    assert again.sign(sample_transaction(nonce=8)).rule == "nonce"
    assert again.sign(sample_transaction()) == Signed(
        WalletKey(OPERATOR_SECRET).sign(sample_transaction()).raw, 4
    )


def test_the_totals_are_on_disk_when_the_key_is_used(tmp_path, monkeypatch):
    """Law 3 at the signature: at the moment of signing, the file already counts it."""
    desk = Desk(tmp_path)
    on_disk = []
    sign = WalletKey.sign

    def watched(key, fields):
        on_disk.append(TotalsFile(desk.config.totals_dir, "main").read(CHAIN_ID, OPERATOR).counter)
        return sign(key, fields)

    monkeypatch.setattr(WalletKey, "sign", watched)
    for _ in range(3):
        desk.sign(sample_transaction())
    assert on_disk == [1, 2, 3]


def test_every_signature_waits_for_a_sync(tmp_path, monkeypatch):
    """What a reader sees may still be in the machine's memory: a power cut must not forget what was signed."""
    desk, order = Desk(tmp_path), []

    def noted(name, call):
        def noting(*arguments):
            order.append(name)
            return call(*arguments)

        return noting

    for name in ("fsync", "fdatasync"):
        monkeypatch.setattr(os, name, noted("sync", getattr(os, name)))
    monkeypatch.setattr(WalletKey, "sign", noted("sign", WalletKey.sign))
    for _ in range(3):
        desk.sign(sample_transaction())
    assert order.count("sign") == 3
    before = [order[place - 1] for place, step in enumerate(order) if step == "sign"]
    assert before == ["sync"] * 3


def test_a_disk_that_fails_stops_all_signatures(tmp_path, monkeypatch):
    desk = Desk(tmp_path)
    write = TotalsFile.write

    def full_disk(_, __):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(TotalsFile, "write", full_disk)
    assert desk.sign(sample_transaction()).rule == "totals"
    monkeypatch.setattr(TotalsFile, "write", write)
    refused = desk.sign(sample_transaction())
    assert isinstance(refused, Refused), "memory and disk may differ: only a restart reads the truth"
    assert "No space left on device; restart the signer" in refused.actual
    assert isinstance(Desk(tmp_path).sign(sample_transaction()), Signed)


@pytest.mark.parametrize(
    ("changes", "words"), [({"secret": OTHER_SECRET}, "holds the totals of"), ({"chain_id": 1}, "on chain")]
)
def test_totals_of_another_key_or_chain_are_refused(tmp_path, changes, words):
    Desk(tmp_path).sign(sample_transaction())
    with pytest.raises(BadConfiguration, match=words) as refused:
        Desk(tmp_path, **changes)
    assert "move the file away" in str(refused.value)


def test_any_damage_is_refused_with_the_way_out(tmp_path):
    """Every cut, and many flipped bits in both copies: what is read is what was written, or nothing is."""
    desk = Desk(tmp_path)
    desk.sign(sample_transaction())
    file = TotalsFile(desk.config.totals_dir, "main")
    written = file.path.read_bytes()
    half = len(written) // 2
    damaged = [written[:size] for size in range(0, len(written), 7)]
    cuts = len(damaged)
    rng = random.Random(3)
    for _ in range(500):
        first, second = rng.randrange(8 * half), rng.randrange(8 * half)
        damaged.append(flipped(written[:half], first) + flipped(written[half:], second))
    refusals = 0
    for content in damaged:
        file.path.write_bytes(content)
        with pytest.raises(BadConfiguration, match="restore it from a back-up"):
            file.read(CHAIN_ID, OPERATOR)
        refusals += 1
    assert refusals == cuts + 500 > 1000


def test_one_copy_that_is_damaged_costs_nothing(tmp_path):
    desk = Desk(tmp_path)
    desk.sign(sample_transaction())
    file = TotalsFile(desk.config.totals_dir, "main")
    written = file.path.read_bytes()
    rng = random.Random(4)
    for _ in range(500):
        file.path.write_bytes(flipped(written, rng.randrange(8 * len(written))))
        assert file.read(CHAIN_ID, OPERATOR) == desk.totals


@pytest.mark.parametrize("second_first", [False, True])
def test_a_write_that_was_cut_leaves_the_old_totals_or_the_new(tmp_path, second_first):
    """After any part of the pages, in either order; what is read can always be written on."""
    desk = Desk(tmp_path)
    desk.sign(sample_transaction())
    file = TotalsFile(desk.config.totals_dir, "main")
    before, old = desk.totals, file.path.read_bytes()
    desk.sign(sample_transaction())
    after, new = desk.totals, file.path.read_bytes()
    half = len(new) // 2
    found = {before.counter: 0, after.counter: 0}
    for cut in range(0, len(new) + 1, 5):
        if not second_first:
            torn = new[:cut] + old[cut:]
        elif cut < half:
            torn = old[:half] + new[half : half + cut] + old[half + cut :]
        else:
            torn = new[: cut - half] + old[cut - half : half] + new[half:]
        file.path.write_bytes(torn)
        read = file.read(CHAIN_ID, OPERATOR)
        assert read in (before, after)
        found[read.counter] += 1
        file.write(after)
        assert file.read(CHAIN_ID, OPERATOR) == after
    for halves in (new[:half] + old[half:], old[:half] + new[half:]):
        file.path.write_bytes(halves)
        assert file.read(CHAIN_ID, OPERATOR) == after, "of two whole copies the newer one counts"
    assert before.counter + 1 == after.counter
    assert found[before.counter] > 10
    assert found[after.counter] > 10


@pytest.mark.parametrize("second_newer", [False, True])
def test_after_a_cut_the_next_write_is_a_file_anew(tmp_path, second_newer):
    """Written over in place, a second cut could leave copies two writes apart, which nobody could tell from damage."""
    desk = Desk(tmp_path)
    desk.sign(sample_transaction())
    file = TotalsFile(desk.config.totals_dir, "main")
    old = file.path.read_bytes()
    desk.sign(sample_transaction())
    new, half = file.path.read_bytes(), len(old) // 2
    file.path.write_bytes(old[:half] + new[half:] if second_newer else new[:half] + old[half:])
    assert file.read(CHAIN_ID, OPERATOR) == desk.totals
    torn = file.path.stat().st_ino
    file.write(desk.totals)
    whole = file.path.read_bytes()
    assert file.path.stat().st_ino != torn
    assert whole[:half] == whole[half:]
    file.write(desk.totals)
    assert file.path.read_bytes() != whole, "in place again"


def test_copies_that_no_write_could_leave_are_refused(tmp_path):
    desk = Desk(tmp_path)
    desk.sign(sample_transaction())
    file = TotalsFile(desk.config.totals_dir, "main")
    old = file.path.read_bytes()
    for _ in range(2):
        desk.sign(sample_transaction())
    new = file.path.read_bytes()
    file.path.write_bytes(new[: len(new) // 2] + old[len(old) // 2 :])
    with pytest.raises(BadConfiguration, match="copies are of the writes 2 and 4"):
        file.read(CHAIN_ID, OPERATOR)


def test_totals_outgrow_their_pages_and_survive(tmp_path):
    file = TotalsFile(tmp_path, "main")
    sizes = set()
    file.read(CHAIN_ID, OPERATOR)
    for count in (1, 90, 91, 400, 3):
        spend = DaySpend({2**63 + nonce: 2**90 for nonce in range(count)})
        totals = WalletTotals(CHAIN_ID, OPERATOR, count, executions=spend)
        file.write(totals)
        assert TotalsFile(tmp_path, "main").read(CHAIN_ID, OPERATOR) == totals
        sizes.add(file.path.stat().st_size)
    assert min(sizes) == 2 * PAGE_BYTES < max(sizes)


def test_a_file_that_was_moved_away_is_made_anew(tmp_path):
    desk = Desk(tmp_path)
    desk.sign(sample_transaction())
    file = TotalsFile(desk.config.totals_dir, "main")
    file.path.rename(tmp_path / "moved")
    desk.sign(sample_transaction())
    assert file.read(CHAIN_ID, OPERATOR).counter == 2


def test_a_draft_that_was_cut_leaves_the_old_totals(tmp_path):
    desk = Desk(tmp_path)
    desk.sign(sample_transaction())
    (desk.config.totals_dir / "main.json.new").write_bytes(b'{"schema":1,"che')
    assert isinstance(Desk(tmp_path).sign(sample_transaction()), Signed)


def flipped(content, bit):
    changed = bytearray(content)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def test_amounts_beyond_64_bits_survive(tmp_path):
    file = TotalsFile(tmp_path, "main")
    spend = DaySpend({3: 2**90, 2**63: 1}, closed=2**100, carried=2**110)
    totals = WalletTotals(CHAIN_ID, OPERATOR, 1, 2, 3, 2**64 - 1, 5, 6, spend, DaySpend(closed=2**99))
    file.write(totals)
    assert file.read(CHAIN_ID, OPERATOR) == totals
    assert file.path.stat().st_mode & 0o777 == 0o600
    for copy in file.path.read_bytes().splitlines():
        assert msgspec.json.decode(copy)["totals"]["executions"]["closed"] == 2**100
