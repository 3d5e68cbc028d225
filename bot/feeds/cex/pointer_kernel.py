"""The bare memory of an argument, compiled: what the frame kernel's parts hand to each other.

numba counts references of arrays and bytes at every call between functions, which costs as much as reading a small frame.
The entry's caller holds both until the call is over, so the parts need no count. A pointer is read, written and cut from a
place on as an array is; indices are not checked, and none is negative.
"""

import operator
from collections.abc import Callable
from typing import Any, TypeVar

import numba
from numba import types
from numba.core import imputils
from numba.extending import intrinsic, overload
from numba.np import arrayobj

_NUMBA: Any = numba  # its own types do not know all it has
_TYPES: Any = types
_ARRAYS: Any = arrayobj
_RESULTS: Any = imputils

Function = TypeVar("Function", bound=Callable[..., Any])


def part(function: Function) -> Function:
    """A function that only other compiled ones call: it is kept in the cache of those that do."""
    compiled: Function = _NUMBA.njit(no_cpython_wrapper=True, no_cfunc_wrapper=True)(function)
    return compiled


@intrinsic
def _pointer(_context: Any, buffer: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = _ARRAYS.make_array(signature.args[0])(context, builder, arguments[0]).data
        return _RESULTS.impl_ret_borrowed(context, builder, signature.return_type, data)

    return _TYPES.CPointer(buffer.dtype)(buffer), generate


@intrinsic
def _advanced(_context: Any, memory: Any, by: Any) -> Any:
    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.gep(arguments[0], [arguments[1]])

    return memory(memory, by), generate


_ADVANCED: Any = _advanced


@overload(operator.getitem)
def _from_place(memory: Any, place: Any) -> Any:
    """`memory[start:end]`; the end is not looked at."""
    if not isinstance(memory, types.CPointer) or not isinstance(place, types.SliceType):
        return None

    def cut(memory: Any, place: Any) -> Any:
        return _ADVANCED(memory, place.start)

    return cut


@intrinsic
def _words_at(_context: Any, address: Any) -> Any:
    words = _TYPES.CPointer(_TYPES.int64)

    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], context.get_value_type(words))

    return words(address), generate


def _itself(memory: Any) -> Any:
    return memory


IS_INTERPRETED: bool = bool(_NUMBA.config.DISABLE_JIT)
"""numba is switched off: what would be memory is then what was passed."""
pointer: Any = _itself if IS_INTERPRETED else _pointer
words_at: Any = _itself if IS_INTERPRETED else _words_at
"""Words of an arena by its address: an array as an argument would cost 80 ns a call."""
