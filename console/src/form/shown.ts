import { i18n } from "@/i18n";

const pad = (value: number, width = 2): string => String(value).padStart(width, "0");

/** A moment of Unix seconds in this browser's time: 2026-11-22 13:45:01. */
export function moment(at: number | null | undefined): string {
  if (!at) return "—";
  const date = new Date(at * 1000);
  const day = `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())}`;
  return `${day} ${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())}`;
}

/** The time of day of it: 13:45:01. */
export function timeOfDay(at: number | null | undefined): string {
  return at ? moment(at).slice(11) : "—";
}

/** How long ago, in one unit. */
export function ago(at: number | null | undefined, now = Date.now() / 1000): string {
  if (!at) return "—";
  const seconds = Math.max(0, Math.round(now - at));
  const [count, unit] =
    seconds < 60 ? [seconds, "s"] : seconds < 3600 ? [Math.floor(seconds / 60), "m"] : seconds < 86_400 ? [Math.floor(seconds / 3600), "h"] : [Math.floor(seconds / 86_400), "d"];
  return i18n.global.t(`common.ago.${unit}`, { n: count });
}

export function bytes(count: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let at = 0;
  let left = count;
  while (left >= 1000 && at < units.length - 1) {
    left /= 1000;
    at++;
  }
  return `${at === 0 ? left : left.toFixed(1)} ${units[at]}`;
}
