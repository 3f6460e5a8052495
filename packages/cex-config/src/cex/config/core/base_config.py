"""The base of every settings type: frozen, unknown names refused, every fault in one error, secrets never shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import PydanticCustomError

from cex.config.core.validation import InvalidSettings, faults_of

__all__ = ["EMPTY_IS_NONE", "BaseConfig", "Count", "FrozenDict", "Seconds"]

K = TypeVar("K")
V = TypeVar("V")


class FrozenDict(dict[K, V]):
    """A dict that refuses to change, for the mappings inside frozen settings."""

    def _refuse(self, *_args: object, **_kwargs: object) -> NoReturn:
        raise TypeError("settings are frozen: build new ones instead of changing these")

    if not TYPE_CHECKING:
        __setitem__ = __delitem__ = __ior__ = clear = pop = popitem = setdefault = update = _refuse

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(frozenset(self.items()))

    def __copy__(self) -> FrozenDict[K, V]:
        return self

    def __deepcopy__(self, _memo: dict[int, Any]) -> FrozenDict[K, V]:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (dict(self),)


def _no_truth_value(value: object) -> object:
    if isinstance(value, bool):
        raise PydanticCustomError("number_not_bool", "Input should be a number, not true or false")
    return value


def _empty_is_none(value: object) -> object:
    return None if value == "" else value


EMPTY_IS_NONE = BeforeValidator(_empty_is_none)
"""For optional settings, so that ``${NAME:}`` can leave one unset."""
Seconds = Annotated[float, BeforeValidator(_no_truth_value), Field(gt=0, le=86_400, allow_inf_nan=False)]
"""A duration: more than 0 and at most a day."""
Count = Annotated[int, BeforeValidator(_no_truth_value), Field(ge=1, le=1_000_000)]
"""How many of something: 1 to a million."""

if TYPE_CHECKING:
    _Checked = BaseModel
else:

    class _Raising(type(BaseModel)):
        """Makes ``SomeConfig(...)`` raise our error, with the list of faults, instead of pydantic's."""

        def __call__(cls, *args: object, **values: object) -> object:
            try:
                return super().__call__(*args, **values)
            except ValidationError as error:
                faults = faults_of(cls, error)
            del args, values
            raise InvalidSettings(faults, subject=cls.__name__)

    class _Checked(BaseModel, metaclass=_Raising):
        pass


class BaseConfig(_Checked):
    """Settings of one kind, as data: validated when built, never changed afterwards.

    Building one from unfit values raises :class:`~cex.config.core.validation.InvalidSettings` (a
    ``ConfigurationException``), which lists every fault. Secrets are ``SecretStr`` and print as ``**********``.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, defer_build=True, validate_default=False
    )

    @classmethod
    def field_help(cls) -> Mapping[str, str]:
        """What each setting means, by name."""
        return {name: field.description or "" for name, field in cls.model_fields.items()}
