/** One stream coming in, as the API shows it; counters are there once the relay has told them. */
export interface Stream {
  id: string;
  peer_id: string;
  code: string;
  state: string;
  transport: string;
  readers: number;
  source: { packets?: number; bytes?: number; lost?: number };
  sinks: { upper_id: string }[];
}

export interface StreamRow extends Stream {
  /** When its counters were read, in Unix seconds. */
  at: number;
  /** Since the last look; null at the first. */
  mbps: number | null;
  /** Of all packets, 0 to 1. */
  loss: number;
}

/** The streams with their rates since the last look. */
export function rated(streams: Stream[], before: readonly StreamRow[], now: number): StreamRow[] {
  const known = new Map(before.map((row) => [row.id, row]));
  return streams.map((stream) => {
    const { packets = 0, bytes = 0, lost = 0 } = stream.source;
    const last = known.get(stream.id);
    const seconds = last ? now - last.at : 0;
    const gained = bytes - (last?.source.bytes ?? 0);
    const mbps = seconds > 0 && gained >= 0 ? (gained * 8) / 1e6 / seconds : null;
    return { ...stream, at: now, mbps, loss: packets + lost > 0 ? lost / (packets + lost) : 0 };
  });
}
