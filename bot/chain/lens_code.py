"""The compiled runtime code of contracts/PoolLens.vy, where there is any."""

from pathlib import Path
from typing import Any

import msgspec

BUILT_LENS = Path(__file__).resolve().parents[2] / ".build" / "contracts" / "PoolLens.json"


def load_lens_code(path: Path = BUILT_LENS) -> bytes | None:
    """None where it was not compiled (scripts/build_contracts.py does): pools are then read one by one.

    Raises ValueError for a file that is not what the compiler writes.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    artifact = msgspec.json.decode(content, type=dict[str, Any])
    code = bytes.fromhex(str(artifact.get("runtime", "")).removeprefix("0x"))
    if not code:
        raise ValueError(f"{path} holds no runtime code: remove it and run scripts/build_contracts.py")
    return code
