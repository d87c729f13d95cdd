import { createPinia, setActivePinia } from "pinia";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { call, path, queryText, setCaller } from "@/api/client";
import { ApiFailure } from "@/api/failure";
import type { Channel } from "@/api/types";
import { changed, listed } from "@/form/changes";
import { ago, bytes, moment } from "@/form/shown";
import { atLeast } from "@/session/store";
import { rated } from "@/pages/status/streams";
import { rungs } from "@/wall/ladder";
import { useWall } from "@/wall/store";

const kept = new Map<string, string>();
Object.assign(globalThis, {
  sessionStorage: {
    getItem: (name: string) => kept.get(name) ?? null,
    setItem: (name: string, value: string) => kept.set(name, value),
    removeItem: (name: string) => kept.delete(name),
  },
});

const camera = (code: string): Channel => ({ peer_id: "p", code, name: `c${code}` }) as Channel;

describe("a request", () => {
  afterEach(() => vi.unstubAllGlobals());
  const answers = (status: number, body: unknown) => {
    const fetched = vi.fn(async (..._: unknown[]) => new Response(body === undefined ? null : JSON.stringify(body), { status }));
    vi.stubGlobal("fetch", fetched);
    return fetched;
  };

  it("carries the token in a header and never in an address", async () => {
    const fetched = answers(200, { ok: 1 });
    setCaller({ token: () => "s3cret", unauthenticated: () => undefined });
    await call("POST", path`/api/v1/devices/${"a/b?c"}`, { query: { text: "东门", after: null }, body: { x: 1 } });
    const [url, init] = fetched.mock.calls[0] as [string, RequestInit];
    expect(url).toBe("/api/v1/devices/a%2Fb%3Fc?text=%E4%B8%9C%E9%97%A8");
    expect((init.headers as Record<string, string>).Authorization).toBe("Bearer s3cret");
    expect(init.credentials).toBe("omit");
  });

  it("that is refused throws what the node says, and tells when nobody is logged in", async () => {
    const gone = vi.fn();
    setCaller({ token: () => "", unauthenticated: gone });
    answers(401, { error: "unauthenticated", step: "", message: "Log in first.", message_zh: "请先登录。", hint: "" });
    await expect(call("GET", "/api/v1/me")).rejects.toMatchObject({ status: 401, message: "Log in first." });
    expect(gone).toHaveBeenCalledOnce();
    answers(401, { error: "login_failed", step: "", message: "Wrong.", message_zh: "错误。", hint: "" });
    await expect(call("POST", "/api/v1/login")).rejects.toBeInstanceOf(ApiFailure);
    expect(gone).toHaveBeenCalledOnce();
  });

  it("that reaches nobody or a stranger is a failure in words too", async () => {
    vi.stubGlobal("fetch", vi.fn(async () => Promise.reject(new TypeError("away"))));
    await expect(call("GET", "/x")).rejects.toMatchObject({ status: 0, body: { error: "unreachable" } });
    vi.stubGlobal("fetch", vi.fn(async () => new Response("<html>", { status: 502 })));
    await expect(call("GET", "/x")).rejects.toMatchObject({ status: 502, body: { error: "http_error" } });
  });

  it("leaves empty values out of the query", () => {
    expect(queryText({ a: "", b: null, c: undefined, d: 0, e: false })).toBe("?d=0&e=false");
    expect(queryText(undefined)).toBe("");
  });
});

describe("the wall", () => {
  beforeEach(() => setActivePinia(createPinia()));

  it("replaces the one picture, and fills empty cells first where there are several", () => {
    const wall = useWall();
    wall.show(camera("1"));
    wall.show(camera("2"));
    expect(wall.cells.map((cell) => cell?.code)).toEqual(["2"]);
    wall.setLayout(4);
    for (const code of ["3", "4", "5"]) wall.show(camera(code));
    expect(wall.cells.map((cell) => cell?.code)).toEqual(["2", "3", "4", "5"]);
    wall.chosen = 1;
    wall.show(camera("6"));
    expect(wall.cells.map((cell) => cell?.code)).toEqual(["2", "6", "4", "5"]);
    wall.show(camera("5"));
    expect(wall.chosen).toBe(3);
  });

  it("keeps the chosen picture when it becomes smaller", () => {
    const wall = useWall();
    wall.setLayout(4);
    for (const code of ["1", "2", "3"]) wall.show(camera(code));
    wall.chosen = 2;
    wall.setLayout(1);
    expect(wall.cells.map((cell) => cell?.code)).toEqual(["3"]);
    wall.setLayout(9);
    expect(wall.cells).toHaveLength(9);
    wall.close(0);
    expect(wall.playing.size).toBe(0);
  });
});

