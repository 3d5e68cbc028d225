"""The bare memory of an argument, compiled: what the frame kernel's parts hand to each other.

numba counts references of arrays and bytes at every call between functions, which costs as much as reading a small frame.
The entry's caller holds both until the call is over, so the parts need no count. A pointer is read, written and cut from a
place on as an array is; indices are not checked, and none is negative.
"""

import operator
from typing import Any

from numba import config, njit, types
from numba.core.imputils import impl_ret_borrowed
from numba.extending import intrinsic, overload
from numba.np.arrayobj import make_array

part = njit(no_cpython_wrapper=True, no_cfunc_wrapper=True)
"""A function that only other compiled ones call: it is kept in the cache of those that do."""


@intrinsic  # type: ignore[untyped-decorator]  # numba has no types
def _pointer(_context: Any, buffer: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = make_array(signature.args[0])(context, builder, arguments[0]).data
        return impl_ret_borrowed(context, builder, signature.return_type, data)

    return types.CPointer(buffer.dtype)(buffer), generate


@intrinsic  # type: ignore[untyped-decorator]  # numba has no types
def _advanced(_context: Any, memory: Any, by: Any) -> Any:
    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.gep(arguments[0], [arguments[1]])

    return memory(memory, by), generate


@overload(operator.getitem)
def _from_place(memory: Any, place: Any) -> Any:
    """`memory[start:end]`; the end is not looked at."""
    if not isinstance(memory, types.CPointer) or not isinstance(place, types.SliceType):
        return None

    def cut(memory: Any, place: Any) -> Any:
        return _advanced(memory, place.start)

    return cut


def _itself(buffer: Any) -> Any:
    return buffer


pointer: Any = _itself if config.DISABLE_JIT else _pointer
