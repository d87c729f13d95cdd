import { defineStore } from "pinia";
import { computed, ref } from "vue";
import type { Channel } from "@/api/types";

export type Layout = 1 | 4 | 9;

export interface Camera {
  peer_id: string;
  code: string;
  name: string;
}

export const keyOf = (camera: Camera): string => `${camera.peer_id}/${camera.code}`;

/** What is on the wall. The pictures themselves run only while the page is open. */
export const useWall = defineStore("wall", () => {
  const layout = ref<Layout>(1);
  const cells = ref<(Camera | null)[]>([null]);
  const chosen = ref(0);
  const purpose = ref(sessionStorage.getItem("gbgateway.purpose") ?? "");

  const selected = computed(() => cells.value[chosen.value] ?? null);
  const playing = computed(() => new Set(cells.value.filter((cell) => cell !== null).map(keyOf)));

  function setLayout(next: Layout): void {
    const kept = cells.value.filter((cell) => cell !== null);
    const front = selected.value;
    const shown = next < kept.length && front ? [front, ...kept.filter((cell) => cell !== front)] : [...cells.value];
    const list = next >= cells.value.length ? [...cells.value] : next < kept.length ? shown : kept;
    layout.value = next;
    cells.value = Array.from({ length: next }, (_, at) => list[at] ?? null);
    chosen.value = Math.max(0, cells.value.indexOf(front));
  }

  /** A camera takes the chosen cell; where it is on the wall already, that cell is chosen. */
  function show(channel: Channel): void {
    const camera = { peer_id: channel.peer_id, code: channel.code, name: channel.name || channel.code };
    const there = cells.value.findIndex((cell) => cell !== null && keyOf(cell) === keyOf(camera));
    if (there >= 0) {
      chosen.value = there;
      return;
    }
    const empty = cells.value.indexOf(null);
    const at = selected.value !== null && empty >= 0 ? empty : chosen.value;
    cells.value[at] = camera;
    chosen.value = at;
  }

  function close(at: number): void {
    cells.value[at] = null;
  }

  function setPurpose(text: string): void {
    purpose.value = text;
    sessionStorage.setItem("gbgateway.purpose", text);
  }

  return { layout, cells, chosen, purpose, selected, playing, setLayout, show, close, setPurpose };
});
