"""Reading REFER's `.p` files: pickles from the internet, of which nothing but plain data is believed.

Why: a pickle is a program, and unpickling runs it.  The reader here knows lists, dicts, sets, numbers and strings; a
file that names anything else (`os.system`, but also a numpy array) is refused before that is looked up.  It is Python's
own unpickler written in Python, because the one in C takes as much memory as a hostile file names a number; this one
takes memory and time in proportion to the file.  REFER's files of 30 MB take some 5 s.
How: `load_pickle(Path("refcoco/refs(unc).p"))`.
"""

import gc
import pickle
import pickletools
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any, NoReturn

from polygon import UserError

_Unpickler: Any = pickle._Unpickler  # the one in Python, of which no type is known
_MAX_BYTES = 1 << 29  # the largest of REFER's files has 45 MB
_PLAIN = {(module, each.__name__): each for module in ("builtins", "__builtin__") for each in (set, frozenset)}
_KNOWN = (
    "PROTO FRAME STOP MARK POP POP_MARK DUP MEMOIZE PUT BINPUT LONG_BINPUT GET BINGET LONG_BINGET GLOBAL STACK_GLOBAL "
    "INST REDUCE NONE NEWTRUE NEWFALSE INT BININT BININT1 BININT2 LONG LONG1 LONG4 FLOAT BINFLOAT STRING BINSTRING "
    "SHORT_BINSTRING BINBYTES SHORT_BINBYTES BINBYTES8 UNICODE BINUNICODE SHORT_BINUNICODE BINUNICODE8 EMPTY_LIST LIST "
    "APPEND APPENDS EMPTY_DICT DICT SETITEM SETITEMS EMPTY_SET ADDITEMS FROZENSET"
)


class _Refused(Exception):
    """What the file asked for and does not get."""


def load_pickle(path: Path) -> Any:
    """The plain data of a pickle of any protocol; tuples come as lists, Python 2's strings as text.

    Raises UserError naming the file and what was refused, or what is wrong with it.
    """
    try:
        size, content = path.stat().st_size, b""
        if size <= _MAX_BYTES:
            content = path.read_bytes()
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error
    if size > _MAX_BYTES:
        raise UserError(f"{path} has {size >> 20} MB, more than any file of references; fetch it anew")
    collects = gc.isenabled()
    gc.disable()  # millions of small containers and no garbage: half of the time
    try:
        return _PlainUnpickler(BytesIO(content)).load()
    except _Refused as refused:
        raise UserError(
            f"{path}: refused {refused}: only lists, dicts, numbers and strings are read from a pickle; "
            "fetch the file anew from its publisher"
        ) from None
    except Exception as error:  # a broken program may fail in any way
        raise UserError(f"{path} is no whole pickle ({type(error).__name__}: {error}); fetch it anew") from error
    finally:
        if collects:
            gc.enable()


class _PlainUnpickler(_Unpickler):
    def find_class(self, module: str, name: str) -> type:
        if (module, name) not in _PLAIN:
            raise _Refused(f"{module}.{name}"[:200])
        return _PLAIN[module, name]

    def _decode_string(self, value: bytes) -> str:
        """Python 2's `str`, which does not say its encoding: UTF-8 where it can be."""
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError:
            return value.decode("latin-1")

    def list_of_marked(self) -> None:
        items = self.pop_mark()
        self.append(items)  # to the stack below the mark

    def list_of_last(self, count: int) -> None:
        self.stack[-count:] = [self.stack[-count:]]


def _refuse(name: str) -> Callable[[Any], NoReturn]:
    def refuse(unpickler: Any) -> NoReturn:
        raise _Refused(f"the instruction {name}")

    return refuse


# Tuples are read as lists: nothing needs them, and the hash of a small nest of tuples can take for ever.
_PlainUnpickler.dispatch = {
    **{ord(instruction.code): _refuse(instruction.name) for instruction in pickletools.opcodes},
    **{getattr(pickle, name)[0]: _Unpickler.dispatch[getattr(pickle, name)[0]] for name in _KNOWN.split()},
    pickle.EMPTY_TUPLE[0]: _Unpickler.dispatch[pickle.EMPTY_LIST[0]],
    pickle.TUPLE[0]: _PlainUnpickler.list_of_marked,
    pickle.TUPLE1[0]: lambda unpickler: unpickler.list_of_last(1),
    pickle.TUPLE2[0]: lambda unpickler: unpickler.list_of_last(2),
    pickle.TUPLE3[0]: lambda unpickler: unpickler.list_of_last(3),
}
