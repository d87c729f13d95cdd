"""Hostile arguments: every operation answers each of them, validly, and the camera lives on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.interop.onvif.conftest import SETTINGS, visiting

HOSTILE = ("", "0", "-1", "1e308", "nan", "-PT1S", "P999999D", "9999-12-31T23:59:59Z", "true", "视" * 70, "&lt;a&gt;")
VECTOR = "<tt:PanTilt x='{}' y='0' space='{}'/><tt:Zoom x='{}'/>"
DATE = "<tt:Date><tt:Year>{}</tt:Year><tt:Month>{}</tt:Month><tt:Day>1</tt:Day></tt:Date>"
PROFILE = "<{0}:ProfileToken>{{}}</{0}:ProfileToken>"
KNOWN = "<tptz:ProfileToken>sub</tptz:ProfileToken>"
LENS = "<timg:VideoSourceToken>lens_1</timg:VideoSourceToken>"

REQUESTS = {
    "tds:SetSystemDateAndTime": "<tds:DateTimeType>Manual</tds:DateTimeType><tds:UTCDateTime><tt:Time>"
    "<tt:Hour>{}</tt:Hour><tt:Minute>0</tt:Minute><tt:Second>0</tt:Second></tt:Time>" + DATE + "</tds:UTCDateTime>",
    "tds:GetCapabilities": "<tds:Category>{}</tds:Category><tds:Category>{}</tds:Category>",
    "tds:GetServices": "<tds:IncludeCapability>{}</tds:IncludeCapability>",
    "trt:GetStreamUri": PROFILE.format("trt"),
    "tr2:GetProfiles": "<tr2:Token>{}</tr2:Token><tr2:Type>{}</tr2:Type>",
    "tr2:GetStreamUri": "<tr2:Protocol>{}</tr2:Protocol><tr2:ProfileToken>main</tr2:ProfileToken>",
    "tr2:GetVideoEncoderConfigurations": "<tr2:ConfigurationToken>{}</tr2:ConfigurationToken>" + PROFILE.format("tr2"),
    "tptz:ContinuousMove": KNOWN + f"<tptz:Velocity>{VECTOR}</tptz:Velocity><tptz:Timeout>{{}}</tptz:Timeout>",
    "tptz:RelativeMove": KNOWN + f"<tptz:Translation>{VECTOR}</tptz:Translation>",
    "tptz:AbsoluteMove": KNOWN + f"<tptz:Position>{VECTOR}</tptz:Position><tptz:Speed>{VECTOR}</tptz:Speed>",
    "tptz:Stop": KNOWN + "<tptz:PanTilt>{}</tptz:PanTilt><tptz:Zoom>{}</tptz:Zoom>",
    "tptz:SetPreset": KNOWN + "<tptz:PresetName>{}</tptz:PresetName><tptz:PresetToken>{}</tptz:PresetToken>",
    "tptz:GotoPreset": PROFILE.format("tptz") + "<tptz:PresetToken>{}</tptz:PresetToken>",
    "tptz:GetNode": "<tptz:NodeToken>{}</tptz:NodeToken><tptz:NodeToken>{}</tptz:NodeToken>",
    "timg:SetImagingSettings": LENS + "<timg:ImagingSettings><tt:Brightness>{}</tt:Brightness><tt:Exposure><tt:Mode>{}"
    "</tt:Mode></tt:Exposure></timg:ImagingSettings>",
    "timg:Move": LENS + "<timg:Focus><tt:Continuous><tt:Speed>{}</tt:Speed></tt:Continuous></timg:Focus>",
    "tev:CreatePullPointSubscription": "<tev:Filter><wsnt:TopicExpression Dialect='{}'>{}</wsnt:TopicExpression>"
    "</tev:Filter><tev:InitialTerminationTime>{}</tev:InitialTerminationTime>",
    "tev:PullMessages": "<tev:Timeout>{}</tev:Timeout><tev:MessageLimit>{}</tev:MessageLimit>",
    "wsnt:Renew": "<wsnt:TerminationTime>{}</wsnt:TerminationTime>",
}
READ = (
    "<tds:GetSystemDateAndTime/>", "<tptz:GetStatus>" + KNOWN + "</tptz:GetStatus>",
    "<tptz:GetPresets>" + KNOWN + "</tptz:GetPresets>", "<timg:GetStatus>" + LENS + "</timg:GetStatus>",
    "<timg:GetImagingSettings>" + LENS + "</timg:GetImagingSettings>",
)  # fmt: skip


def _bodies(operation: str, template: str) -> Iterator[str]:
    slots = template.count("{}")
    for slot in range(slots):
        for value in HOSTILE:
            given = [value if one == slot else "0" for one in range(slots)]
            yield f"<{operation}>{template.format(*given)}</{operation}>"


@pytest.mark.parametrize("operation", REQUESTS)
async def test_every_argument_may_be_hostile(operation: str) -> None:
    async with visiting(replace(SETTINGS, username="")) as visitor:
        _, made = await visitor.ask("<tev:CreatePullPointSubscription/>", header="")
        path = made.one("//wsa:Address").removeprefix(visitor.camera.address)
        asked = list(_bodies(operation, REQUESTS[operation]))
        for body in asked:
            visitor.camera.motion(True)  # so that no pull has to wait
            status, answered = await visitor.ask(body, header="", path=path)
            assert (status == 200) is (answered.name == operation.partition(":")[2] + "Response"), body
        for body in READ:
            assert (await visitor.ask(body, header=""))[0] == 200
        assert visitor.camera.refused == 0
