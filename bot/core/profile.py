"""What is particular to a chain, as data: slot rule, gas schedule, tokens, venues, addresses with code hashes."""

from typing import Literal

import msgspec

from bot.core.identity import ZERO_ADDRESS, Address
from bot.core.units import Nanoseconds, WeiPerGas

ProtocolName = Literal["uniswap_v2", "uniswap_v3", "pancakeswap_v3"]
SlotKind = Literal["slots", "observed"]
FeeKind = Literal["layer-1", "op-ecotone", "op-fjord", "op-isthmus", "op-jovian", "arbitrum"]
"""Whether and how a chain charges for its data beyond its own gas."""


class Token(msgspec.Struct, frozen=True):
    symbol: str
    address: Address
    decimals: int


class SlotRule(msgspec.Struct, frozen=True):
    """When blocks come: by the wall clock, or only as they are seen to come.

    slots: block timestamps are genesis_time + seconds * slot; a missed slot leaves a gap. observed: no such clock, or
    one that is not ours (a local market in its own time): `seconds` is what is believed before anything was seen.
    """

    genesis_time: int
    seconds: int
    kind: SlotKind = "slots"
    closes_after: Nanoseconds = Nanoseconds(2_500_000_000)
    """slots: into the slot, what reaches a builder later misses its block. Mainnet's relays refuse the proposer's call
    after 3 s (flashbots/mev-boost-relay, GETHEADER_REQUEST_CUTOFF_MS), most proposers call between 0.5 and 3 s."""
    heads_after: Nanoseconds = Nanoseconds(2_200_000_000)
    """slots: into the slot, when a head usually reaches us; believed until arrivals have been seen."""


class ForkFrom(msgspec.Struct, frozen=True):
    """A gas schedule by its name, and the timestamp of the first block it holds for."""

    name: str
    from_timestamp: int


class BaseFeeRule(msgspec.Struct, frozen=True):
    """How EIP-1559's base fee moves. The defaults are Ethereum's own."""

    elasticity: int = 2
    """Gas limit over gas target."""
    denominator: int = 8
    """A step is at most one part in so many for each gas target used too much or too little."""
    minimum: WeiPerGas = WeiPerGas(0)


class Venue(msgspec.Struct, frozen=True):
    """One factory and what its pools have in common."""

    name: str
    protocol: ProtocolName
    factory: Address
    init_code_hash: bytes
    """keccak of the pool's creation code: pool addresses follow by CREATE2."""
    fee_numerator: int
    """V2: the part of the input that counts, 997 of 1000 for Uniswap. 0 where each pool has its own fee."""
    fee_denominator: int
    first_block: int
    """No pool is older than this block."""
    deployer: Address = ZERO_ADDRESS
    """What creates the pools by CREATE2; the factory itself where it is not given."""
    fee_tiers: tuple[tuple[int, int], ...] = ()
    """V3: (fee in millionths, tick spacing) of every tier the factory opens pools in. Empty for V2."""

    def __post_init__(self) -> None:
        if self.deployer == ZERO_ADDRESS:
            msgspec.structs.force_setattr(self, "deployer", self.factory)


class ChainProfile(msgspec.Struct, frozen=True):
    name: str
    chain_id: int
    slot: SlotRule
    gas_schedule: str
    """Of the first of `gas_schedules`."""
    weth: Token
    base_tokens: tuple[Token, ...]
    """Cycles start and end in one of these."""
    tokens: tuple[Token, ...]
    multicall3: Address
    venues: tuple[Venue, ...]
    discovery: Literal["all", "listed"]
    """all: every pool of the factories; listed: only pools between `tokens` (a mainnet factory has 400,000 pairs)."""
    code_hashes: dict[Address, bytes]
    """keccak of the code expected at each address the bot relies on."""
    is_throwaway: bool
    """A local market or fork: only throwaway keys and relays on loopback are accepted."""
    gas_schedules: tuple[ForkFrom, ...] = ()
    """Every fork that is scheduled, from its timestamp on; `gas_schedule` from the beginning where none is given."""
    fees: FeeKind = "layer-1"
    base_fee: BaseFeeRule = BaseFeeRule()
    """Where the headers say nothing of it."""

    def __post_init__(self) -> None:
        if not self.gas_schedules:
            msgspec.structs.force_setattr(self, "gas_schedules", (ForkFrom(self.gas_schedule, 0),))
