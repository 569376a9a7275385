"""Read a pickle as data: numbers, texts, containers and numpy arrays; nothing that it names is looked up or called.

Python's unpickler calls whatever a pickle names and allocates memory for whatever index or shape it states. This reader
knows only the few operations that plain values need (see `pickletools`), builds the values itself, and refuses all
others. Anything it accepts is therefore also safe, and cheap, for Python's own unpickler.
"""

from __future__ import annotations

import functools
import pickletools
import re
import struct
from collections.abc import Callable
from typing import Any

from .pickled_arrays import FUNCTIONS, Array, Dtype, Function, NotPlain

MAX_OPERATIONS = 1 << 22
"""Folds of 100,000 cases need less than half; this many take a few seconds."""

MAX_MARKS = 64
"""Deepest nesting of groups of items."""

_LONGEST_NUMBER = 24
_LONGEST_NAME = 256
_LONGEST_KEY = 64
_LARGEST_KEY = 1 << 31
"""Integers below this do not share hashes; larger dict keys can be chosen to take quadratic time."""

_PROTOCOL = 5


def values_of(data: bytes) -> Any:
    """Return the contents of a pickle: None, numbers, texts, bytes, lists, tuples, dicts, and `Array`.

    Scalars of numpy become Python numbers and texts; an OrderedDict becomes a dict.

    Raises
    ------
    NotPlain
        If it holds anything else, is damaged, or takes more than `MAX_OPERATIONS`.
    """
    try:
        return _Reader(data).read()
    except NotPlain:
        raise
    except ValueError as error:  # undecodable text, or an invalid number
        raise NotPlain(f"is damaged: {error}") from error


_FIXED: dict[str, tuple[str, int]] = {
    "BININT": ("<i", 4),
    "BININT1": ("<B", 1),
    "BININT2": ("<H", 2),
    "BINFLOAT": (">d", 8),
}
_TEXTS = {"SHORT_BINUNICODE": 1, "BINUNICODE": 4, "BINUNICODE8": 8}
_BYTES = {"SHORT_BINBYTES": 1, "BINBYTES": 4, "BINBYTES8": 8, "BYTEARRAY8": 8}
"""Operation → bytes of its length."""

