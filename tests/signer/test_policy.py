"""Each field of the decoded bytes: just inside is signed, just outside is refused by its rule."""

import pytest
from eth_account import Account
from hypothesis import given, settings
from hypothesis import strategies as st
from plan_samples import CHAIN_ID, ETHER, EXECUTOR, GWEI, OPERATOR, OPERATOR_SECRET, TOKEN, execute_calldata
from signer_stage import Desk, limited, sample_transaction

from bot.core.signer_protocol import NonceNoted, Refused, ReportNonce, Signed, SignExecution
from bot.core.transaction import decode_signed

WORST = 300_000 * 20 * GWEI


@pytest.fixture
def desk(tmp_path):
    return Desk(tmp_path)


def of_eth_account(fields):
    """The second opinion on signed bytes."""
    unsigned = {
        "type": 2,
        "chainId": fields.chain_id,
        "nonce": fields.nonce,
        "maxPriorityFeePerGas": fields.max_priority_fee_per_gas,
        "maxFeePerGas": fields.max_fee_per_gas,
        "gas": fields.gas_limit,
        "to": fields.to,
        "value": fields.value,
        "data": fields.data,
        "accessList": [
            {"address": "0x" + address.hex(), "storageKeys": ["0x" + slot.hex() for slot in slots]}
            for address, slots in fields.access_list
        ],
    }
    return bytes(Account.sign_transaction(unsigned, OPERATOR_SECRET).raw_transaction)


@given(
    fee=st.integers(0, 20 * GWEI),
    gas=st.integers(1, 300_000),
    profit=st.integers(WORST, ETHER),
    payment=st.integers(0, 9 * WORST),
    width=st.integers(1, 8),
    slots=st.lists(st.binary(min_size=32, max_size=32), max_size=3),
    hops=st.integers(2, 4),
)
@settings(max_examples=60, deadline=None)
def test_signed_bytes_equal_eth_accounts(tmp_path_factory, fee, gas, profit, payment, width, slots, hops):
    fields = sample_transaction(
        max_fee_per_gas=fee,
        max_priority_fee_per_gas=fee // 2,
        gas_limit=gas,
        data=execute_calldata(101, 100 + width, None, payment, hops, gain=profit + payment),
        access_list=((TOKEN, tuple(slots)),),
    )
    reply = Desk(tmp_path_factory.mktemp("desk"), priority_fee_cap=10 * GWEI).sign(fields)
    assert reply == Signed(of_eth_account(fields), 1)


OUTSIDE = [
    ("chain_id", {"chain_id": CHAIN_ID + 1}),
    ("chain_id", {"chain_id": 1}),
    ("to", {"to": TOKEN}),
    ("to", {"to": OPERATOR}),
    ("value", {"value": 1}),
    ("gas_per_tx", {"gas_limit": 300_001}),
    ("fee_per_gas", {"max_fee_per_gas": 20 * GWEI + 1}),
    ("priority_fee_per_gas", {"max_fee_per_gas": 1, "max_priority_fee_per_gas": 2}),
    ("priority_fee_cap", {"max_priority_fee_per_gas": 1}),
    ("priority_fee_cap", {"max_priority_fee_per_gas": 20 * GWEI}),
    ("min_profit", {"data": execute_calldata(min_profit=0)}),
    ("min_profit", {"data": execute_calldata(gain=1)}),
    ("min_profit", {"data": execute_calldata(gain=WORST - 1)}),
    ("min_profit", {"data": execute_calldata(gain=10 * WORST, payment=9 * WORST + 1)}),
    ("payment", {"data": execute_calldata(min_profit=WORST, payment=10**24)}),
    ("payment", {"data": execute_calldata(gain=20 * WORST, payment=18 * WORST + 1)}),
    ("whole_claim", {"data": execute_calldata(gain=2 * WORST, min_profit=2 * WORST - 1)}),
    ("whole_claim", {"data": execute_calldata(gain=2 * WORST, min_profit=2 * WORST + 1)}),
    ("whole_claim", {"data": execute_calldata(gain=3 * WORST, payment=WORST, min_profit=3 * WORST)}),
    ("whole_claim", {"data": execute_calldata(min_profit=2**256 - 1)}),
    ("block_window", {"data": execute_calldata(101, 109)}),
    ("block_window", {"data": execute_calldata(102, 101)}),
    ("block_window", {"data": execute_calldata(101, 2**256 - 1)}),
    ("block_window_start", {"data": execute_calldata(100, 101)}),
    ("block_window_start", {"data": execute_calldata(0, 7)}),
    ("block_window_start", {"data": execute_calldata(165, 165)}),
    ("block_window_start", {"data": execute_calldata(2**200, 2**200)}),
    ("nonce", {"nonce": 6}),
    ("nonce", {"nonce": 8}),
    ("nonce", {"nonce": 2**64 - 2}),
    ("decode", {"nonce": 2**64 - 1}),
    ("decode", {"value": 2**256}),
    ("decode", {"data": b""}),
    ("decode", {"data": execute_calldata()[:-1]}),
    ("decode", {"data": execute_calldata() + b"\0"}),
    ("decode", {"data": bytes(4) + execute_calldata()[4:]}),
    ("decode", {"access_list": ((b"short", ()),)}),
    ("decode", {"access_list": ((TOKEN, (b"short",)),)}),
]
INSIDE = [
    {},
    {"gas_limit": 1},
    {"max_fee_per_gas": 0, "data": execute_calldata(gain=1)},
    {"data": execute_calldata(gain=WORST)},
    {"data": execute_calldata(gain=10 * WORST, payment=9 * WORST)},
    {"data": execute_calldata(gain=20 * WORST, payment=18 * WORST)},
    {"data": execute_calldata(101, 108)},
    {"data": execute_calldata(164, 171)},
]


