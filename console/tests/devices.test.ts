import { afterEach, describe, expect, it, vi } from "vitest";
import type { Device, OnvifProbe } from "@/api/types";
import { useAttempt } from "@/form/useAttempt";
import { zoneNamed } from "@/form/zones";
import { ApiFailure } from "@/api/failure";
import { codeOf, freeCodes, pairs } from "@/pages/devices/codes";
import { contactWord } from "@/pages/devices/contacts";
import { formOf, kindsFor, KINDS, sent } from "@/pages/devices/kinds";
import { clockWords, profilesOf, spanOf } from "@/pages/devices/onvif";
import { reasonOf, standingOf, warningOf } from "@/pages/devices/standing";

const DOMAIN = "3402000000";
const source = { state: "online", step: "", message: "", message_zh: "", hint: "", checked_at: 1, video_codec: "H264", audio_codec: null } as const;
const device = (some: Partial<Device> = {}): Device =>
  ({ kind: "device", enabled: true, state: "online", source: null, registration: null, last_contact: null, offline_reason: null, offline_reason_zh: null, ...some }) as Device;

describe("a form", () => {
  it("sends what belongs to the kind and nothing of the others", () => {
    const form = formOf(null);
    expect(Object.keys(sent({ ...form, kind: "device" }))).toContain("media_transport");
    expect(Object.keys(sent({ ...form, kind: "platform" }))).not.toContain("url");
    expect(Object.keys(sent({ ...form, kind: "rtsp" }))).toEqual(["name", "kind", "zone", "enabled", "max_sessions", "url", "username", "channel_id", "rtsp_transport", "always_on"]);
    expect(Object.keys(sent({ ...form, kind: "onvif" }))).toEqual(expect.arrayContaining(["profile", "tolerances", "url"]));
  });

  it("lets a device become another kind only where it registers", () => {
    expect(kindsFor(null)).toEqual(KINDS);
    expect(kindsFor(device({ kind: "platform" }))).toEqual(["device", "platform"]);
    expect(kindsFor(device({ kind: "onvif" }))).toEqual(["onvif"]);
  });

  it("says beside a field what is wrong with it, and the rest below", async () => {
    const refusal = (field: string) => new ApiFailure(400, { error: "invalid", step: "", message: `${field}: bad`, message_zh: `${field}：错`, hint: "", fields: [{ field, problem: "bad", problem_zh: "错" }] });
    const { attempt, fields, problem, busy } = useAttempt(["url"]);
    expect(await attempt(() => Promise.reject(refusal("url")))).toBe(false);
    expect([fields.value, problem.value, busy.value]).toEqual([{ url: "错" }, "", false]);
    await attempt(() => Promise.reject(refusal("charset")));
    expect(problem.value).toBe("charset：错");
    expect(await attempt(() => Promise.resolve())).toBe(true);
    expect([fields.value, problem.value]).toEqual([{}, ""]);
  });

  it("knows the zone of a device, the default one where it has none", () => {
    const zones = [{ name: "default", networks: [], sip_told: "10.1.0.1", sip_port: 5060 }, { name: "police", networks: [], sip_told: "172.16.0.1", sip_port: 5060 }];
    expect([zoneNamed(zones, null)?.sip_told, zoneNamed(zones, "police")?.sip_told, zoneNamed(zones, "gone")]).toEqual(["10.1.0.1", "172.16.0.1", undefined]);
  });
});

describe("codes for cameras without their own", () => {
  afterEach(() => vi.unstubAllGlobals());

  it("count up below the node's domain, over those that are taken", () => {
    const taken = new Set([codeOf(DOMAIN, "132", 1), codeOf(DOMAIN, "132", 3)]);
    const found = pairs(DOMAIN, taken);
    expect(found.next().value).toEqual({ device: "34020000001320000002", channel: "34020000001310000002" });
    expect(found.next().value).toEqual({ device: "34020000001320000004", channel: "34020000001310000004" });
  });

  it("are free as devices and as channels", async () => {
    const answers = (url: string): unknown => {
      if (url.startsWith("/api/v1/devices")) return url.includes("after=") ? { items: [{ id: codeOf(DOMAIN, "132", 2) }], next: null } : { items: [{ id: codeOf(DOMAIN, "132", 1) }], next: "more" };
      return { items: url.includes(codeOf(DOMAIN, "131", 3)) ? [{}] : [], next: null };
    };
    vi.stubGlobal("fetch", vi.fn(async (url: string) => new Response(JSON.stringify(answers(url)))));
    expect(await freeCodes(DOMAIN)).toEqual({ device: codeOf(DOMAIN, "132", 4), channel: codeOf(DOMAIN, "131", 4) });
  });

  it("are not looked for without end", async () => {
    vi.stubGlobal("fetch", vi.fn(async () => new Response(JSON.stringify({ items: [{ id: "x" }], next: null }))));
    expect(await freeCodes(DOMAIN)).toBeNull();
  });
});

