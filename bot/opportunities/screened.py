"""What the screen reads of the state: its own arrays, or those an overlay lays over them."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from bot.opportunities.screen_kernel import Floats, Market


class Screened(Protocol):
    """ScreenArrays, or an Overlay's over them."""

    @property
    def gamma(self) -> Floats: ...
    @property
    def virtual0(self) -> Floats: ...
    @property
    def virtual1(self) -> Floats: ...
    @property
    def log_rate(self) -> Floats: ...
    @property
    def sqrt_price(self) -> Floats: ...
    @property
    def first_range(self) -> NDArray[np.int64]: ...
    @property
    def range_count(self) -> NDArray[np.int32]: ...
    @property
    def current_range(self) -> NDArray[np.int32]: ...
    @property
    def range_bound(self) -> Floats: ...
    @property
    def range_liquidity(self) -> Floats: ...


def market_of(screen: Screened) -> Market:
    return Market(
        screen.gamma,
        screen.virtual0,
        screen.virtual1,
        screen.log_rate,
        screen.sqrt_price,
        screen.first_range,
        screen.range_count,
        screen.current_range,
        screen.range_bound,
        screen.range_liquidity,
    )
