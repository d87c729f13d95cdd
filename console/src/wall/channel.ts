import { onBeforeUnmount, ref, watch, type Ref } from "vue";
import { call, path } from "@/api/client";
import type { Channel } from "@/api/types";
import { keyOf, type Camera } from "./store";

const EVERY_MS = 10_000;

/** What the node knows of the camera chosen, asked again every ten seconds; null until it has answered. */
export function useChannel(camera: () => Camera | null): Ref<Channel | null> {
  const channel = ref<Channel | null>(null);

  async function ask(): Promise<void> {
    const asked = camera();
    if (asked === null) return;
    const found = await call<Channel>("GET", path`/api/v1/channels/${asked.peer_id}/${asked.code}`).catch(() => null);
    const now = camera();
    if (found !== null && now !== null && keyOf(now) === keyOf(asked)) channel.value = found;
  }
  watch(
    () => keyOf(camera() ?? { peer_id: "", code: "", name: "" }),
    () => {
      channel.value = null;
      void ask();
    },
    { immediate: true },
  );
  const clock = window.setInterval(() => !document.hidden && void ask(), EVERY_MS);
  onBeforeUnmount(() => window.clearInterval(clock));
  return channel;
}
