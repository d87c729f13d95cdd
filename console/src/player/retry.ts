/**
 * Seconds to wait before the next try, more each time, until a picture was there for a while. Each try is an entry in
 * the ledger, so they come to an end: then a person has to ask again.
 */
const WAITS_S = [1, 2, 4, 8, 15, 30, 30, 30, 30, 30];
export const SETTLED_MS = 20_000;

export class Retry {
  private tries = 0;

  /** Null: enough. */
  next(): number | null {
    return WAITS_S[this.tries++] ?? null;
  }

  settled(): void {
    this.tries = 0;
  }
}

/** Steps that no repetition helps: a person has to change something first. */
const HOPELESS = new Set(["codec_unplayable", "forbidden", "unknown_channel", "unsupported", "bad_request", "loop", "too_many_hops", "webrtc", "rtsp_refused_password", "rtsp_no_such_path", "onvif_refused", "onvif_not_a_service", "onvif_no_profile"]);

export function worthTrying(step: string): boolean {
  return !HOPELESS.has(step);
}

/** Steps after which the camera is looked at until it is on line again, rather than called. */
export function waitsForDevice(step: string): boolean {
  return step === "device_offline";
}
