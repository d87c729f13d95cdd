/** From a click to a picture and back to one after every break: the view at the node, its player, and the reason. */
import { ref, shallowRef, type Ref, type ShallowRef } from "vue";
import { call, path } from "@/api/client";
import { ApiFailure, localFailure, type FailureBody } from "@/api/failure";
import type { Channel, StartedView, View } from "@/api/types";
import { MsePlayer, type Described, type Gauge } from "./mse";
import { Retry, SETTLED_MS, waitsForDevice, worthTrying } from "./retry";

export type Phase = "calling" | "loading" | "playing" | "broken";

export interface Watching {
  phase: Ref<Phase>;
  failure: ShallowRef<FailureBody | null>;
  described: ShallowRef<Described | null>;
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

export function watching(peer: string, code: string, purpose: () => string, video: () => HTMLVideoElement): Watching {
  const phase = ref<Phase>("calling");
  const failure = shallowRef<FailureBody | null>(null);
  const described = shallowRef<Described | null>(null);
  const gauge = shallowRef<Gauge | null>(null);
  const again = ref<number | null>(null);
  const awaited = ref(false);
  const firstPictureMs = ref<number | null>(null);
  const retry = new Retry();
  let view: string | null = null;
  let player: MsePlayer | null = null;
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
    gauge.value = null;
    try {
      const body = { peer_id: peer, code, purpose: purpose() };
      const started = await call<StartedView>("POST", "/api/v1/views", { body });
      if (mine !== round) {
        void call("DELETE", path`/api/v1/views/${started.id}`, { keepalive: true }).catch(() => undefined);
        return;
      }
      view = started.id;
      play(started.ws_url, mine, asked);
    } catch (error) {
      if (mine === round) broken(error instanceof ApiFailure ? error.body : localFailure("", String(error), String(error)).body);
    }
  }

  function play(url: string, mine: number, asked: number): void {
    if (window.location.protocol === "https:" && url.startsWith("ws:")) return broken(INSECURE);
    phase.value = "loading";
    player = new MsePlayer(url, video(), {
      described: (what) => (described.value = what),
      playing: () => {
        phase.value = "playing";
        failure.value = null;
        firstPictureMs.value = Math.round(performance.now() - asked);
        settled = window.setTimeout(() => retry.settled(), SETTLED_MS);
      },
      gauge: (values) => (gauge.value = values),
      over: (why) => {
        player = null;
        if (mine !== round) return;
        if (why.unsupported !== undefined) broken(unplayable(why.unsupported));
        else void reason().then((body) => mine === round && broken(body));
      },
    });
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

  return { phase, failure, described, gauge, again, awaited, firstPictureMs, start, stop };
}
