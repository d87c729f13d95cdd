"""Answers of cameras, written by hand."""

from __future__ import annotations

ENVELOPE = (
    '<?xml version="1.0" encoding="UTF-8"?><env:Envelope xmlns:env="http://www.w3.org/2003/05/soap-envelope"'
    ' xmlns:tds="http://www.onvif.org/ver10/device/wsdl" xmlns:trt="http://www.onvif.org/ver10/media/wsdl"'
    ' xmlns:tptz="http://www.onvif.org/ver20/ptz/wsdl" xmlns:tt="http://www.onvif.org/ver10/schema"'
    ' xmlns:ter="http://www.onvif.org/ver10/error" xmlns:timg="http://www.onvif.org/ver20/imaging/wsdl"'
    ' xmlns:tr2="http://www.onvif.org/ver20/media/wsdl" xmlns:wsa="http://www.w3.org/2005/08/addressing"'
    ' xmlns:wsnt="http://docs.oasis-open.org/wsn/b-2" xmlns:tev="http://www.onvif.org/ver10/events/wsdl"'
    ' xmlns:tns1="http://www.onvif.org/ver10/topics"><env:Body>{}</env:Body></env:Envelope>'
)


def answer(body: str) -> bytes:
    """An envelope around a body."""
    return ENVELOPE.format(body).encode()


def fault(subcode: str, text: str) -> bytes:
    """A SOAP 1.2 fault of the sender with a subcode."""
    return answer(
        "<env:Fault><env:Code><env:Value>env:Sender</env:Value><env:Subcode>"
        f"<env:Value>{subcode}</env:Value></env:Subcode></env:Code>"
        f'<env:Reason><env:Text xml:lang="en">{text}</env:Text></env:Reason></env:Fault>'
    )


DATE_AND_TIME = answer(
    "<tds:GetSystemDateAndTimeResponse><tds:SystemDateAndTime><tt:DateTimeType>NTP</tt:DateTimeType>"
    "<tt:DaylightSavings>false</tt:DaylightSavings><tt:TimeZone><tt:TZ>CST-8</tt:TZ></tt:TimeZone><tt:UTCDateTime>"
    "<tt:Time><tt:Hour>7</tt:Hour><tt:Minute>50</tt:Minute><tt:Second>45</tt:Second></tt:Time>"
    "<tt:Date><tt:Year>2010</tt:Year><tt:Month>9</tt:Month><tt:Day>16</tt:Day></tt:Date></tt:UTCDateTime>"
    "</tds:SystemDateAndTime></tds:GetSystemDateAndTimeResponse>"
)
"""1284623445 in unix seconds."""

PROFILES = answer(
    "<trt:GetProfilesResponse>"
    '<trt:Profiles token="main" fixed="true"><tt:Name>Main stream</tt:Name>'
    '<tt:VideoSourceConfiguration token="vsc"><tt:Name>Lens 1</tt:Name><tt:UseCount>2</tt:UseCount>'
    "<tt:SourceToken>vs0</tt:SourceToken>"
    '<tt:Bounds x="0" y="0" width="2560" height="1440"/></tt:VideoSourceConfiguration>'
    '<tt:VideoEncoderConfiguration token="ve0"><tt:Name>e</tt:Name><tt:UseCount>1</tt:UseCount>'
    "<tt:Encoding>H264</tt:Encoding><tt:Resolution><tt:Width>2560</tt:Width><tt:Height>1440</tt:Height></tt:Resolution>"
    "<tt:Quality>5</tt:Quality><tt:RateControl><tt:FrameRateLimit>25</tt:FrameRateLimit>"
    "<tt:EncodingInterval>1</tt:EncodingInterval><tt:BitrateLimit>4096</tt:BitrateLimit></tt:RateControl>"
    "</tt:VideoEncoderConfiguration>"
    '<tt:PTZConfiguration token="ptz0"><tt:Name>p</tt:Name><tt:UseCount>1</tt:UseCount>'
    "<tt:NodeToken>node0</tt:NodeToken></tt:PTZConfiguration></trt:Profiles>"
    '<trt:Profiles token="jpeg"><tt:Name>Pictures</tt:Name>'
    '<tt:VideoSourceConfiguration token="vsc"><tt:Name>Lens 1</tt:Name><tt:UseCount>2</tt:UseCount>'
    "<tt:SourceToken>vs0</tt:SourceToken>"
    '<tt:Bounds x="0" y="0" width="2560" height="1440"/></tt:VideoSourceConfiguration>'
    '<tt:VideoEncoderConfiguration token="ve1"><tt:Name>e</tt:Name><tt:UseCount>1</tt:UseCount>'
    "<tt:Encoding>JPEG</tt:Encoding><tt:Resolution><tt:Width>4000</tt:Width><tt:Height>3000</tt:Height></tt:Resolution>"
    "<tt:Quality>5</tt:Quality></tt:VideoEncoderConfiguration></trt:Profiles>"
    '<trt:Profiles token="empty"><tt:Name>Nothing in it</tt:Name></trt:Profiles>'
    "</trt:GetProfilesResponse>"
)
