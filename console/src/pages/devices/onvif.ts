/** What an ONVIF camera says of itself, as a form shows it. */
import type { OnvifProbe } from "@/api/types";
import { codecName } from "@/player/player";

export interface ProfileChoice {
  value: string;
  label: string;
  /** It is the one taken where none is named. */
  best: boolean;
}

/** Every profile of every source, named so that a person can tell them apart. */
export function profilesOf(camera: OnvifProbe): ProfileChoice[] {
  const several = camera.sources.length > 1;
  return camera.sources.flatMap((source) =>
    source.profiles.map((one) => {
      const size = one.width && one.height ? `${one.width}×${one.height}` : "";
      const rate = one.fps ? `${Math.round(one.fps)} fps` : "";
      const parts = [several ? source.name || source.token : "", one.name || one.token, codecName(one.codec), [size, rate].filter(Boolean).join(" ")];
      return { value: one.token, label: parts.filter(Boolean).join(" · "), best: source.chosen === one.token };
    }),
  );
}

/** A clock that far off fails logins that carry the time, and dates events wrongly. */
const CLOCK_FAR_OFF_S = 60;

export interface ClockOff {
  way: "ahead" | "behind";
  count: number;
  unit: "s" | "m" | "h" | "d";
}

/** How far a camera's clock is off, in the largest unit that fits; null: near enough, or not known. */
export function clockWords(offset: number | null): ClockOff | null {
  if (offset === null || Math.abs(offset) <= CLOCK_FAR_OFF_S) return null;
  return { way: offset > 0 ? "ahead" : "behind", ...spanOf(Math.abs(offset)) };
}

/** A span of time in one unit. */
export function spanOf(seconds: number): Pick<ClockOff, "count" | "unit"> {
  const [minutes, hours] = [Math.round(seconds / 60), Math.round(seconds / 3600)];
  if (seconds < 120) return { count: Math.round(seconds), unit: "s" };
  if (minutes < 120) return { count: minutes, unit: "m" };
  return hours < 48 ? { count: hours, unit: "h" } : { count: Math.round(seconds / 86_400), unit: "d" };
}
