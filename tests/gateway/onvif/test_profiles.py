"""Media profiles, and the one chosen for each video source."""

from __future__ import annotations

from typing import Any

from gateway.onvif.profiles import Profile, of_media, of_media2, sources_of, together
from gateway.onvif.wsdl import load
from tests.gateway.onvif.soap import PROFILES


def profile(token: str, source: str = "a", codec: str = "H264", width: int = 1920, **other: Any) -> Profile:
    made = {"name": "", "source_name": "", "height": 1080, "fps": 25.0} | other
    return Profile(token=token, source=source, codec=codec, width=width, **made)


async def test_profiles_are_read_from_an_answer_written_by_hand() -> None:
    found = of_media((await load()).answer("media", "GetProfiles", PROFILES))
    assert found == [
        Profile("main", "Main stream", "vs0", "Lens 1", "H264", 2560, 1440, 25.0, "ptz0", configuration="vsc"),
        Profile("jpeg", "Pictures", "vs0", "Lens 1", "JPEG", 4000, 3000, 0.0, configuration="vsc"),
    ]
    [source] = sources_of(found)
    assert source.chosen == found[0] and source.moving == found[0] and source.name == "Lens 1"


def test_media2_tells_of_h265() -> None:
    entry = {
        "token": "m2",
        "Name": "x",
        "Configurations": {
            "VideoSource": {"SourceToken": "vs", "Name": "l"},
            "VideoEncoder": {"Encoding": "H265", "Resolution": {"Width": "3840", "Height": "2160"}, "RateControl": []},
            "PTZ": {"token": "p"},
        },
    }
    [found] = of_media2([entry])
    assert (found.codec, found.width, found.media2, found.ptz) == ("H265", 3840, True, "p")
    old = profile("m2", codec="H264")
    assert together([found], [old, profile("other")]) == [found, profile("other")]


def test_the_highest_resolution_that_can_be_carried_is_chosen_per_source_in_the_cameras_order() -> None:
    profiles = [
        profile("b1", "b"), profile("a1", width=640), profile("a2", width=1280, fps=15.0),
        profile("a3", width=1280, codec="H265", fps=30.0), profile("a4", codec="JPEG", width=9000),
    ]  # fmt: skip
    first, second = sources_of(profiles, ["a", "none", "b"])
    assert (first.token, first.chosen and first.chosen.token) == ("a", "a3")
    assert (second.token, second.chosen and second.chosen.token) == ("b", "b1")


def test_a_wanted_profile_counts_for_its_own_source_and_only_if_it_can_be_carried() -> None:
    profiles = [profile("a1"), profile("a2", width=640), profile("b1", "b"), profile("a3", codec="JPEG")]
    chosen = [source.chosen.token for source in sources_of(profiles, wanted="a2") if source.chosen]
    assert chosen == ["a2", "b1"]
    assert [source.chosen.token for source in sources_of(profiles, wanted="a3") if source.chosen] == ["a1", "b1"]


def test_a_source_without_a_codec_we_carry_has_nothing_chosen_and_moves_by_another_profile() -> None:
    [source] = sources_of([profile("j", codec="JPEG", ptz="p")])
    assert source.chosen is None and source.moving is not None and source.moving.token == "j"
    [still] = sources_of([profile("a")])
    assert still.moving is None


def test_nonsense_in_an_answer_costs_nothing_but_itself() -> None:
    assert of_media(None) == of_media("text") == of_media([None, {}, {"token": "t"}]) == []
    odd = {
        "token": "t",
        "VideoSourceConfiguration": [{"SourceToken": "s"}],
        "VideoEncoderConfiguration": {"Resolution": 5},
    }
    [found] = of_media([odd])
    assert (found.codec, found.width, found.fps) == ("", 0, 0.0)
    wild = odd | {"VideoEncoderConfiguration": {"Encoding": "h.264", "Resolution": {"Width": "x", "Height": 1e12}}}
    [found] = of_media([wild])
    assert (found.codec, found.width, found.height) == ("H264", 0, 100_000)
