"""The milestones of a call's trace in Chinese; their English words are their names.

A test holds the table against what the sources enter into a ladder.
"""

from __future__ import annotations

from types import MappingProxyType

MILESTONES_ZH = MappingProxyType(
    {
        "acknowledged": "上级平台已确认（ACK）",
        "answered": "已应答",
        "camera answered": "摄像机已应答",
        "camera broke off": "摄像机中断连接",
        "camera is back": "摄像机已恢复",
        "device is behind NAT: it connects to us instead": "设备位于 NAT 之后：改由设备主动连接本平台",
        "dialog": "会话标识",
        "first key frame": "收到首个关键帧",
        "first packet": "收到首个媒体包",
        "lost": "呼叫中断",
        "media connected": "媒体连接已建立",
        "media connection closed": "媒体连接已断开",
        "media goes to another address than the requests come from": "媒体发往的地址与信令来源地址不同",
        "media port open": "媒体端口已打开",
        "no picture": "没有画面",
        "other SSRC": "SSRC 不一致",
        "packets from another address": "收到来自其他地址的媒体包",
        "payload is no program stream": "负载不是 PS 流",
        "picture": "画面就绪",
        "receiver too slow": "接收方过慢",
        "sending": "开始发送媒体",
    }
)
"""By name, as `Ladder.step` is given it."""
