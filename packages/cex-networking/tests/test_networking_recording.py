from __future__ import annotations

import asyncio
import base64
import io
import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cex.common.clock import ManualClock
from cex.common.redaction import Secret
from cex.networking.recording import Recorder, Tap

GOLDEN = Path(__file__).parent / "golden" / "recording-v1.jsonl"
START = 1_700_000_000_000_000_000


def lines_of(path: Path) -> list[dict[str, Any]]:
    data = path.read_bytes()
    assert data.isascii()
    assert data.endswith(b"\n")
    return [json.loads(line) for line in data.split(b"\n")[:-1]]


def at(milliseconds: int) -> int:
    return START + milliseconds * 1_000_000


def play(tap: Tap) -> None:
    """Every kind of line, in the words of two exchanges; the second gap is only a REST answer."""
    gate, mexc = "wss://api.gateio.ws/ws/v4/", "wss://wbs-api.mexc.com/ws?listenKey=CANARY"
    tap.answered(
        "GET",
        "https://api.gateio.ws/api/v4/spot/order_book?currency_pair=BTC_USDT&limit=1&with_id=true",
        200,
        b'{"id":48776300,"current":1606294781120,"update":1606294780000,"asks":[["19137.75","0.6135"]],"bids":[]}',
        at(1),
    )
    tap.opened(1, gate, at(2))
    tap.sent(1, '{"time":1606294781,"id":1,"channel":"spot.order_book_update","event":"subscribe"}', at(3))
    tap.opened(2, mexc, at(4))
    tap.sent(1, '{"id":2,"channel":"spot.orders","auth":{"method":"api_key","KEY":"CANARY","SIGN":"CANARY"}}', at(5))
    tap.received(1, '{"id":1,"channel":"spot.order_book_update","event":"subscribe","error":null}', at(6))
    tap.received(2, '{"id":0,"code":0,"msg":"Not Subscribed successfully! [x].  Reason： Blocked! "}', at(7))
    tap.received(2, bytes(range(0, 256, 5)), at(8))
    tap.answered(
        "POST", "https://api.mexc.com/api/v3/userDataStream?signature=CANARY", 200, b'{"listenKey":"CANARY"}', at(9)
    )
    tap.answered("GET", "https://api.mexc.com/api/v3/ping", 403, b"<html>\xff</html>", at(10))
    tap.answered("DELETE", "https://api.mexc.com/api/v3/x", 204, b"", at(11))
    tap.received(2, bytes(5000), at(12))
    tap.received(1, "x" * 5000, at(13))
    tap.closed(1, 1006, "", at(14))
    tap.answered("GET", "https://api.mexc.com/api/v3/exchangeInfo", 200, b"x" * 5000, at(15))
    tap.received(2, '{"id":0,"code":0,"msg":"PONG"}', at(16))
    tap.closed(2, None, "nothing heard for 20.0 s", at(17))
    tap.opened(3, gate, at(18))
    tap.closed(3, 1000, "bye", at(19))


async def test_the_recorder_writes_the_golden_file(tmp_path: Path) -> None:
    clock = ManualClock(START)
    async with Recorder(tmp_path / "new.jsonl", clock=clock, most_buffered=4096) as recorder:
        play(recorder)
        clock.advance(1)
    assert (tmp_path / "new.jsonl").read_text("ascii") == GOLDEN.read_text("ascii")
    assert recorder.stats.records == len(lines_of(GOLDEN)) - 1
    assert recorder.stats.bytes == GOLDEN.stat().st_size - len(GOLDEN.read_bytes().split(b"\n")[0]) - 1
    assert (recorder.stats.dropped, recorder.stats.late) == (3, 0)


def test_the_golden_file_holds_every_kind_of_line_and_no_secret() -> None:
    lines = lines_of(GOLDEN)
    assert lines[0] == {"format": "cex-recording", "version": 1, "created": START}
    assert {line["kind"] for line in lines[1:]} == {"opened", "sent", "received", "closed", "answered", "gap", "end"}
    assert "CANARY" not in GOLDEN.read_text("ascii")
    masked = next(line for line in lines if "auth" in line.get("text", ""))
    assert json.loads(masked["text"])["auth"] == {"method": "api_key", "KEY": "***", "SIGN": "***"}


@settings(max_examples=20, deadline=None)
@given(frames=st.lists(st.text() | st.binary(), max_size=20))
def test_what_was_received_is_read_back_whole(
    tmp_path_factory: pytest.TempPathFactory, frames: list[str | bytes]
) -> None:
    path = tmp_path_factory.mktemp("recording") / "r.jsonl"

    async def record() -> None:
        async with Recorder(path) as recorder:
            recorder.opened(1, "wss://x.test", 1)
            for frame in frames:
                recorder.received(1, frame, 2)

    asyncio.run(record())
    read = [line for line in lines_of(path) if line.get("kind") == "received"]
    assert len(read) == len(frames)
    for line, frame in zip(read, frames, strict=True):
        assert ("text" in line) != ("base64" in line)
        if isinstance(frame, bytes):
            assert base64.b64decode(line["base64"], validate=True) == frame
        elif not any(stem in frame.lower() for stem in ("key", "sign", "secret", "token", "pass", "auth", "://")):
            assert line["text"] == frame


