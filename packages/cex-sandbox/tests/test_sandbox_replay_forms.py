"""Both forms of a recording become the same records, and what is wrong is told with its file and line."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from cex.common.enums import MarketType
from cex.sandbox.replay import RecordingError, StreamKind, Traded, read_recording
from cex.sandbox.replay.recording import AnswerStep, FrameStep

Write = Callable[[str, str], Path]

# Lines of cryptofeed's sample_data/GATEIO.*, recorded 2021-04-22, shortened.
WS = """\
wss://api.gateio.ws/ws/v4/ <-> 1619093531.891181
wss://api.gateio.ws/ws/v4/ <- 1619093532.771306: {"channel":"spot.order_book_update","event":"subscribe","payload":["HAI_ETH","100ms"]}
1619093532.9599402: {"time":1619093532,"channel":"spot.order_book_update","event":"subscribe","result":{"status":"success"}}
1619093534.348201: {"channel":"spot.order_book_update","event":"update","result":{"s":"HAI_ETH","U":2,"u":3,"b":[],"a":[]}}
1619093547.003896: {"channel":"spot.trades","event":"update","result":{"id":816995970,"currency_pair":"NEO_BTC"}}
"""  # noqa: E501
HTTP = (
    "https://api.gateio.ws/api/v4/spot/order_book?currency_pair=HAI_ETH&limit=100&with_id=true -> "
    '1619093533.764683: {"id":2,"asks":[],"bids":[]}\n'
)
REST = """\
https://api.gateio.ws/api/v4/spot/currency_pairs -> 1619093531.883842: [{"id":"HAI_ETH"}]
configuration: {"l2_book":["HAI-ETH"]}
"""


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def writes(name: str, content: str) -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode())
        return path

    return writes


def lines(*records: dict[str, object], end: bool = True) -> str:
    header: dict[str, object] = {"format": "cex-recording", "version": 1, "created": 0}
    text = "\n".join(json.dumps(record) for record in (header, *records))
    return text + "\n" if end else text


OPENED = {"at": 10, "kind": "opened", "connection": 1, "url": "wss://wbs-api.mexc.com/ws"}


def test_text_form_is_merged_by_time_whatever_the_order_of_the_files(write: Write) -> None:
    files = [write("a.ws", WS), write("b.http", HTTP), write("c.rest", REST)]
    one, other = read_recording(files), read_recording(reversed(files))
    assert one.steps == other.steps
    assert [type(step) for step in one.steps] == [AnswerStep, FrameStep, FrameStep]
    assert [step.at_ns for step in one.steps] == [1619093533764683000, 1619093534348201000, 1619093547003896000]
    part = one.parts["gateio"]
    assert part.traded(StreamKind.BOOK) == (Traded(MarketType.SPOT, "HAI_ETH"),)
    assert [traded.name for traded in part.traded(StreamKind.BOOK, StreamKind.TRADES)] == ["HAI_ETH", "NEO_BTC"]
    assert part.passed_over == 1
    assert part.settings() == {"book_channel": "order_book_update", "book_interval": "100ms"}
    assert {str(resource): count for resource, count in part.at_start.items()} == {"GET /api/v4/spot/currency_pairs": 1}
    assert one.frames == 2
    assert one.seconds == pytest.approx(13.239213)


def test_an_answer_and_a_frame_of_the_same_moment_come_in_this_order(write: Write) -> None:
    frame = '{"channel":"spot.trades","event":"update","result":{"currency_pair":"NEO_BTC"}}'
    ws = write("x.ws", f"wss://api.gateio.ws/ws/v4/ <-> 1619093531\n1619093533.5: {frame}\n")
    http = write("a.http", HTTP.replace("1619093533.764683", "1619093533.5"))
    assert [type(step) for step in read_recording([ws, http]).steps] == [AnswerStep, FrameStep]


def test_a_clock_that_was_set_back_does_not_reorder_a_file(write: Write) -> None:
    frame = '{"channel":"spot.trades","event":"update","result":{"id":%d,"currency_pair":"NEO_BTC"}}'
    ws = write(
        "x.ws",
        f"wss://api.gateio.ws/ws/v4/ <-> 1619093531\n1619093540: {frame % 1}\n1619093533: {frame % 2}\n"
        f"1619093541: {frame % 3}\n",
    )
    steps = read_recording([ws]).steps
    assert [json.loads(step.data)["result"]["id"] for step in steps if isinstance(step, FrameStep)] == [1, 2, 3]


def test_json_lines_with_every_kind_of_line(write: Write) -> None:
    binary = b"\x0a\x27spot@public.aggre.deals.v3.api.pb@BTCX"
    path = write(
        "r.jsonl",
        lines(
            {"at": 5, "kind": "answered", "method": "GET", "url": "https://api.mexc.com/api/v3/time", "status": 200,
             "text": "{}", "later": "unknown keys are ignored"},
            OPENED,
            {"at": 11, "kind": "sent", "connection": 1, "text": '{"method":"SUBSCRIPTION","params":["spot@x@BTCX"]}'},
            {"at": 12, "kind": "received", "connection": 1, "text": '{"id":0,"code":0,"msg":"spot@x@BTCUSDT"}'},
            {"at": 13, "kind": "received", "connection": 1, "base64": base64.b64encode(binary).decode()},
            {"at": 14, "kind": "gap", "until": 15, "dropped": 7, "connections": [1]},
            {"at": 16, "kind": "answered", "method": "GET", "url": "https://api.mexc.com/api/v3/depth?symbol=A&limit=9",
             "status": 429, "base64": base64.b64encode(b"\xff").decode()},
            {"at": 17, "kind": "closed", "connection": 1, "code": None, "reason": ""},
            {"at": 18, "kind": "weather", "temperature": 3},
            {"at": 19, "kind": "end"},
        ),
    )  # fmt: skip
    recording = read_recording([path])
    frame, answer = recording.steps
    assert isinstance(frame, FrameStep)
    assert isinstance(answer, AnswerStep)
    assert frame.data == binary
    assert recording.lost[0][1].missing == 7
    part = recording.parts["mexc"]
    recorded = part.answers[answer.resource][0]
    assert (recorded.status, recorded.body) == (429, b"\xff")
    assert part.passed_over == 1
    assert part.settings() == {"book_depth": 9}


def test_a_line_that_was_cut_off_at_the_end_does_not_count(write: Write) -> None:
    path = write("r.jsonl", lines(OPENED, end=False) + '\n{"at":11,"kind":"rec')
    assert read_recording([path]).steps == ()


def test_local_recordings_are_recognised_by_their_paths(write: Write) -> None:
    answer = {"at": 1, "kind": "answered", "method": "GET", "status": 200, "text": "{}"}
    path = write(
        "r.jsonl",
        lines(
            {**answer, "url": "http://127.0.0.1:8/api/v3/time"},
            {**answer, "url": "http://127.0.0.1:9/api/v4/spot/time"},
        ),
    )
    assert sorted(read_recording([path]).parts) == ["gateio", "mexc"]


@pytest.mark.parametrize(
    ("content", "line", "told"),
    [
        ("hello\n", 1, "no recording begins like this: 'hello'; expected the header of a cex recording"),
        (WS + "hello\n", 6, "not a record: 'hello'; expected '<url> <-> <unix s>'"),
        (WS + "1619093548.1: {\"a\":\n", 6, "not JSON (Input data was truncated)"),
        (WS + "1619093548.1\n", 6, "not a record"),
        (WS.split("\n", 2)[2], 1, "a frame of no known socket; expected a line '<url> <-> <unix s>'"),
        (HTTP.replace("api.gateio.ws/api", "example.org/x"), 1, "belongs to no exchange that can be replayed"),
        ("", None, "empty"),
        (lines({**OPENED, "url": 3}), 2, "not a record"),
        (lines().replace('"version": 1', '"version": 2'), 1, "a recording of version 2; expected version 1"),
        (lines({"at": 1, "kind": "received", "connection": 9, "text": ""}), 2, "connection 9 was never opened"),
        (lines(OPENED, {"at": 1, "kind": "received", "connection": 1}), 3, "expected either 'text' or 'base64'"),
        (lines(OPENED, {"at": 1, "kind": "received", "connection": 1, "base64": "?"}), 3, "not base64"),
        (lines(), None, "nothing to play"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_place(write: Write, content: str, line: int | None, told: str) -> None:
    path = write("broken", content)
    with pytest.raises(RecordingError) as caught:
        read_recording([path])
    where = f"{path}:{line}: " if line else f"{path}: "
    assert str(caught.value).startswith(where)
    assert told in str(caught.value)
    assert caught.value.line == line


def test_files_that_cannot_be_read_are_told(tmp_path: Path, write: Write) -> None:
    with pytest.raises(RecordingError, match="cannot be read: No such file"):
        read_recording([tmp_path / "missing"])
    with pytest.raises(RecordingError, match="cannot be read: Is a directory"):
        read_recording([tmp_path])
    binary = tmp_path / "binary"
    binary.write_bytes(b"\x80\x81\n")
    with pytest.raises(RecordingError, match=r"binary:1: not UTF-8 text"):
        read_recording([binary])
    path = write("a.ws", WS)
    with pytest.raises(RecordingError, match="given twice"):
        read_recording([path, tmp_path / "." / "a.ws"])
    with pytest.raises(RecordingError, match="nothing to play"):
        read_recording([])