@pytest.mark.parametrize(("rule", "changes"), OUTSIDE)
def test_just_outside_is_refused_and_leaves_no_trace(desk, rule, changes):
    before = desk.totals
    reply = desk.sign(sample_transaction(**changes))
    assert isinstance(reply, Refused)
    assert reply.rule == rule
    assert reply.limit != reply.actual
    assert desk.totals == before
    assert isinstance(desk.sign(sample_transaction()), Signed), "a refusal does not stop the next"


@pytest.mark.parametrize("changes", INSIDE)
def test_just_inside_is_signed(desk, changes):
    reply = desk.sign(sample_transaction(**changes))
    assert isinstance(reply, Signed)
    assert decode_signed(reply.raw)[0] == sample_transaction(**changes)


def test_calldata_above_the_cap(tmp_path):
    data = execute_calldata()
    assert isinstance(
        Desk(tmp_path, limits=limited(calldata_bytes=len(data))).sign(sample_transaction()), Signed
    )
    refused = Desk(tmp_path, limits=limited(calldata_bytes=len(data) - 1)).sign(sample_transaction())
    assert refused == Refused("calldata_bytes", f"<= {len(data) - 1} bytes", f"{len(data)} bytes")


def test_the_next_nonce_waits_until_this_one_is_used(desk):
    assert isinstance(desk.sign(sample_transaction()), Signed)
    assert desk.sign(sample_transaction(nonce=8)).rule == "nonce"
    assert isinstance(desk.sign(sample_transaction(gas_limit=299_999)), Signed), (
        "another payload at the same nonce"
    )
    assert desk.report(8) == NonceNoted(8)
    assert isinstance(desk.sign(sample_transaction(nonce=8)), Signed)
    assert desk.sign(sample_transaction(nonce=7)).rule == "nonce"


def test_nothing_is_signed_before_a_nonce_was_reported(tmp_path):
    desk = Desk(tmp_path, next_nonce=None)
    assert desk.sign(sample_transaction()).rule == "nonce"
    assert desk.report(-1).rule == "next_nonce"
    assert desk.report(2**64 - 1).rule == "next_nonce"
    assert desk.report(7, -1).rule == "block_number"
    assert isinstance(desk.report(7), NonceNoted)
    assert isinstance(desk.sign(sample_transaction()), Signed)


