"""The signer of `submit`: the real process, told to write down at its end what each signature took it inside.

Argument: a JSON object with the folder. Out, in `signer.json` there: for each execution, nanoseconds of the whole
answer, of the totals on disk, of the signature.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import uvloop

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bot.signer.config import SignerConfig, SignerWallet
from bot.signer.desk import SigningDesk
from bot.signer.process import serve
from bot.signer.totals import TotalsFile
from bot.signer.wallet_key import WalletKey
from scripts.benches.submit_case import CHAIN_ID, EXECUTOR, SIGNER_LIMITS, WALLET, WETH

STEPS: list[dict[str, int]] = []


def signer_config(folder: Path) -> SignerConfig:
    wallet = SignerWallet(WALLET, folder / "wallet.json", folder / "password", SIGNER_LIMITS)
    return SignerConfig(
        chain_id=CHAIN_ID,
        is_throwaway_chain=True,
        executors=frozenset({EXECUTOR}),
        weth=WETH,
        wallets=(wallet,),
        socket_path=folder / "socket" / "signer",
        totals_dir=folder / "signer",
        halt_file=folder / "HALT",
    )


def timed(owner: type, name: str, step: str) -> None:
    """Its time is added to the current request's."""
    inner: Callable[..., Any] = getattr(owner, name)

    def outer(*arguments: Any, **named: Any) -> Any:
        started = time.perf_counter_ns()
        try:
            return inner(*arguments, **named)
        finally:
            if STEPS:
                STEPS[-1][step] = STEPS[-1].get(step, 0) + time.perf_counter_ns() - started

    setattr(owner, name, outer)


def main() -> None:
    folder = Path(sys.argv[1])
    answer = SigningDesk.answer

    def timed_answer(desk: SigningDesk, body: bytes) -> Any:
        started = time.perf_counter_ns()
        STEPS.append({})
        reply = answer(desk, body)
        STEPS[-1]["answer"] = time.perf_counter_ns() - started
        return reply

    SigningDesk.answer = timed_answer  # type: ignore[method-assign]
    timed(TotalsFile, "write", "totals")
    timed(WalletKey, "sign", "signature")
    uvloop.run(serve(signer_config(folder)))
    signed = [steps for steps in STEPS if "signature" in steps]
    (folder / "signer.json").write_text(json.dumps(signed))


if __name__ == "__main__":
    main()
