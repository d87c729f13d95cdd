/**
 * Which lines are in sight. Browsers draw nothing beyond some 17 million pixels, so a longer list is given a shorter
 * track: the thumb then moves over more than one pixel of the list per pixel of its own.
 */
export const LONGEST_TRACK = 15_000_000;

export interface Sight {
  /** Height of the track, in pixels. */
  track: number;
  first: number;
  last: number;
  /** Where the first line is drawn, from the top of the track. */
  top: number;
}

export function inSight(lines: number, row: number, view: number, scrolled: number, spare = 6): Sight {
  const full = lines * row;
  const track = Math.min(full, LONGEST_TRACK);
  const ratio = track > view ? (full - view) / (track - view) : 1;
  const at = Math.min(Math.max(scrolled, 0), Math.max(track - view, 0));
  const pixel = at * ratio;
  const first = Math.max(0, Math.floor(pixel / row) - spare);
  const last = Math.min(lines - 1, Math.ceil((pixel + view) / row) + spare);
  return { track, first, last, top: at - pixel + first * row };
}

/** Where to scroll to so that a line is in sight; the same place where it is already. */
export function scrollTo(line: number, lines: number, row: number, view: number, scrolled: number): number {
  const full = lines * row;
  const track = Math.min(full, LONGEST_TRACK);
  const ratio = track > view ? (full - view) / (track - view) : 1;
  const pixel = scrolled * ratio;
  if (line * row < pixel) return (line * row) / ratio;
  if ((line + 1) * row > pixel + view) return ((line + 1) * row - view) / ratio;
  return scrolled;
}