class TestCancellation:
    @staticmethod
    def fields(**changes):
        own = {"to": OPERATOR, "data": b"", "gas_limit": 21_000, "max_fee_per_gas": 20 * GWEI}
        return sample_transaction(**(own | changes))

    def test_of_a_signed_unused_nonce(self, desk):
        desk.sign(sample_transaction())
        assert desk.cancel(self.fields()) == Signed(of_eth_account(self.fields()), 2)

    @pytest.mark.parametrize(
        ("rule", "changes"),
        [
            ("cancellation_to", {"to": EXECUTOR}),
            ("cancellation_to", {"to": TOKEN}),
            ("value", {"value": 1}),
            ("cancellation_data", {"data": b"\0"}),
            ("cancellation_data", {"data": execute_calldata()}),
            ("cancellation_access_list", {"access_list": ((TOKEN, ()),)}),
            ("fee_per_gas", {"max_fee_per_gas": 20 * GWEI + 1}),
            ("gas_per_tx", {"gas_limit": 300_001}),
            ("chain_id", {"chain_id": 1}),
            ("nonce", {"nonce": 6}),
            ("nonce", {"nonce": 8}),
        ],
    )
    def test_just_outside(self, desk, rule, changes):
        desk.sign(sample_transaction())
        assert desk.cancel(self.fields(**changes)).rule == rule

    def test_not_of_a_nonce_never_signed(self, desk):
        assert desk.cancel(self.fields()).rule == "nonce"

    def test_not_stopped_by_a_spent_day(self, tmp_path):
        desk = Desk(tmp_path, limits=limited(gas_spend_per_day=WORST))
        desk.sign(sample_transaction())
        assert isinstance(desk.cancel(self.fields(gas_limit=300_000)), Signed)

    def test_cancellations_may_cost_as_much_as_a_day(self, tmp_path):
        """Signed for a wei, burnt at the highest fee, at as many nonces as the engine says are used."""
        one = 21_000 * 20 * GWEI
        desk = Desk(tmp_path, limits=limited(gas_spend_per_day=5 * one))
        for nonce in range(7, 27):
            desk.report(nonce)
            data = execute_calldata(gain=1)
            assert isinstance(
                desk.sign(sample_transaction(nonce=nonce, gas_limit=1, max_fee_per_gas=1, data=data)), Signed
            )
        desk.report(7)
        replies = [desk.cancel(self.fields(nonce=nonce)) for nonce in range(7, 27)]
        assert [isinstance(reply, Signed) for reply in replies] == [True] * 5 + [False] * 15
        assert replies[-1] == Refused("cancellation_spend_per_day", f"<= {5 * one} wei", f"{6 * one} wei")
        assert isinstance(desk.cancel(self.fields(nonce=11)), Signed), "again at the same nonce costs no more"

    def test_a_tip_of_the_whole_fee_is_allowed_as_it_competes(self, desk):
        desk.sign(sample_transaction())
        assert isinstance(desk.cancel(self.fields(max_priority_fee_per_gas=20 * GWEI)), Signed)

    def test_an_execution_is_no_cancellation_and_the_reverse(self, desk):
        assert desk.cancel(sample_transaction()).rule == "cancellation_to"
        assert desk.sign(self.fields()).rule == "decode"


class TestHalt:
    def test_only_cancellations(self, desk):
        desk.sign(sample_transaction())
        desk.config.halt_file.touch()
        assert desk.sign(sample_transaction()).rule == "halt"
        assert isinstance(desk.cancel(TestCancellation.fields()), Signed)
        desk.config.halt_file.unlink()
        assert isinstance(desk.sign(sample_transaction()), Signed)

    @pytest.mark.parametrize("damage", ["dangling link", "folder", "gone", "file for a folder", "loop"])
    def test_what_cannot_be_read_is_a_halt(self, tmp_path, damage):
        place = tmp_path / "place"
        place.mkdir()
        halt_file = place / "HALT"
        desk = Desk(tmp_path, halt_file=halt_file)
        assert isinstance(desk.sign(sample_transaction()), Signed)
        match damage:
            case "dangling link":
                halt_file.symlink_to("nowhere")
            case "folder":
                halt_file.mkdir()
            case "gone":
                place.rmdir()
            case "file for a folder":
                place.rmdir()
                place.touch()
            case "loop":
                place.rmdir()
                place.symlink_to("place")
        refused = desk.sign(sample_transaction())
        assert (refused.rule, refused.limit) == ("halt", "only cancellations are signed")

    def test_one_that_comes_while_the_totals_are_written_holds_the_signature_back(self, desk):
        wallet = desk.desk._wallets["main"]
        keep = wallet.keep

        def slow_disk(totals):
            desk.config.halt_file.touch()
            return keep(totals)

        wallet.keep = slow_disk
        assert desk.sign(sample_transaction()).rule == "halt"


def test_an_unknown_wallet(desk):
    reply = desk.ask(SignExecution("alt", "intent", sample_transaction().unsigned_payload()))
    assert reply == Refused("wallet", "main", "alt")
    assert desk.ask(ReportNonce("alt", 1, 1)).rule == "wallet"


@pytest.mark.parametrize("depth", [10, 1_000, 30_000])
def test_lists_nested_without_end(desk, depth):
    nested = b""
    for _ in range(depth):
        size = len(nested)
        nested = (bytes([0xC0 + size]) if size < 56 else b"\xf9" + size.to_bytes(2, "big")) + nested
        if len(nested) > 60_000:
            break
    assert desk.sign_bytes(b"\x02" + nested).rule == "decode"
    assert desk.desk.answer(b"\x91" * depth).rule == "request"