describe("how a device stands", () => {
  it("is a light and a word", () => {
    expect(standingOf(device()).word).toBe("common.online");
    expect(standingOf(device({ state: "unstable" }))).toEqual({ light: "warn", word: "devices.unstable" });
    expect(standingOf(device({ state: "offline", last_contact: 5 }))).toEqual({ light: "bad", word: "common.offline" });
    expect(standingOf(device({ state: "offline" })).word).toBe("devices.neverSeen");
    expect(standingOf(device({ enabled: false })).word).toBe("common.disabled");
    expect(standingOf(device({ state: "offline", source: { ...source, state: "unknown" } })).word).toBe("devices.unasked");
    expect(standingOf(device({ state: "offline", source })).light).toBe("on");
  });

  it("has a reason in the language where it is off line", () => {
    const refused = { ...source, state: "offline", step: "rtsp_refused_password", message: "The RTSP camera refused the user name or password. 401", message_zh: "RTSP 摄像机拒绝了用户名或密码。401" } as const;
    expect(reasonOf(device({ state: "offline", source: refused }), "zh")?.text).toBe("用户名或密码错误：RTSP 摄像机拒绝了用户名或密码。401");
    expect(reasonOf(device({ state: "offline", source: refused }), "en")?.text).toMatch(/^Camera refused the password: The RTSP/);
    expect(reasonOf(device({ source }), "zh")).toBeNull();
    const gone = device({ state: "offline", offline_reason: "unregistered by itself", offline_reason_zh: "设备主动注销" });
    expect([reasonOf(gone, "zh")?.text, reasonOf(gone, "en")?.text]).toEqual(["设备主动注销", "unregistered by itself"]);
    expect(reasonOf(device({ state: "offline" }), "zh")).toBeNull();
    expect(reasonOf(device(), "zh")).toBeNull();
  });

  it("has a warning where a camera works and something is wrong all the same", () => {
    const warned = device({ source: { ...source, warning: "Its clock.", warning_zh: "时钟。" } });
    expect([warningOf(warned, "zh"), warningOf(warned, "en"), warningOf(device(), "en")]).toEqual(["时钟。", "Its clock.", ""]);
  });

  it("is seen in its messages, in words", () => {
    expect(["REGISTER", "MESSAGE Keepalive", "200 to INVITE", "MESSAGE Unheard", "PUBLISH"].map(contactWord)).toEqual(["注册", "心跳", "呼叫的应答 200", "消息", "PUBLISH"]);
  });
});

describe("an ONVIF camera", () => {
  const profile = { token: "main", name: "Main", codec: "H264", width: 1920, height: 1080, fps: 25 };
  const camera: OnvifProbe = {
    manufacturer: "Acme", model: "D-7", firmware: "1", serial: "2", clock_offset_s: 0, snapshot: true, events: false,
    sources: [{ token: "lens", name: "", ptz: true, chosen: "main", profiles: [profile, { ...profile, token: "sub", name: "", width: 0, height: 0, fps: null }] }],
  };

  it("offers its profiles by name, codec and size", () => {
    expect(profilesOf(camera)).toEqual([
      { value: "main", label: "Main · H.264 · 1920×1080 25 fps", best: true },
      { value: "sub", label: "sub · H.264", best: false },
    ]);
    const second = { token: "two", name: "Two", ptz: false, profiles: [{ ...profile, token: "t", codec: "H265" }] };
    expect(profilesOf({ ...camera, sources: [...camera.sources, second] }).map(({ label }) => label)).toEqual(["lens · Main · H.264 · 1920×1080 25 fps", "lens · sub · H.264", "Two · Main · H.265 · 1920×1080 25 fps"]);
  });

  it("is warned of when its clock is more than a minute off", () => {
    expect([clockWords(null), clockWords(60), clockWords(-60)]).toEqual([null, null, null]);
    expect(clockWords(61)).toEqual({ way: "ahead", count: 61, unit: "s" });
    expect(clockWords(-7199.9)).toEqual({ way: "behind", count: 2, unit: "h" });
    expect([spanOf(600), spanOf(86_400 * 730)]).toEqual([{ count: 10, unit: "m" }, { count: 730, unit: "d" }]);
  });
});
