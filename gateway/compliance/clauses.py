"""The clauses of the regulations that this program enforces: denials, the ledger and reports name them by id.

L: Lhasa Measures for the Administration of Public Security Video Image Information Systems (order 72, in force
2024-05-01). J: Jilin Measures of the same name (order 236, in force 2013-01-01).
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Clause:
    """One rule: ``article`` where it stands, ``en`` and ``zh`` what it asks, in short."""

    id: str
    article: str
    en: str
    zh: str


_CLAUSES = (
    Clause(
        "N8",
        "L20, J7",
        "A secret channel is never shared, relayed, listed or exported outside its zone.",
        "涉密视频不得接入互联网和其他公共网络，不得对外共享。",
    ),
    Clause(
        "A1",
        "L27, J24-J26",
        "Consulting, extracting or copying stored video needs a legal basis.",
        "查阅、调取、复制视频图像信息须有法定依据。",
    ),
    Clause(
        "A2",
        "L28, J28",
        "Stored video needs a request by two officers and an approver.",
        "查阅、调取、复制须由两名以上工作人员办理并履行登记审批手续。",
    ),
    Clause(
        "A5",
        "J21(3), L28(3)",
        "Every use of video is registered: who, when, why, and where it went.",
        "视频图像信息的使用须登记备查。",
    ),
    Clause("A6", "L33, L35(3), J22(3)", "Operating records may not be altered.", "不得篡改运行和使用记录。"),
    Clause(
        "A7",
        "L30, L33",
        "Base information is confidential; looking it up is controlled.",
        "系统基础信息应当保密，查询须受控。",
    ),
    Clause(
        "A10",
        "L35(2), J22(5)",
        "No obtaining, copying or spreading without authorisation.",
        "未经授权不得获取、复制、传播视频图像信息。",
    ),
    Clause(
        "S7",
        "L15, J19, L34(7), J22(4)",
        "Position and direction of a camera may not be changed at will.",
        "不得擅自改变摄像机的位置和拍摄方向。",
    ),
    Clause(
        "O9",
        "L12, L36(2)",
        "Graded protection: least privilege, authenticated accounts.",
        "落实网络安全等级保护，实行最小授权。",
    ),
    Clause(
        "SHARE",
        "L22, L28",
        "A use by an upper platform is authorised by the sharing rule with it.",
        "上级平台的调用须符合与其约定的共享规则。",
    ),
)

CLAUSES = MappingProxyType({clause.id: clause for clause in _CLAUSES})
