"""Fitted models back from the JSON that the registry keeps of them.

A frozen dataclass whose ``as_dict`` is ``dataclasses.asdict`` comes back from its annotations
alone: nested dataclasses, optional parts, lists, tuples and dictionaries. JSON keeps every float64
to the last bit, so a restored model forecasts what the fitted one did.
"""

import types
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")


class NotRestorable(ValueError):
    """What is stored is not such a model; the message names the missing part."""


def restore(kind: type[T], value: Any) -> T:
    """An instance of the dataclass ``kind`` from its JSON-ready dictionary; other keys are ignored.

    Raises :class:`NotRestorable` where a part without a default is missing.
    """
    restored: T = _restored(kind, value)
    return restored


def _restored(kind: Any, value: Any) -> Any:
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        if value is None:
            return None
        known = [part for part in get_args(kind) if part is not type(None)]
        return _restored(known[0] if len(known) == 1 else _fitting(known, value), value)
    if is_dataclass(kind):
        return _dataclass(kind, value)
    if origin in (list, tuple):
        parts = get_args(kind)
        if origin is list or (len(parts) == 2 and parts[1] is Ellipsis):
            return origin(_restored(parts[0], one) for one in value)
        return tuple(_restored(part, one) for part, one in zip(parts, value, strict=True))
    if origin is dict:
        _, inner = get_args(kind)
        return {key: _restored(inner, one) for key, one in value.items()}
    return float(value) if kind is float else value


def _fitting(kinds: list[Any], value: dict[str, Any]) -> Any:
    """Of several dataclasses the one whose fields are exactly those stored."""
    for kind in kinds:
        if {part.name for part in fields(kind)} == set(value):
            return kind
    names = ", ".join(kind.__name__ for kind in kinds)
    raise NotRestorable(f"the stored {sorted(value)} are none of {names}")


def _dataclass(kind: Any, value: Any) -> Any:
    hints = get_type_hints(kind)
    given = {
        part.name: _restored(hints[part.name], value[part.name])
        for part in fields(kind)
        if part.init and part.name in value
    }
    try:
        return kind(**given)
    except TypeError as missing:
        raise NotRestorable(f"the stored {kind.__name__} cannot be read: {missing}") from missing
