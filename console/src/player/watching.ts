/** From a click to a picture and back to one after every break: the view at the node, its player, and the reason. */
import { ref, shallowRef, type Ref, type ShallowRef } from "vue";
import { call, path } from "@/api/client";
import { ApiFailure, localFailure, type FailureBody } from "@/api/failure";
import type { Channel, StartedView, View } from "@/api/types";
import { bothWords } from "@/i18n/failure";
import { MsePlayer } from "./mse";
import type { Gauge, Over, Picture, Player } from "./player";
import { Retry, SETTLED_MS, waitsForDevice, worthTrying } from "./retry";
import { chosen, hindrance, Reach, type Hindrance, type Preferred, type Way } from "./way";
import { browserCan, WhepPlayer } from "./whep";

export type Phase = "calling" | "loading" | "playing" | "broken";

export interface Watching {
  phase: Ref<Phase>;
  failure: ShallowRef<FailureBody | null>;
  picture: ShallowRef<Picture | null>;
  /** How the picture comes, and why not by WebRTC where that was wanted. */
  way: Ref<Way | null>;
  why: Ref<Hindrance | null>;
  gauge: ShallowRef<Gauge | null>;
  /** Seconds until the next try; null when there is none. */
  again: Ref<number | null>;
  /** The camera is off line, and called as soon as it is not. */
  awaited: Ref<boolean>;
  firstPictureMs: Ref<number | null>;
  start(): Promise<void>;
  stop(): void;
}

const LOST: FailureBody = {
  error: "failure",
  step: "stream_lost",
  message: "The media stream stopped arriving.",
  message_zh: "媒体流中断。",
  hint: "",
};

/** A secure page connects to secure addresses only. */
const INSECURE: FailureBody = {
  error: "failure",
  step: "",
  message: "This page came over HTTPS, but the stream's address is not secure. Put a proxy in front of it and set media.public_url to its https address.",
  message_zh: "本页面经 HTTPS 打开，而码流地址不是安全地址。请在码流前部署反向代理，并将 media.public_url 设为其 https 地址。",
  hint: "",
};
const LOOK_MS = 5000;

function unplayable(codec: string): FailureBody {
  return {
    error: "failure",
    step: "codec_unplayable",
    message: `This browser does not play ${codec}.`,
    message_zh: `此浏览器无法播放编码 ${codec}。`,
    hint: "",
  };
}

/** Only WebRTC was wanted, and something is in its way. */
function onlyWebRtc(why: Hindrance | null): FailureBody {
  const what = bothWords(`live.hindrance.${why ?? "refused"}`);
  const instead = bothWords("live.chooseAutomatic");
  return { error: "failure", step: "webrtc", message: `${what.en} ${instead.en}`, message_zh: what.zh + instead.zh, hint: "" };
}

/** Whether WebRTC gets through from this browser, as far as its pictures have shown. */
const reach = new Reach();

/** What a view needs of the cell it is shown in. */
export interface Cell {
  purpose(): string;
  preferred(): Preferred;
  video(): HTMLVideoElement;
}

