import { describe, expect, it, vi } from "vitest";
import { codecName, Meter } from "@/player/player";
import { chosen, hindrance, hindranceOf, Reach } from "@/player/way";

const offered = { whep_url: "http://node/whep/1", codec: null };

describe("what is in the way of WebRTC", () => {
  it("is known before it is tried where browser, node or codec cannot do it", () => {
    expect(hindrance(offered, true)).toBeNull();
    expect(hindrance({ ...offered, codec: "H264" }, true)).toBeNull();
    expect(hindrance({ ...offered, codec: "H265" }, true)).toBe("codec");
    expect(hindrance({ ...offered, whep_url: null }, true)).toBe("off");
    expect(hindrance(offered, false)).toBe("browser");
  });

  it("is told from the answer; other refusals are the stream's, whichever way it is asked for", () => {
    expect(hindranceOf(406, "codec_unplayable")).toBe("codec");
    expect(hindranceOf(406, "not_acceptable")).toBe("refused");
    expect(hindranceOf(503, "busy")).toBe("busy");
    expect(hindranceOf(0, "")).toBe("unreachable");
    for (const [status, step] of [[403, "token"], [410, "ended"], [504, "no_packet"]] as const) expect(hindranceOf(status, step)).toBeNull();
  });

  it("is remembered for a while where packets do not get through, until they do", () => {
    const reach = new Reach();
    expect(reach.lately(0)).toBe(false);
    reach.failed(1000);
    expect([reach.lately(2000), reach.lately(1000 + Reach.FORGET_MS)]).toEqual([true, false]);
    reach.failed(1000);
    reach.succeeded();
    expect(reach.lately(2000)).toBe(false);
  });
});

describe("the way a picture comes", () => {
  it("is WebRTC by itself where nothing hinders it, else MSE with the reason", () => {
    expect(chosen("automatic", null, false)).toEqual({ way: "webrtc", why: null });
    expect(chosen("automatic", "codec", false)).toEqual({ way: "mse", why: "codec" });
    expect(chosen("automatic", null, true)).toEqual({ way: "mse", why: "notConnected" });
  });

  it("is what a person chose, and no other", () => {
    expect(chosen("mse", "codec", true)).toEqual({ way: "mse", why: null });
    expect(chosen("webrtc", null, true)).toEqual({ way: "webrtc", why: null });
    expect(chosen("webrtc", "busy", false)).toEqual({ way: null, why: "busy" });
  });
});

describe("a picture in figures", () => {
  it("names the codec however it is written", () => {
    expect(["avc1.4d001f,mp4a.40.2", "video/H264", "hvc1.1.6.L63.90", "hev1.1", "video/H265", "VP8"].map(codecName)).toEqual(["H.264", "H.264", "H.265", "H.265", "H.265", "VP8"]);
  });

  it("has rates from one look to the next, and never less than nothing", () => {
    const now = vi.spyOn(performance, "now").mockReturnValue(1000);
    const meter = new Meter();
    now.mockReturnValue(3000);
    expect(meter.read(0.3, 250_000, 50, 2)).toEqual({ lag: 0.3, kbps: 1000, fps: 25, dropped: 2 });
    now.mockReturnValue(5000);
    expect(meter.read(-1, 250_000, 40, 2)).toEqual({ lag: 0, kbps: 0, fps: 0, dropped: 2 });
    now.mockRestore();
  });
});