describe("a ladder", () => {
  it("tells sent from received and from milestones, and what went wrong", () => {
    const shown = rungs([
      { at: 10, what: "media port open", port: 30000, ssrc: null },
      { at: 10.25, what: "> INVITE sip:1@host SIP/2.0", peer: "udp:1.2.3.4:5060" },
      { at: 10.5, what: "< SIP/2.0 486 Busy Here", peer: "udp:1.2.3.4:5060" },
      { at: 10.5, what: "< SIP/2.0 401 Unauthorized", peer: "udp:1.2.3.4:5060" },
    ], "zh");
    expect(shown.map((one) => [one.kind, one.after, one.bad])).toEqual([
      ["milestone", 0, false],
      ["sent", 0.25, false],
      ["received", 0.5, true],
      ["received", 0.5, false],
    ]);
    expect(shown[0]).toMatchObject({ text: "media port open", details: "port=30000" });
    expect(shown[1]).toMatchObject({ text: "INVITE sip:1@host SIP/2.0", peer: "udp:1.2.3.4:5060" });
  });

  it("says milestones and details in the language chosen, and knows what went wrong in either", () => {
    const lost = { at: 1, what: "lost", what_zh: "呼叫中断", step: "no_packet", message: "Nothing came.", message_zh: "没有收到。" };
    expect(rungs([lost], "zh")[0]).toMatchObject({ text: "呼叫中断", details: "step=无媒体包  message=没有收到。", bad: true });
    expect(rungs([lost], "en")[0]).toMatchObject({ text: "lost", details: "step=No media packet  message=Nothing came.", bad: true });
    expect(rungs([{ at: 1, what: "new here", step: "unheard_of" }], "zh")[0]).toMatchObject({ text: "new here", details: "step=unheard_of" });
  });
});

describe("the streams", () => {
  const stream = { id: "1", peer_id: "p", code: "c", state: "running", transport: "udp", readers: 1, sinks: [] };

  it("have a rate from the second look on, and a share of lost packets", () => {
    const first = rated([{ ...stream, source: {} }], [], 100);
    expect(first[0]).toMatchObject({ mbps: null, loss: 0 });
    const [row] = rated([{ ...stream, source: { packets: 990, lost: 10, bytes: 1_000_000 } }], first, 104);
    expect(row).toMatchObject({ mbps: 2, loss: 0.01 });
    expect(rated([{ ...stream, source: { bytes: 5 } }], row ? [row] : [], 106)[0]?.mbps).toBeNull();
  });
});

describe("forms and figures", () => {
  it("send only what changed", () => {
    expect(changed({ a: 1, b: ["x"], c: null }, { a: 1, b: ["x", "y"], c: null })).toEqual({ b: ["x", "y"] });
  });
  it("take lists however they are separated", () => {
    expect(listed(" 1.2.3.4, 5.6.7.8；9.9.9.9\n")).toEqual(["1.2.3.4", "5.6.7.8", "9.9.9.9"]);
  });
  it("show times, sizes and roles", () => {
    expect(moment(null)).toBe("—");
    expect(moment(new Date(2026, 0, 2, 3, 4, 5).getTime() / 1000)).toBe("2026-01-02 03:04:05");
    expect([ago(100, 130), ago(100, 400), ago(100, 8000), ago(100, 200_000), ago(0)]).toEqual(["30 秒前", "5 分钟前", "2 小时前", "2 天前", "—"]);
    expect([bytes(12), bytes(1500), bytes(2_500_000)]).toEqual(["12 B", "1.5 kB", "2.5 MB"]);
    expect([atLeast("viewer", "operator"), atLeast("admin", "operator"), atLeast(undefined, "viewer")]).toEqual([false, true, false]);
  });
});
