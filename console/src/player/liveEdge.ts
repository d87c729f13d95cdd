/**
 * How a live picture stays live. The player may lag behind what it has received by a little, so that a late fragment
 * is no stutter; more than that is run off by playing faster, and far behind is jumped over.
 *
 * All times in seconds of the media's own timeline.
 */
export interface Seen {
  /** Where the picture is. */
  at: number;
  /** What is received around it, or the newest range where `at` is in none. */
  start: number;
  end: number;
  rate: number;
}

export interface Move {
  /** Jump there. */
  seek?: number;
  rate: number;
}

/** Behind the newest picture: aimed at, run off above, jumped over above. */
export const AIM_S = 0.35;
export const LATE_S = 0.7;
export const FAR_S = 1.4;
const FASTER = 1.12;

export function follow(seen: Seen): Move {
  const lag = seen.end - seen.at;
  if (seen.at < seen.start || seen.at > seen.end + 0.05) return { seek: liveAt(seen), rate: 1 };
  if (lag > FAR_S) return { seek: liveAt(seen), rate: 1 };
  if (lag > LATE_S) return { rate: FASTER };
  if (seen.rate !== 1 && lag > AIM_S) return { rate: seen.rate };
  return { rate: 1 };
}

export function liveAt(seen: Pick<Seen, "start" | "end">): number {
  return Math.max(seen.start, seen.end - AIM_S);
}

/** The range of what is received that matters: the one around `at`, else the newest. */
export function rangeAround(ranges: [number, number][], at: number): [number, number] | undefined {
  return ranges.find(([start, end]) => at >= start && at <= end) ?? ranges.at(-1);
}

/** How much of what was shown is kept before it is thrown away. */
export const KEPT_S = 8;

/** What to remove of the buffer, once there is enough of it. */
export function outworn(start: number, at: number): [number, number] | undefined {
  return at - start > KEPT_S * 2 ? [start, at - KEPT_S] : undefined;
}
