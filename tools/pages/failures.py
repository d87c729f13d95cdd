"""docs/failures.md: the steps that can fail, in the words every part of the program uses."""

from __future__ import annotations

from gateway.errors import TABLE
from tools.pages.text import code, table

_HEAD = """# When something fails

A failure names the step that failed, in the same words everywhere: `step` and `message` of an API error, the log, the
metric label, and the reason phrase towards a SIP peer. A device's rejection (`rejected`) goes up with the device's own
status code.
"""


def page() -> str:
    """The text of docs/failures.md."""
    rows = [
        (code(reason.value), f"{words.en} {words.zh}", f"{words.sip_status} {words.sip_phrase}", str(words.http_status),
         words.hint)
        for reason, words in TABLE.items()
    ]  # fmt: skip
    return "\n".join([_HEAD, *table(("step", "what happened", "SIP", "HTTP", "what to do"), rows)])