export function watching(peer: string, code: string, cell: Cell): Watching {
  const phase = ref<Phase>("calling");
  const failure = shallowRef<FailureBody | null>(null);
  const picture = shallowRef<Picture | null>(null);
  const way = ref<Way | null>(null);
  const why = ref<Hindrance | null>(null);
  const gauge = shallowRef<Gauge | null>(null);
  const again = ref<number | null>(null);
  const awaited = ref(false);
  const firstPictureMs = ref<number | null>(null);
  const retry = new Retry();
  let view: string | null = null;
  let player: Player | null = null;
  let round = 0;
  let countdown = 0;
  let settled = 0;

  function end(): void {
    window.clearInterval(countdown);
    window.clearTimeout(settled);
    again.value = null;
    awaited.value = false;
    player?.close();
    player = null;
    if (view !== null) void call("DELETE", path`/api/v1/views/${view}`, { keepalive: true }).catch(() => undefined);
    view = null;
  }

  async function start(): Promise<void> {
    end();
    const mine = ++round;
    const asked = performance.now();
    phase.value = "calling";
    gauge.value = picture.value = way.value = why.value = firstPictureMs.value = null;
    try {
      const body = { peer_id: peer, code, purpose: cell.purpose() };
      const started = await call<StartedView>("POST", "/api/v1/views", { body });
      if (mine !== round) {
        void call("DELETE", path`/api/v1/views/${started.id}`, { keepalive: true }).catch(() => undefined);
        return;
      }
      view = started.id;
      begin(started, mine, asked);
    } catch (error) {
      if (mine === round) broken(error instanceof ApiFailure ? error.body : localFailure("", String(error), String(error)).body);
    }
  }

  function begin(started: StartedView, mine: number, asked: number): void {
    if (window.location.protocol === "https:" && started.ws_url.startsWith("ws:")) return broken(INSECURE);
    const choice = chosen(cell.preferred(), hindrance(started, browserCan()), reach.lately(Date.now()));
    if (choice.way === null) return broken(onlyWebRtc(choice.why));
    play(choice.way, choice.why, started, mine, asked);
  }

  function play(by: Way, hindered: Hindrance | null, started: StartedView, mine: number, asked: number): void {
    phase.value = "loading";
    way.value = by;
    why.value = hindered;
    const watcher = {
      pictured: (what: Picture) => (picture.value = what),
      playing: () => {
        if (by === "webrtc") reach.succeeded();
        phase.value = "playing";
        failure.value = null;
        firstPictureMs.value = Math.round(performance.now() - asked);
        settled = window.setTimeout(() => retry.settled(), SETTLED_MS);
      },
      gauge: (values: Gauge) => (gauge.value = values),
      over: (over: Over) => {
        player = null;
        if (mine === round) ended(over, started, asked);
      },
    };
    player = by === "webrtc" ? new WhepPlayer(started.whep_url ?? "", cell.video(), watcher) : new MsePlayer(started.ws_url, cell.video(), watcher);
  }

  function ended(over: Over, started: StartedView, asked: number): void {
    const mine = round;
    if (over.hindered === "notConnected") reach.failed(Date.now());
    if (over.unsupported !== undefined) broken(unplayable(over.unsupported));
    else if (over.refused !== undefined) broken(over.refused);
    else if (over.hindered === undefined) void reason().then((body) => mine === round && broken(body));
    else if (cell.preferred() === "webrtc") broken(onlyWebRtc(over.hindered));
    else play("mse", over.hindered, started, mine, asked);
  }

  /** What the node says of the view whose socket broke. */
  async function reason(): Promise<FailureBody> {
    if (view === null) return LOST;
    try {
      return (await call<View>("GET", path`/api/v1/views/${view}`)).failure ?? LOST;
    } catch (error) {
      return error instanceof ApiFailure && error.status !== 404 ? error.body : LOST;
    }
  }

  function broken(body: FailureBody): void {
    end();
    phase.value = "broken";
    failure.value = body;
    awaited.value = waitsForDevice(body.step);
    if (awaited.value) countdown = window.setInterval(() => void lookForDevice(), LOOK_MS);
    else if (worthTrying(body.step)) again.value = retry.next();
    if (again.value === null) return;
    countdown = window.setInterval(() => {
      if (again.value === null) return;
      again.value -= 1;
      if (again.value <= 0) void start();
    }, 1000);
  }

  async function lookForDevice(): Promise<void> {
    const mine = round;
    const channel = await call<Channel>("GET", path`/api/v1/channels/${peer}/${code}`).catch(() => null);
    if (mine === round && awaited.value && channel?.online) void start();
  }

  function stop(): void {
    round++;
    end();
  }

  return { phase, failure, picture, way, why, gauge, again, awaited, firstPictureMs, start, stop };
}