_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_PUTS = {"BINPUT": 1, "LONG_BINPUT": 4}
_GETS = {"BINGET": 1, "LONG_BINGET": 4}
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0
        self._count = 0
        self._stack: list[Any] = []
        self._marks: list[int] = []
        self._memo: dict[int, Any] = {}
        self._operations = {ord(pickle_op.code): self._operation(pickle_op.name) for pickle_op in pickletools.opcodes}

    def read(self) -> Any:
        data, operations = self._data, self._operations
        while True:
            if self._at >= len(data):
                raise NotPlain("is cut")
            code = data[self._at]
            self._at += 1
            self._count += 1
            if self._count > MAX_OPERATIONS:
                raise NotPlain(f"takes more than {MAX_OPERATIONS} operations")
            if code == _STOP:
                return self._pop()
            operation = operations.get(code)
            if operation is None:
                raise NotPlain(f"is damaged: byte {self._at - 1} begins no operation")
            operation()

    def _operation(self, name: str) -> Callable[[], None]:
        """Return the method that carries out an operation, or one that refuses it."""
        if name in _CONSTANTS:
            return functools.partial(self._stack.append, _CONSTANTS[name])
        if name in _FIXED:
            return functools.partial(self._fixed, *_FIXED[name])
        for table, method in (
            (_TEXTS, self._text),
            (_BYTES, self._bytes),
            (_PUTS, self._put_binary),
            (_GETS, self._get_binary),
            (_TUPLES, self._tuple_of),
        ):
            if name in table:
                return functools.partial(method, table[name])
        found: Callable[[], None] | None = getattr(self, f"_do_{name.lower()}", None)
        return functools.partial(self._refuse, name) if found is None else found

    def _refuse(self, name: str) -> None:
        raise NotPlain(f"holds the operation {name}, which plain values do not need")

    def _take(self, count: int) -> bytes:
        end = self._at + count
        if end > len(self._data):
            raise NotPlain("is cut")
        found = self._data[self._at : end]
        self._at = end
        return found

    def _number(self, size: int) -> int:
        return int.from_bytes(self._take(size), "little")

    def _line(self, longest: int | None = None) -> bytes:
        start = self._at
        end = self._data.find(b"\n", start, len(self._data) if longest is None else start + longest + 1)
        if end < 0:
            raise NotPlain("is cut" if longest is None else "holds a name or number that is longer than any is")
        self._at = end + 1
        return self._data[start:end]

    def _index(self) -> int:
        line = self._line(_LONGEST_NUMBER)
        if not line.isdigit():
            raise NotPlain("is damaged: an index is no number")
        return int(line)

    def _pop(self) -> Any:
        if len(self._stack) <= (self._marks[-1] if self._marks else 0):
            raise NotPlain("is damaged: a value is missing")
        return self._stack.pop()

    def _popped(self, kind: type, what: str) -> Any:
        value = self._pop()
        if type(value) is not kind:
            raise NotPlain(f"is damaged: {type(value).__name__} in the place of {what}")
        return value

    def _items(self) -> list[Any]:
        """Take all values since the last mark, and remove the mark."""
        if not self._marks:
            raise NotPlain("is damaged: a mark is missing")
        start = self._marks.pop()
        found = self._stack[start:]
        del self._stack[start:]
        return found

    def _fixed(self, form: str, size: int) -> None:
        self._stack.append(struct.unpack(form, self._take(size))[0])

    def _text(self, size: int) -> None:
        self._stack.append(self._take(self._number(size)).decode("utf-8", "surrogatepass"))

    def _bytes(self, size: int) -> None:
        self._stack.append(self._take(self._number(size)))

    def _put(self, index: int) -> None:
        # Picklers count up; Python's unpickler allocates as many places as an index says.
        if index > self._count:
            raise NotPlain(f"keeps a value as number {index}, with {self._count} operations before it")
        self._memo[index] = self._top()

    def _top(self) -> Any:
        value = self._pop()
        self._stack.append(value)
        return value

    def _get(self, index: int) -> None:
        if index not in self._memo:
            raise NotPlain(f"is damaged: no value {index} was kept")
        self._stack.append(self._memo[index])

    def _put_binary(self, size: int) -> None:
        self._put(self._number(size))

    def _get_binary(self, size: int) -> None:
        self._get(self._number(size))

    def _tuple_of(self, count: int) -> None:
        values = [self._pop() for _ in range(count)]
        self._stack.append(tuple(values[::-1]))

    def _name(self, module: Any, name: Any) -> None:
        found = FUNCTIONS.get((module, name)) if isinstance(module, str) and isinstance(name, str) else None
        if found is None:
            raise NotPlain(f"names {module}.{name}, which plain values do not need; it was not loaded")
        self._stack.append(found)

    def _do_proto(self) -> None:
        found = self._number(1)
        if found > _PROTOCOL:
            raise NotPlain(f"is of protocol {found}, expected 0 to {_PROTOCOL}")

    def _do_frame(self) -> None:
        self._take(8)

    def _do_mark(self) -> None:
        if len(self._marks) == MAX_MARKS:
            raise NotPlain(f"is nested deeper than {MAX_MARKS} levels")
        self._marks.append(len(self._stack))

    def _do_int(self) -> None:
        line = self._line(_LONGEST_NUMBER)
        if line in (b"00", b"01"):
            self._stack.append(line == b"01")
        elif re.fullmatch(rb"-?(0|[1-9]\d*)", line):
            self._stack.append(int(line))
        else:
            raise NotPlain("is damaged: a number has other characters than digits")

    def _do_long(self) -> None:
        line = self._line(_LONGEST_NUMBER)
        if not re.fullmatch(rb"-?\d+L", line):
            raise NotPlain("is damaged: a number has other characters than digits")
        self._stack.append(int(line[:-1]))

    def _do_float(self) -> None:
        self._stack.append(float(self._line(_LONGEST_NUMBER)))

    def _do_long1(self) -> None:
        self._stack.append(int.from_bytes(self._take(self._number(1)), "little", signed=True))

    def _do_unicode(self) -> None:
        self._stack.append(self._line().decode("raw-unicode-escape"))

    def _do_empty_list(self) -> None:
        self._stack.append([])

    def _do_empty_dict(self) -> None:
        self._stack.append({})

    def _do_empty_tuple(self) -> None:
        self._stack.append(())

    def _do_list(self) -> None:
        self._stack.append(self._items())

    def _do_tuple(self) -> None:
        self._stack.append(tuple(self._items()))

    def _do_dict(self) -> None:
        items = self._items()
        self._stack.append({})
        self._set(items)

    def _do_append(self) -> None:
        value = self._pop()
        target = self._popped(list, "a list")
        target.append(value)
        self._stack.append(target)

    def _do_appends(self) -> None:
        items = self._items()
        target = self._popped(list, "a list")
        target.extend(items)
        self._stack.append(target)

    def _do_setitem(self) -> None:
        value, key = self._pop(), self._pop()
        self._set([key, value])

    def _do_setitems(self) -> None:
        self._set(self._items())

    def _set(self, items: list[Any]) -> None:
        target = self._popped(dict, "a dict")
        if len(items) % 2:
            raise NotPlain("is damaged: a key without a value")
        for key, value in zip(items[::2], items[1::2], strict=True):
            if not _is_key(key):
                raise NotPlain("holds a key that is neither text nor number")
            target[key] = value
        self._stack.append(target)

    def _do_put(self) -> None:
        self._put(self._index())

    def _do_get(self) -> None:
        self._get(self._index())

    def _do_memoize(self) -> None:
        self._memo[len(self._memo)] = self._top()

    def _do_global(self) -> None:
        module, name = (self._line(_LONGEST_NAME).decode("utf-8", "replace") for _ in range(2))
        self._name(module, name)

    def _do_stack_global(self) -> None:
        name, module = self._pop(), self._pop()
        self._name(module, name)

    def _do_reduce(self) -> None:
        arguments = self._popped(tuple, "arguments")
        function = self._popped(Function, "a function")
        try:
            self._stack.append(function.call(*arguments))
        except TypeError as error:  # wrong number of arguments
            raise NotPlain("calls something in a way that plain values do not need") from error

    def _do_build(self) -> None:
        state, target = self._pop(), self._pop()
        if not isinstance(target, (Array, Dtype)):
            raise NotPlain(f"sets the state of {type(target).__name__}, which plain values do not need")
        target.build(state)
        self._stack.append(target)


_STOP = ord(".")


def _is_key(key: Any) -> bool:
    if isinstance(key, str):
        return True
    if type(key) is tuple:
        return len(key) <= _LONGEST_KEY and all(type(part) in (str, int) and _is_key(part) for part in key)
    return isinstance(key, int) and abs(key) < _LARGEST_KEY
