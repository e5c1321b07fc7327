"""A pickle's operations, looked through and then carried out with records of ours in place of all that is named."""

import io
import pickle
import pickletools
from typing import Any, ClassVar

from partnerface.artefacts.foreign.plain import MOST_OPERATIONS, Plain
from partnerface.artefacts.foreign.records import ALLOWED, Record, RefusedError, fill

#: Operations that no file of arrays needs: they call by another road than the list of names.
FORBIDDEN = ("INST", "OBJ", "EXT1", "EXT2", "EXT4", "NEXT_BUFFER", "READONLY_BUFFER")
#: Operations that refer to what lies outside of the pickle, as torch's tensors do.
OUTSIDE = ("PERSID", "BINPERSID")
#: The protocols whose operations are known here.
PROTOCOL = 5
_NO_NEED = ", which no file of arrays needs"
_TENSORS = "holds torch tensors, where NumPy's arrays should stand"


class _Reader(pickle._Unpickler):
    """Knows the listed names only, and hashes nothing but texts and numbers.

    It is the form of `pickle.Unpickler` that is written in Python, whose operations can be replaced: the hash of tuples
    in tuples overflows the stack of the other.
    """

    dispatch: ClassVar[dict[int, Any]] = dict(pickle._Unpickler.dispatch)

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in ALLOWED:
            return ALLOWED[module, name]
        raise RefusedError(_TENSORS if module.startswith("torch") else f"names {f'{module}.{name}'[:80]!r}{_NO_NEED}")

    def _set_items(self) -> None:
        items = self.pop_mark()  # type: ignore[attr-defined]
        fill(self.stack[-1], items)  # type: ignore[attr-defined]

    def _set_item(self) -> None:
        stack = self.stack  # type: ignore[attr-defined]
        value, key = stack.pop(), stack.pop()
        fill(stack[-1], [key, value])

    def _dict(self) -> None:
        made: dict[Any, Any] = {}
        fill(made, self.pop_mark())  # type: ignore[attr-defined]
        self.append(made)  # type: ignore[attr-defined]

    # Nothing that is read lies in a set.
    def _empty_set(self) -> None:
        self.append(Record())  # type: ignore[attr-defined]

    def _add_items(self) -> None:
        self.pop_mark()  # type: ignore[attr-defined]

    def _frozen_set(self) -> None:
        self.pop_mark()  # type: ignore[attr-defined]
        self.append(Record())  # type: ignore[attr-defined]

    dispatch |= {
        pickle.SETITEMS[0]: _set_items,
        pickle.SETITEM[0]: _set_item,
        pickle.DICT[0]: _dict,
        pickle.EMPTY_SET[0]: _empty_set,
        pickle.ADDITEMS[0]: _add_items,
        pickle.FROZENSET[0]: _frozen_set,
    }


def content(data: bytes) -> Any:
    """What a pickle holds; see `foreign.unpickle`. Raises RefusedError, or anything where the bytes are damaged."""
    _look_through(data)
    return Plain(len(data)).of(_Reader(io.BytesIO(data), fix_imports=False, encoding="latin1").load())


def _look_through(data: bytes) -> None:
    """Walk over the operations without carrying any out; lengths that the bytes don't back up end it."""
    for number, (operation, argument, _) in enumerate(pickletools.genops(data)):
        if operation.name in OUTSIDE:
            raise RefusedError(_TENSORS)
        if operation.name in FORBIDDEN or operation.proto > PROTOCOL:
            raise RefusedError(f"holds the operation {operation.name}{_NO_NEED}")
        # A memo may be made as long as the greatest index asks for.
        if operation.name.endswith("PUT") and isinstance(argument, int) and argument > number + 1:
            raise RefusedError("claims more objects than it holds")
        if operation.name == "FRAME" and isinstance(argument, int) and argument > len(data):
            raise RefusedError("claims more bytes than it holds")
        if number >= MOST_OPERATIONS:
            raise RefusedError(f"holds more than {MOST_OPERATIONS} operations")
