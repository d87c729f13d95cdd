/** What every player of a live picture is told to do and tells, whichever way the picture comes. */
import type { FailureBody } from "@/api/failure";
import type { Hindrance } from "./way";

/** What is seen and heard. */
export interface Picture {
  /** Name of the codec for a person. */
  video: string;
  width: number;
  height: number;
  sound: boolean;
  /** Why there is no sound although the stream has some. */
  soundLeftOut: string;
  watermark: string | null;
}

export interface Gauge {
  /** Seconds received and not yet shown. */
  lag: number;
  kbps: number;
  fps: number;
  dropped: number;
}

/** Why it is over: a codec this browser does not play, what keeps WebRTC from working, a refusal; else it broke. */
export interface Over {
  unsupported?: string;
  hindered?: Hindrance;
  refused?: FailureBody;
}

export interface Watcher {
  pictured(what: Picture): void;
  playing(): void;
  gauge(values: Gauge): void;
  over(why: Over): void;
}

export interface Player {
  /** End it; nobody is told. */
  close(): void;
}

const NAMES: [RegExp, string][] = [
  [/^(avc[13]|h264$|video\/h264$)/i, "H.264"],
  [/^(h[ev][cv]1|h265$|video\/h265$)/i, "H.265"],
];

/** The name of a video codec for a person: `avc1.4d001f,mp4a.40.2` is H.264. */
export function codecName(codec: string): string {
  return NAMES.find(([pattern]) => pattern.test(codec))?.[1] ?? codec;
}

/** Watches how many frames a video element showed and how many bytes came, from one look to the next. */
export class Meter {
  private frames = 0;
  private bytes = 0;
  private since = performance.now();

  /** `bytes` and `frames` since the beginning. */
  read(lag: number, bytes: number, frames: number, dropped: number): Gauge {
    const now = performance.now();
    const seconds = Math.max((now - this.since) / 1000, 0.001);
    const kbps = (Math.max(0, bytes - this.bytes) * 8) / 1000 / seconds;
    const fps = Math.max(0, frames - this.frames) / seconds;
    [this.bytes, this.frames, this.since] = [bytes, frames, now];
    return { lag: Math.max(0, lag), kbps, fps, dropped };
  }
}
