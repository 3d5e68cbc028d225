"""What a market is made from; equal configurations in lockstep give equal chains."""

from pathlib import Path
from typing import Literal

import msgspec

from bot.core.identity import Address
from bot.core.units import Bps, Nanoseconds
from bot.world.genesis import GenesisConfig
from bot.world.parts import ROOT
from bot.world.relay_kinds import KINDS, Endpoint
from bot.world.shocks import Shocks
from bot.world.tokens import WETH


class MarketConfig(msgspec.Struct, frozen=True):
    run_dir: Path
    """Keys, logs, `bot.env` and `market.json` go here."""
    seed: int = 1
    pools: int = 40
    tokens: int | None = None
    """None: as many as are usual for so many pools."""
    pace: Nanoseconds = Nanoseconds(1_000_000_000)
    """Wall time of a block; of no account in lockstep."""
    lockstep: bool = False
    port: int = 0
    """Of the node; the relays take the next ones, in the order of `relay_names`. 0: whatever is free."""
    wallets: tuple[str, ...] = ("main",)
    competitor_probability: Bps = Bps(1_500)
    """Part of the blocks in which the competitor looks for something."""
    relays: Literal["one", "all"] = "one"
    """One: a relay for bundles and the unprotected RPC, and one builder. All: every kind there is, and two builders."""
    hidden_law: bool = False
    """The competitor bids by a law of its own seed, and out of lockstep builders close before their slot ends."""
    private_share: Bps = Bps(0)
    """Part of the traders' swaps that goes to `market-share` with hints instead of the public mempool."""
    old_type_share: Bps = Bps(0)
    """Part of the traders' swaps that are signed as type 0 or 1, half of them each."""
    shocks: Shocks = Shocks()
    exchanges: bool = True
    """Six exchanges beside the chain; never on a fork, whose prices are real."""
    anvil_ipc: Path | None = None
    """Anvil's own Unix socket, for measurements without the node front; never for a bot's run."""
    fork_url: str | None = None
    """Fork this node's chain instead of founding a market: no crowd, no competitor."""
    fork_profile: str = "ethereum"
    """Chain profile of the forked chain, for `bot.env`."""
    fork_chain_id: int | None = None
    """Of that profile: an upstream with another one is refused. None takes any."""
    weth: Address = WETH.address
    """Wrapped coin of the chain, which the Executors are built for; another one only on a fork."""
    cache: Path = ROOT / "var" / "cache"
    """Founded chains are kept here for the next start."""
    genesis: GenesisConfig = GenesisConfig()

    @property
    def chain(self) -> str:
        """As in BOT_CHAIN."""
        return "market" if self.fork_url is None else "fork"

    @property
    def relay_names(self) -> tuple[Endpoint, ...]:
        """Endpoints that are open, in the order of their ports."""
        if self.relays == "all":
            return tuple(KINDS)
        two: tuple[Endpoint, ...] = ("market", "market-unprotected")
        return (*two, "market-share") if self.private_share else two

    @property
    def has_exchanges(self) -> bool:
        return self.exchanges and self.fork_url is None
