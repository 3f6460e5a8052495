"""Control texts: a refusal that says code 0 is a refusal, and nothing is taken for an acknowledgement by default."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cex.common.exceptions import ExchangeDataException
from cex.exchanges.mexc.wire.control import ControlAnswer, control_request, decode_control

Conversation = list[tuple[str, str]]

_DEALS = "spot@public.aggre.deals.v3.api.pb@100ms@BTCUSDT"
_DEPTH = "spot@public.aggre.depth.v3.api.pb@100ms@BTCUSDT"


def text(said: str, request_id: object = 0, code: object = 0) -> str:
    return json.dumps({"id": request_id, "code": code, "msg": said}, ensure_ascii=False)


def test_recorded_conversation(conversation: Conversation) -> None:
    received = [decode_control(said) for direction, said in conversation if direction == "<"]
    assert received == [
        ControlAnswer(request_id=1, accepted=(_DEALS,)),
        ControlAnswer(request_id=2, accepted=(_DEALS,)),
        ControlAnswer(pong=True),
        ControlAnswer(refused=("spot@public.deals.v3.api.pb@BTCUSDT",), error="Blocked!"),
        ControlAnswer(
            accepted=(_DEALS, _DEPTH), refused=("spot@public.aggre.depth.v3.api.pb@100ms@NOPEUSDT",), error="Blocked!"
        ),
        ControlAnswer(error="msg format invalid"),
    ]


def test_requests_are_written_as_documented(conversation: Conversation) -> None:
    sent = [said for direction, said in conversation if direction == ">"]
    assert control_request("SUBSCRIPTION", [_DEALS], 1) == sent[0]
    assert control_request("UNSUBSCRIPTION", [_DEALS], 2) == sent[1]


def test_names_keep_their_characters() -> None:
    request = control_request("SUBSCRIPTION", ["spot@public.aggre.deals.v3.api.pb@100ms@龙虾USDT"], 3)
    assert "龙虾USDT" in request
    assert json.loads(request)["params"] == ["spot@public.aggre.deals.v3.api.pb@100ms@龙虾USDT"]


def test_several_accepted_names() -> None:
    assert decode_control(text(f"{_DEALS},{_DEPTH}", 7)) == ControlAnswer(request_id=7, accepted=(_DEALS, _DEPTH))


@pytest.mark.parametrize(
    "pong", ['{"msg":"PONG"}', '{"id":0,"code":0,"msg":"PONG"}', '{"id":5,"code":1,"msg":"PONG "}']
)
def test_a_pong_is_told_by_its_message_alone(pong: str) -> None:
    assert decode_control(pong).pong


@pytest.mark.parametrize(
    "said",
    [
        "Not Subscribed successfully! [a,b]. Reason： Blocked! ",
        "Not Subscribed successfully! [a,b].  Reason： Blocked! ",
        "Not Subscribed successfully! [a, b].Reason: Blocked!",
    ],
)
def test_spacing_and_colon_of_a_refusal_vary(said: str) -> None:
    assert decode_control(text(said, 4)) == ControlAnswer(request_id=4, refused=("a", "b"), error="Blocked!")


def test_a_refusal_without_a_reason_tells_what_was_said() -> None:
    answer = decode_control(text("Not Subscribed successfully! [a]."))
    assert answer.refused == ("a",)
    assert answer.error == "Not Subscribed successfully! [a]."


def test_a_refusal_without_names_is_no_acknowledgement() -> None:
    answer = decode_control(text("Not Subscribed successfully! []. Reason： Blocked! ", 9))
    assert (answer.request_id, answer.accepted, answer.refused) == (9, (), ())
    assert "Blocked!" in answer.error


@pytest.mark.parametrize(("said", "code"), [("too many", 30001), ("", "1"), (_DEALS, 5)])
def test_another_code_than_0_is_a_refusal(said: str, code: object) -> None:
    answer = decode_control(text(said, 3, code))
    assert answer.accepted == ()
    assert answer.error == (said or "code 1")
    assert answer.code == str(code)


def test_the_wordy_acknowledgement() -> None:
    assert decode_control(text(f"Subscribed successful! [{_DEALS}].", 1)).accepted == (_DEALS,)


@pytest.mark.parametrize(
    "data",
    ["", "{}", "[]", "PONG", '{"msg":null}', '{"msg":""}', '{"msg":"hello"}', '{"id":"x","msg":"PONG"}', b"\xff\xfe"],
)
def test_unknown_texts_are_data_errors(data: str | bytes) -> None:
    with pytest.raises(ExchangeDataException):
        decode_control(data)


@given(
    st.text(max_size=80), st.sampled_from(["", "Subscribed successful! [", "Not Subscribed successfully! [", "spot@"])
)
def test_any_message_is_read_or_a_data_error(said: str, head: str) -> None:
    try:
        answer = decode_control(text(head + said))
    except ExchangeDataException:
        return
    assert answer.pong or answer.accepted or answer.refused or answer.error
    if "Not Subscribed" in head:
        assert answer.error


@given(st.text(max_size=60))
def test_any_text_is_read_or_a_data_error(data: str) -> None:
    with pytest.raises(ExchangeDataException):
        decode_control(data)