async def test_a_credential_that_the_process_holds_is_masked_wherever_it_turns_up(tmp_path: Path) -> None:
    secret = Secret("CANARY-0123456789")
    async with Recorder(tmp_path / "r.jsonl") as recorder:
        recorder.opened(1, f"wss://x.test/{secret.reveal()}", 1)
        recorder.received(1, f"you said {secret.reveal()}?", 2)
        recorder.answered("GET", "https://x.test", 400, f"bad {secret.reveal()}".encode(), 3)
        recorder.closed(1, 1000, secret.reveal(), 4)
    assert "CANARY" not in (tmp_path / "r.jsonl").read_text("ascii")
    assert "you said ***?" in (tmp_path / "r.jsonl").read_text("ascii")


async def test_a_file_that_exists_is_never_replaced(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    path.write_text("precious")
    with pytest.raises(FileExistsError, match="never replaces a file"):
        async with Recorder(path):
            raise AssertionError("must not run")
    assert path.read_text() == "precious"


async def test_only_the_owner_can_read_a_recording(tmp_path: Path) -> None:
    async with Recorder(tmp_path / "r.jsonl"):
        mode = stat.S_IMODE((tmp_path / "r.jsonl").stat().st_mode)
    assert mode == 0o600


async def test_a_crash_loses_at_most_the_last_second(tmp_path: Path) -> None:
    async with Recorder(tmp_path / "r.jsonl") as recorder:
        recorder.opened(1, "wss://x.test", 1)
        recorder.received(1, "data", 2)
        await asyncio.sleep(0.9)
        kinds = [line.get("kind") for line in lines_of(tmp_path / "r.jsonl")]  # what another process would find
        assert kinds == [None, "opened", "received"]


async def test_memory_stays_bounded_and_what_is_missing_is_marked(tmp_path: Path) -> None:
    async with Recorder(tmp_path / "r.jsonl", most_buffered=10_000) as recorder:
        recorder.opened(1, "wss://x.test", 0)
        for number in range(100):
            recorder.received(1, f"{number:03}" + "x" * 872, number)  # 1003 bytes each with its share of a line
        recorder.closed(1, 1006, "", 100)
        await asyncio.sleep(0.2)  # more than half full: written before the interval is over
        assert len(lines_of(tmp_path / "r.jsonl")) == 13
        recorder.received(2, "after", 101)
    lines = lines_of(tmp_path / "r.jsonl")
    assert [line["text"][:3] for line in lines[2:11]] == [f"{number:03}" for number in range(9)]
    assert lines[11] == {"at": 9, "kind": "gap", "until": 99, "dropped": 91, "connections": [1]}
    assert [line["kind"] for line in lines[12:]] == ["closed", "received", "end"]
    assert recorder.stats.dropped == 91


async def test_what_comes_outside_the_block_is_counted_and_harms_nothing(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "r.jsonl")
    recorder.received(1, "early", 1)
    async with recorder:
        pass
    recorder.closed(1, 1000, "", 2)
    assert recorder.stats.late == 2
    assert [line.get("kind") for line in lines_of(tmp_path / "r.jsonl")] == [None, "end"]
    with pytest.raises(RuntimeError, match="used already"):
        async with recorder:
            pass


class FullDisk(io.BytesIO):
    def write(self, data: Any) -> int:
        raise OSError(28, "No space left on device")


class RecorderOnAFullDisk(Recorder):
    def _create(self, header: bytes) -> None:
        self._file = FullDisk()


async def test_a_full_disk_stops_the_recording_not_the_client(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    recorder = RecorderOnAFullDisk(tmp_path / "r.jsonl", flush_every=0.01)

    async def record() -> None:
        async with recorder:
            recorder.received(1, "data", 1)
            await asyncio.sleep(0.2)
            recorder.received(1, "data", 2)

    with pytest.raises(OSError, match="No space left"):
        await record()
    assert recorder.stats.late == 1
    assert "has stopped" in caplog.text


async def test_an_error_of_the_block_is_not_hidden_by_one_of_the_disk(tmp_path: Path) -> None:
    async def record() -> None:
        async with RecorderOnAFullDisk(tmp_path / "r.jsonl", flush_every=0.01) as recorder:
            recorder.received(1, "data", 1)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await record()


async def test_a_cancelled_recorder_still_writes_what_it_holds(tmp_path: Path) -> None:
    async def record() -> None:
        async with Recorder(tmp_path / "r.jsonl") as recorder:
            recorder.received(1, "data", 1)
            await asyncio.Event().wait()

    task = asyncio.create_task(record())
    await asyncio.sleep(0.05)
    task.cancel()
    await asyncio.wait((task,))
    assert [line.get("kind") for line in lines_of(tmp_path / "r.jsonl")] == [None, "received", "end"]


def test_a_loop_that_is_torn_down_still_gets_its_records_written(tmp_path: Path) -> None:
    async def record() -> None:
        recorder = Recorder(tmp_path / "r.jsonl")
        await recorder.__aenter__()
        recorder.received(1, "data", 1)

    asyncio.run(record())  # cancels the writing task
    assert [line.get("kind") for line in lines_of(tmp_path / "r.jsonl")] == [None, "received"]


@pytest.mark.parametrize("options", [{"most_buffered": 0}, {"flush_every": 0.0}])
def test_a_recorder_without_room_or_time_is_refused(tmp_path: Path, options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="a recorder needs"):
        Recorder(tmp_path / "r.jsonl", **options)


async def test_many_frames_cost_the_loop_little(tmp_path: Path) -> None:
    """The frame path only appends: no file is touched before the writer's turn."""
    async with Recorder(tmp_path / "r.jsonl") as recorder:
        size = os.stat(tmp_path / "r.jsonl").st_size
        for number in range(10_000):
            recorder.received(1, "data", number)
        assert os.stat(tmp_path / "r.jsonl").st_size == size
    assert len(lines_of(tmp_path / "r.jsonl")) == 10_002
