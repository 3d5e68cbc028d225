"""The Executor over the mixed market, and what a run of it left behind."""

from dataclasses import dataclass
from typing import Any

from executor_chain import Chain, RpcError, call_data
from executor_stage import EXECUTE, FOREVER, Cycle, built_code, deploy_executor, rows, shipped_code
from gas_frames import BUILDER
from mixed_market import MixedMarket, open_mixed_market
from universal_router import deploy_router, mature

GAS = hex(8_000_000)


@dataclass
class MixedStage:
    chain: Chain
    market: MixedMarket
    executor: str
    routers: tuple[str, str]
    """One for each V2 factory."""
    owner: str
    operator: str
    recipient: str

    @classmethod
    def open(cls, chain: Chain) -> "MixedStage":
        deployer, owner, operator, recipient = chain.accounts[:4]
        weth = chain.deploy(deployer, shipped_code("weth9", "WETH9"))
        market = open_mixed_market(chain, deployer, weth)
        executor = deploy_executor(chain, deployer, owner, recipient, weth, [operator])
        chain.send(deployer, weth, call_data("transfer(address,uint256)", recipient, 1))
        chain.rpc("anvil_setBalance", BUILDER, "0x1")
        chain.rpc("anvil_setCoinbase", BUILDER)
        first, second = (deploy_router(market, factory) for factory in market.v2_factories)
        mature(market, first)
        return cls(chain, market, executor, (first, second), owner, operator, recipient)

    def data(self, *cycles: Cycle, min_profit: int = 0, payment: int = 0) -> bytes:
        return call_data(EXECUTE, rows(*cycles), self.market.weth, min_profit, payment, 0, FOREVER)

    def execute(self, *cycles: Cycle, min_profit: int = 0, payment: int = 0) -> int:
        """Gas used by the receipt of a successful transaction."""
        data = self.data(*cycles, min_profit=min_profit, payment=payment)
        return int(self.chain.send(self.operator, self.executor, data)["gasUsed"], 16)

    def refusal(self, *cycles: Cycle, min_profit: int = 0, payment: int = 0) -> str:
        """Why it reverts; fails the test when it does not."""
        data = self.data(*cycles, min_profit=min_profit, payment=payment)
        fields = {"from": self.operator, "to": self.executor, "data": "0x" + data.hex(), "gas": GAS}
        (outcome,) = self.chain.outcomes([("eth_call", [fields, "latest"])])
        assert isinstance(outcome, RpcError), f"did not revert: {outcome}"
        return outcome.reason.removeprefix("execution reverted: ").removeprefix("execution reverted")

    def balances(self, holder: str) -> list[int]:
        """Of WETH and the three tokens."""
        return [self.balance(token, holder) for token in (self.market.weth, *self.market.tokens)]

    def balance(self, token: str, holder: str) -> int:
        return int(self.chain.read(token, "balanceOf(address)", holder))

    def deploy(self, name: str, *arguments: Any) -> str:
        types = ["address"] * len(arguments)
        return self.chain.deploy(self.market.deployer, built_code(name), types, arguments)
