from __future__ import annotations

import copy
import pickle

import pytest
from pydantic import ValidationError

from cex.common.exceptions import ConfigurationException
from cex.config import BaseConfig, BaseExchangeConfig, InvalidSettings
from cex.config.core.base_config import Count, FrozenDict, Seconds


class Inner(BaseConfig):
    size: Count = 1


class Outer(BaseConfig):
    pause: Seconds = 1.0
    inner: Inner = Inner()


def test_a_setting_cannot_be_changed() -> None:
    settings = Outer()
    with pytest.raises(ValidationError):
        settings.pause = 2.0


def test_every_fault_is_in_one_error() -> None:
    with pytest.raises(InvalidSettings) as caught:
        Outer(pause=-1, inner={"size": True, "sise": 3}, colour="red")  # type: ignore[arg-type, call-arg]
    assert [fault.path for fault in caught.value.faults] == [
        ("pause",),
        ("inner", "size"),
        ("inner", "sise"),
        ("colour",),
    ]
    assert "did you mean 'size'?" in str(caught.value)
    assert "red" not in str(caught.value)
    assert isinstance(caught.value, ConfigurationException)
    assert caught.value.__context__ is None


@pytest.mark.parametrize("value", [0, -1, 86_401, float("nan"), float("inf"), True, "soon", None])
def test_seconds_are_more_than_none_and_at_most_a_day(value: object) -> None:
    with pytest.raises(InvalidSettings):
        Outer(pause=value)  # type: ignore[arg-type]


@pytest.mark.parametrize("value", ["2.5", 2.5])
def test_numbers_come_as_text_from_the_environment(value: object) -> None:
    assert Outer(pause=value).pause == 2.5  # type: ignore[arg-type]


def test_frozen_dict_refuses_every_change() -> None:
    mapping: FrozenDict[str, int] = FrozenDict({"a": 1})
    for change in (
        lambda: mapping.update(b=2),
        lambda: mapping.pop("a"),
        mapping.popitem,
        mapping.clear,
        lambda: mapping.setdefault("b", 2),
        lambda: mapping.__setitem__("a", 2),
        lambda: mapping.__delitem__("a"),
        lambda: mapping.__ior__({"b": 2}),
    ):
        with pytest.raises(TypeError, match="frozen"):
            change()
    assert mapping == {"a": 1}


def test_frozen_dict_copies_hashes_and_pickles() -> None:
    mapping: FrozenDict[str, int] = FrozenDict({"a": 1})
    assert copy.copy(mapping) is mapping
    assert copy.deepcopy(mapping) is mapping
    assert hash(mapping) == hash(FrozenDict({"a": 1}))
    restored = pickle.loads(pickle.dumps(mapping))
    assert restored == mapping
    assert type(restored) is FrozenDict


def test_settings_hash_and_compare_by_value(venue_type: type[BaseExchangeConfig]) -> None:
    one, other = (
        venue_type(endpoints={"rest": "http://127.0.0.1:1"}),
        venue_type(endpoints={"rest": "http://127.0.0.1:1"}),
    )
    assert one == other
    assert hash(one) == hash(other)
    assert one != venue_type()


def test_field_help_says_what_each_setting_means(venue_type: type[BaseExchangeConfig]) -> None:
    meanings = venue_type.field_help()
    assert meanings["depth"] == "levels a side"
    assert all(meanings.values()), "every setting has a description"
