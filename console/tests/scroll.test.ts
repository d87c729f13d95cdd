import { describe, expect, it } from "vitest";
import { inSight, LONGEST_TRACK, scrollTo } from "@/tree/scroll";

describe("the lines in sight", () => {
  it("are those of the pixels shown, with some to spare", () => {
    expect(inSight(100, 20, 200, 0)).toMatchObject({ track: 2000, first: 0, last: 16, top: 0 });
    expect(inSight(100, 20, 200, 1000)).toMatchObject({ first: 44, last: 66, top: 880 });
    expect(inSight(3, 20, 200, 0)).toMatchObject({ track: 60, first: 0, last: 2 });
    expect(inSight(0, 20, 200, 0)).toMatchObject({ track: 0, last: -1 });
  });

  it("of a million reach from the first to the last on a track a browser can draw", () => {
    const [lines, row, view] = [1_000_000, 28, 700];
    const start = inSight(lines, row, view, 0);
    expect(start.track).toBe(LONGEST_TRACK);
    expect(start.first).toBe(0);
    const end = inSight(lines, row, view, LONGEST_TRACK - view);
    expect(end.last).toBe(lines - 1);
    expect(end.top + (end.last - end.first + 1) * row).toBeCloseTo(LONGEST_TRACK, 0);
    const middle = inSight(lines, row, view, LONGEST_TRACK / 2);
    expect(middle.top).toBeLessThanOrEqual(LONGEST_TRACK / 2);
    expect(middle.top + (middle.last - middle.first + 1) * row).toBeGreaterThan(LONGEST_TRACK / 2 + view);
  });

  it("are moved to only where a line is out of sight", () => {
    expect(scrollTo(5, 100, 20, 200, 0)).toBe(0);
    expect(scrollTo(15, 100, 20, 200, 0)).toBe(120);
    expect(scrollTo(2, 100, 20, 200, 400)).toBe(40);
    const scrolled = scrollTo(900_000, 1_000_000, 28, 700, 0);
    const { first, last } = inSight(1_000_000, 28, 700, scrolled, 0);
    expect(first).toBeLessThanOrEqual(900_000);
    expect(last).toBeGreaterThanOrEqual(900_000);
  });
});
