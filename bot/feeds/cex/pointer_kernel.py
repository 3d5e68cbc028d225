"""The bare memory of an argument, compiled: what the frame kernel's parts hand to each other.

numba counts references of arrays and bytes at every call between functions, which costs as much as reading a small frame.
The entry's caller holds both until the call is over, so the parts need no count. A pointer is read, written and cut from a
place on as an array is; indices are not checked, and none is negative.

The entry takes its arguments as CPython's own objects and looks into them itself: numba's conversion of them, bytes above
all, costs some 100 ns a call more.
"""

import operator
from collections.abc import Callable
from typing import Any, TypeVar

import numba
from numba import types
from numba.core import imputils
from numba.extending import NativeValue, intrinsic, models, overload, register_model, unbox

_NUMBA: Any = numba  # its own types do not know all it has
_TYPES: Any = types
_RESULTS: Any = imputils
_EXTENDING: Any = (NativeValue, models, register_model, unbox)

_TYPE_WORD, _SIZE_WORD = 1, 2
"""Of a PyVarObject: its count of references stands before them."""
_BYTES_AT = bytes.__basicsize__ - 1
"""Where the content of a bytes object begins; the size of an empty one has its NUL with it."""

Function = TypeVar("Function", bound=Callable[..., Any])


def part(function: Function) -> Function:
    """A function that only other compiled ones call: it is kept in the cache of those that do."""
    compiled: Function = _NUMBA.njit(no_cpython_wrapper=True, no_cfunc_wrapper=True)(function)
    return compiled


class _Object(_TYPES.Opaque):  # type: ignore[misc]  # numba's types are not typed
    """A reference to a CPython object that the caller holds."""


OBJECT: Any = _Object("object")


def _register() -> None:
    native, all_models, register, unbox_as = _EXTENDING
    register(_Object)(all_models.OpaqueModel)
    unbox_as(_Object)(lambda _type, reference, _context: native(reference))


_register()


def _word(context: Any, builder: Any, reference: Any, place: int) -> Any:
    words = builder.bitcast(reference, context.get_value_type(_TYPES.CPointer(_TYPES.int64)))
    return builder.load(builder.gep(words, [context.get_constant(_TYPES.int64, place)]))


@intrinsic
def _pointer(_context: Any, payload: Any) -> Any:
    content = _TYPES.CPointer(_TYPES.uint8)

    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        start = builder.bitcast(arguments[0], context.get_value_type(content))
        return builder.gep(start, [context.get_constant(_TYPES.int64, _BYTES_AT)])

    return content(payload), generate


@intrinsic
def _length(_context: Any, payload: Any) -> Any:
    """-1 where it is no bytes object."""

    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        kind = context.get_python_api(builder).get_c_object("PyBytes_Type")
        expected = builder.ptrtoint(kind, context.get_value_type(_TYPES.int64))
        is_bytes = builder.icmp_unsigned("==", _word(context, builder, arguments[0], _TYPE_WORD), expected)
        size = _word(context, builder, arguments[0], _SIZE_WORD)
        return builder.select(is_bytes, size, context.get_constant(_TYPES.int64, -1))

    return _TYPES.int64(payload), generate


@intrinsic
def _integer(_context: Any, number: Any) -> Any:
    """-1, and CPython's error set, where it is no integer of 64 bits."""

    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return context.get_python_api(builder).long_as_longlong(arguments[0])

    return _TYPES.int64(number), generate


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
length: Any = len if IS_INTERPRETED else _length
integer: Any = _itself if IS_INTERPRETED else _integer
words_at: Any = _itself if IS_INTERPRETED else _words_at
"""Words of an arena by its address: an array as an argument would cost 80 ns a call."""
