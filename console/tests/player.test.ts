import { describe, expect, it } from "vitest";
import { AIM_S, FAR_S, follow, KEPT_S, LATE_S, outworn, rangeAround } from "@/player/liveEdge";
import { Retry, waitsForDevice, worthTrying } from "@/player/retry";

describe("the live edge", () => {
  it("is gone to at the start, however long the past that came first", () => {
    expect(follow({ at: 0, start: 100, end: 102, rate: 1 })).toEqual({ seek: 102 - AIM_S, rate: 1 });
    expect(follow({ at: 0, start: 100, end: 100.1, rate: 1 })).toEqual({ seek: 100, rate: 1 });
  });

  it("is left alone while the picture is close behind it", () => {
    expect(follow({ at: 9.7, start: 0, end: 10, rate: 1 })).toEqual({ rate: 1 });
    expect(follow({ at: 10 - LATE_S + 0.01, start: 0, end: 10, rate: 1 })).toEqual({ rate: 1 });
  });

  it("is caught up with a little faster when the picture is late, until it is close again", () => {
    const late = follow({ at: 10 - LATE_S - 0.1, start: 0, end: 10, rate: 1 });
    expect(late.seek).toBeUndefined();
    expect(late.rate).toBeGreaterThan(1);
    expect(follow({ at: 10 - LATE_S + 0.2, start: 0, end: 10, rate: late.rate })).toEqual({ rate: late.rate });
    expect(follow({ at: 10 - AIM_S + 0.05, start: 0, end: 10, rate: late.rate })).toEqual({ rate: 1 });
  });

  it("is jumped to when the picture is far behind, so that it is never 1.5 s late", () => {
    expect(FAR_S).toBeLessThan(1.5);
    expect(follow({ at: 5, start: 0, end: 10, rate: 1 })).toEqual({ seek: 10 - AIM_S, rate: 1 });
  });

  it("is jumped to over a hole, and from beyond the end", () => {
    expect(rangeAround([[0, 5], [8, 10]], 5.5)).toEqual([8, 10]);
    expect(rangeAround([[0, 5], [8, 10]], 4)).toEqual([0, 5]);
    expect(rangeAround([], 4)).toBeUndefined();
    expect(follow({ at: 5.5, start: 8, end: 10, rate: 1 }).seek).toBeCloseTo(10 - AIM_S);
    expect(follow({ at: 11, start: 8, end: 10, rate: 1 }).seek).toBeCloseTo(10 - AIM_S);
  });

  it("throws away what was shown, in portions", () => {
    expect(outworn(0, KEPT_S + 1)).toBeUndefined();
    expect(outworn(0, KEPT_S * 2 + 1)).toEqual([0, KEPT_S + 1]);
  });
});

describe("trying again", () => {
  it("waits longer each time, comes to an end, and starts over after a settled picture", () => {
    const retry = new Retry();
    expect(Array.from({ length: 11 }, () => retry.next())).toEqual([1, 2, 4, 8, 15, 30, 30, 30, 30, 30, null]);
    retry.settled();
    expect(retry.next()).toBe(1);
  });

  it("is not done where a person has to change something first", () => {
    expect(worthTrying("codec_unplayable")).toBe(false);
    expect(worthTrying("forbidden")).toBe(false);
    expect(worthTrying("stream_lost")).toBe(true);
    expect([waitsForDevice("device_offline"), waitsForDevice("no_answer")]).toEqual([true, false]);
    expect(worthTrying("")).toBe(true);
  });
});
