/**
 * One live picture: fragments of MP4 from the WebSocket of a stream worker into a video element.
 *
 * The socket says first, in JSON, what follows (`mime`, size); then come initialisation segments and fragments, each in
 * a message of its own and each complete, so they are appended as they come.
 */
import { follow, outworn, rangeAround } from "./liveEdge";
import { codecName, Meter, type Over, type Player, type Watcher } from "./player";

/** What the socket says first. */
interface Described {
  codec: string;
  mime: string;
  width: number;
  height: number;
  watermark: string | null;
}

const TICK_MS = 200;
const MOST_WAITING = 600;

export class MsePlayer implements Player {
  private readonly source = new MediaSource();
  private readonly socket: WebSocket;
  private readonly url = URL.createObjectURL(this.source);
  private readonly waiting: ArrayBuffer[] = [];
  private buffer: SourceBuffer | null = null;
  private what: Described | null = null;
  private received = 0;
  private shown = false;
  private done = false;
  private ticker = 0;
  private ticks = 0;
  private readonly meter = new Meter();

  constructor(
    url: string,
    private readonly video: HTMLVideoElement,
    private readonly watcher: Watcher,
  ) {
    video.src = this.url;
    video.addEventListener("error", this.broken);
    this.source.addEventListener("sourceopen", this.begin);
    this.socket = new WebSocket(url);
    this.socket.binaryType = "arraybuffer";
    this.socket.onmessage = (event: MessageEvent<unknown>) => this.hear(event.data);
    this.socket.onclose = () => this.finish({});
    this.ticker = window.setInterval(() => this.tick(), TICK_MS);
  }

  close(): void {
    this.done = true;
    this.release();
  }

  private hear(data: unknown): void {
    if (this.done) return;
    if (typeof data === "string") {
      this.describe(JSON.parse(data) as Described);
    } else if (data instanceof ArrayBuffer) {
      this.received += data.byteLength;
      this.waiting.push(data);
      if (this.waiting.length > MOST_WAITING) this.finish({});
      else this.append();
    }
  }

  private describe(what: Described): void {
    if (!MediaSource.isTypeSupported(what.mime)) return this.finish({ unsupported: what.codec });
    const { codec, width, height, watermark } = what;
    this.watcher.pictured({ video: codecName(codec), width, height, watermark, sound: codec.includes("mp4a"), soundLeftOut: "" });
    this.what = what;
    this.begin();
  }

  private readonly begin = (): void => {
    if (this.what === null || this.buffer !== null || this.source.readyState !== "open" || this.done) return;
    this.source.duration = Number.POSITIVE_INFINITY;
    this.buffer = this.source.addSourceBuffer(this.what.mime);
    this.buffer.addEventListener("updateend", () => this.append());
    this.append();
  };

  private append(): void {
    const { buffer } = this;
    if (buffer === null || buffer.updating || this.done || this.source.readyState !== "open") return;
    const next = this.waiting[0];
    if (next === undefined) return;
    try {
      buffer.appendBuffer(next);
      this.waiting.shift();
    } catch (error) {
      if (!(error instanceof DOMException) || error.name !== "QuotaExceededError" || !this.makeRoom(1)) {
        this.finish({});
      }
    }
  }

  /** Throw away what was shown. */
  private makeRoom(keep?: number): boolean {
    const { buffer, video } = this;
    if (buffer === null || buffer.updating || buffer.buffered.length === 0) return false;
    const start = buffer.buffered.start(0);
    const range = keep === undefined ? outworn(start, video.currentTime) : ([start, video.currentTime - keep] as const);
    if (range === undefined || range[1] <= range[0]) return false;
    buffer.remove(range[0], range[1]);
    return true;
  }

  private tick(): void {
    const { video, buffer } = this;
    if (buffer === null || this.done) return;
    const ranges = Array.from({ length: video.buffered.length }, (_, at): [number, number] => [
      video.buffered.start(at),
      video.buffered.end(at),
    ]);
    const range = rangeAround(ranges, video.currentTime);
    if (range === undefined) return;
    this.makeRoom();
    const move = follow({ at: video.currentTime, start: range[0], end: range[1], rate: video.playbackRate });
    if (move.seek !== undefined) video.currentTime = move.seek;
    if (video.playbackRate !== move.rate) video.playbackRate = move.rate;
    if (video.paused) void video.play().catch(() => undefined);
    if (!this.shown && video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA && video.videoWidth > 0) {
      this.shown = true;
      this.watcher.playing();
    }
    if (++this.ticks % 10 === 0) this.measure(range[1] - video.currentTime);
  }

  private measure(lag: number): void {
    const quality = this.video.getVideoPlaybackQuality();
    this.watcher.gauge(this.meter.read(lag, this.received, quality.totalVideoFrames, quality.droppedVideoFrames));
  }

  private readonly broken = (): void => this.finish({});

  private finish(why: Over): void {
    if (this.done) return;
    this.done = true;
    this.release();
    this.watcher.over(why);
  }

  private release(): void {
    window.clearInterval(this.ticker);
    this.socket.onclose = this.socket.onmessage = null;
    this.socket.close();
    this.video.removeEventListener("error", this.broken);
    this.source.removeEventListener("sourceopen", this.begin);
    this.waiting.length = 0;
    if (this.video.src === this.url) {
      this.video.removeAttribute("src");
      this.video.load();
    }
    URL.revokeObjectURL(this.url);
  }
}
