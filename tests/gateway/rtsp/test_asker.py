"""Asking a camera for its stream through a source worker."""

from __future__ import annotations

from gateway.errors import Reason
from gateway.rtsp.asker import RtspAsker
from gateway.secrets import Secret
from gateway.store.devices import Device
from media.worker.client import WorkerGone
from media.worker.control import Probed
from tests.stand.probing import ProbingWorkers

ID, CHANNEL = "34020000001110000007", "34020000001320000007"
CAMERA = Device(
    ID, name="东门", kind="rtsp", url="rtsp://192.0.2.1/", username="u", password=Secret("p"), channel_id=CHANNEL
)


def asking(answer: Probed | Exception) -> tuple[RtspAsker, ProbingWorkers]:
    workers = ProbingWorkers(answer)
    return RtspAsker(workers, answer_s=3.0), workers  # type: ignore[arg-type]


async def test_a_camera_that_answers_is_online_with_its_codecs() -> None:
    asker, workers = asking(Probed(video_codec="H265", audio_codec="AAC"))
    state = await asker.ask(CAMERA)
    assert state is not None and state.online and (state.video_codec, state.audio_codec) == ("H265", "AAC")
    [asked] = workers.asked
    assert (asked.url, asked.username, asked.password, asked.timeout_s) == (CAMERA.url, "u", "p", 3.0)


async def test_a_camera_that_refuses_is_offline_and_says_why() -> None:
    asker, _ = asking(Probed(reason="not_authorised", detail="401"))
    state = await asker.ask(CAMERA)
    assert state is not None and state.online is False and state.failure is not None
    assert state.failure.reason is Reason.RTSP_REFUSED_PASSWORD and state.failure.channel == CHANNEL


async def test_a_worker_that_is_gone_says_nothing_of_the_camera() -> None:
    asker, _ = asking(WorkerGone("gone"))
    assert await asker.ask(CAMERA) is None


def test_its_channel_is_what_the_configuration_says() -> None:
    asker, _ = asking(Probed())
    asker.forget(ID)
    items = asker.items(CAMERA)
    assert items is not None and [(item.code, item.name) for item in items] == [(CHANNEL, "东门")]
