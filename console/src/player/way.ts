/**
 * Which way a live picture comes: by WebRTC (WHEP), with the least delay, or as MP4 into Media Source Extensions, which
 * passes where HTTP does. "Automatic" takes WebRTC where nothing is in its way.
 */
export const WAYS = ["automatic", "webrtc", "mse"] as const;
export type Preferred = (typeof WAYS)[number];
export type Way = Exclude<Preferred, "automatic">;

/** What keeps WebRTC from showing a picture; `live.hindrance.<name>` says it in words. */
export const HINDRANCES = ["off", "browser", "codec", "refused", "busy", "unreachable", "notConnected", "noPicture"] as const;
export type Hindrance = (typeof HINDRANCES)[number];

/** What the node offers of a view. */
export interface Offered {
  whep_url: string | null;
  codec: string | null;
}

/** Until connected, and from there to the first picture. */
export const CONNECT_MS = 5000;
export const PICTURE_MS = 8000;

/** What is known to be in the way before anything is tried. */
export function hindrance(offered: Offered, browserCan: boolean): Hindrance | null {
  if (!browserCan) return "browser";
  if (offered.whep_url === null) return "off";
  return offered.codec !== null && offered.codec !== "H264" ? "codec" : null;
}

/** What a refused offer means; null: it is the stream that fails, whichever way it is asked for. */
export function hindranceOf(status: number, step: string): Hindrance | null {
  if (status === 0) return "unreachable";
  if (status === 406) return step === "codec_unplayable" ? "codec" : "refused";
  return status === 503 ? "busy" : null;
}

/** A connection that did not come about is not waited for again at every click. */
export class Reach {
  static readonly FORGET_MS = 300_000;
  private since = Number.NEGATIVE_INFINITY;

  failed(now: number): void {
    this.since = now;
  }
  succeeded(): void {
    this.since = Number.NEGATIVE_INFINITY;
  }
  /** Whether it failed lately. */
  lately(now: number): boolean {
    return now - this.since < Reach.FORGET_MS;
  }
}

/** The way to take, and why it is not WebRTC where it could have been. Nothing: only WebRTC is wanted, and it cannot be. */
export function chosen(preferred: Preferred, hindered: Hindrance | null, lately: boolean): { way: Way | null; why: Hindrance | null } {
  if (preferred === "mse") return { way: "mse", why: null };
  if (preferred === "webrtc") return hindered === null ? { way: "webrtc", why: null } : { way: null, why: hindered };
  const why = hindered ?? (lately ? "notConnected" : null);
  return { way: why === null ? "webrtc" : "mse", why };
}
