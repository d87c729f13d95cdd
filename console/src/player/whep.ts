/**
 * One live picture by WebRTC: an offer to the node by WHEP, and what it sends into a video element.
 *
 * The session's address is in the answer's Location; DELETE there ends it, also while the page is being closed.
 */
import { isFailureBody } from "@/api/failure";
import { codecName, Meter, type Over, type Picture, type Player, type Watcher } from "./player";
import { CONNECT_MS, hindranceOf, PICTURE_MS } from "./way";

const TICK_MS = 200;
const MEASURED_TICKS = 10;
const AWAY_MS = 5000;

export const browserCan = (): boolean => typeof RTCPeerConnection === "function";

export class WhepPlayer implements Player {
  private readonly pc = new RTCPeerConnection();
  private readonly stream = new MediaStream();
  private readonly meter = new Meter();
  private readonly leaving = new AbortController();
  private session = "";
  private leftOut = "";
  private connectedAt = 0;
  private answeredAt = 0;
  private awayAt = 0;
  private shown = false;
  private done = false;
  private ticks = 0;
  private ticker = 0;

  constructor(
    url: string,
    private readonly video: HTMLVideoElement,
    private readonly watcher: Watcher,
  ) {
    this.pc.ontrack = (event) => this.stream.addTrack(event.track);
    this.pc.onconnectionstatechange = () => this.changed();
    this.pc.addTransceiver("video", { direction: "recvonly" });
    this.pc.addTransceiver("audio", { direction: "recvonly" });
    video.srcObject = this.stream;
    this.ticker = window.setInterval(() => this.tick(), TICK_MS);
    this.begin(url).catch(() => this.finish({ hindered: this.session ? "refused" : "unreachable" }));
  }

  close(): void {
    this.done = true;
    this.release();
  }

  private async begin(url: string): Promise<void> {
    await this.pc.setLocalDescription();
    const reply = await fetch(url, {
      method: "POST",
      headers: { "Content-Type": "application/sdp" },
      body: this.pc.localDescription?.sdp ?? "",
      credentials: "omit",
      signal: this.leaving.signal,
    });
    if (reply.status !== 201) return this.finish(await refusal(reply));
    this.session = new URL(reply.headers.get("Location") ?? "", reply.url).href;
    this.leftOut = reply.headers.get("Audio-Left-Out") ?? "";
    const sdp = await reply.text();
    if (this.done) return this.endSession();
    await this.pc.setRemoteDescription({ type: "answer", sdp });
    this.answeredAt = performance.now();
  }

  private changed(): void {
    const state = this.pc.connectionState;
    this.awayAt = state === "disconnected" ? performance.now() : 0;
    if (state === "connected") this.connectedAt ||= performance.now();
    else if (state === "failed" || state === "closed") this.finish(this.connectedAt ? {} : { hindered: "notConnected" });
  }

  private tick(): void {
    const now = performance.now();
    if (this.done || !this.answeredAt) return;
    if (this.awayAt && now - this.awayAt > AWAY_MS) return this.finish({});
    if (!this.connectedAt && now - this.answeredAt > CONNECT_MS) return this.finish({ hindered: "notConnected" });
    if (this.connectedAt && !this.shown && now - this.connectedAt > PICTURE_MS) return this.finish({ hindered: "noPicture" });
    if (this.video.paused) void this.video.play().catch(() => undefined);
    const first = !this.shown && this.video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA && this.video.videoWidth > 0;
    if (first || ++this.ticks % MEASURED_TICKS === 0) void this.look(first);
  }

  /** What arrives and how it is shown, from the browser's own counters. */
  private async look(first: boolean): Promise<void> {
    if (first) this.shown = true;
    const reports = [...(await this.pc.getStats()).values()] as Record<string, unknown>[];
    if (this.done) return;
    const video = reports.find((one) => one.type === "inbound-rtp" && one.kind === "video");
    if (video === undefined) return;
    const codec = reports.find((one) => one.id === video.codecId)?.mimeType;
    this.watcher.pictured(this.picture(typeof codec === "string" ? codec : "H264"));
    if (first) return this.watcher.playing();
    const count = (name: string): number => Number(video[name] ?? 0);
    const lag = count("jitterBufferDelay") / Math.max(1, count("jitterBufferEmittedCount"));
    this.watcher.gauge(this.meter.read(lag, count("bytesReceived"), count("framesDecoded"), count("framesDropped")));
  }

  private picture(codec: string): Picture {
    return {
      video: codecName(codec),
      width: this.video.videoWidth,
      height: this.video.videoHeight,
      sound: this.pc.getTransceivers().some((one) => one.receiver.track.kind === "audio" && one.currentDirection === "recvonly"),
      soundLeftOut: this.leftOut,
      watermark: null,
    };
  }

  private finish(why: Over): void {
    if (this.done) return;
    this.close();
    this.watcher.over(why);
  }

  private release(): void {
    window.clearInterval(this.ticker);
    this.pc.ontrack = this.pc.onconnectionstatechange = null;
    if (!this.session) this.leaving.abort();
    this.endSession();
    this.pc.close();
    if (this.video.srcObject === this.stream) this.video.srcObject = null;
  }

  private endSession(): void {
    if (!this.session) return;
    void fetch(this.session, { method: "DELETE", keepalive: true, credentials: "omit" }).catch(() => undefined);
    this.session = "";
  }
}

/** What a refused offer says: something in the way of WebRTC, or of the stream itself. */
async function refusal(reply: Response): Promise<Over> {
  const body: unknown = await reply.json().catch(() => null);
  const hindered = hindranceOf(reply.status, isFailureBody(body) ? body.step : "");
  if (hindered !== null) return { hindered };
  return isFailureBody(body) ? { refused: body } : {};
}
