import { onBeforeUnmount, onMounted, ref, shallowRef, watch } from "vue";
import { call, type Query } from "@/api/client";
import type { Page } from "@/api/types";
import { sentence } from "@/i18n/failure";

const PAGE = 100;

/** A list of records that grows page by page, is searched at the node, and looks again every few seconds. */
export function useRecords<T extends { id: string }>(route: string, everyMs = 5000) {
  const items = shallowRef<T[]>([]);
  const total = ref<number | null>(null);
  const next = ref<string | null>(null);
  const text = ref("");
  const loading = ref(false);
  const problem = ref("");
  let clock = 0;
  let typing = 0;
  let round = 0;

  async function fetchPages(least: number): Promise<void> {
    const mine = ++round;
    loading.value = true;
    try {
      const found: T[] = [];
      let after: string | null = null;
      do {
        const query: Query = { text: text.value.trim(), limit: PAGE, after };
        const page: Page<T> = await call<Page<T>>("GET", route, { query });
        if (mine !== round) return;
        found.push(...page.items);
        after = page.next;
        total.value = page.total ?? null;
      } while (after !== null && found.length < least);
      items.value = found;
      next.value = after;
      problem.value = "";
    } catch (error) {
      if (mine === round) problem.value = sentence(error);
    } finally {
      if (mine === round) loading.value = false;
    }
  }

  const reload = (): Promise<void> => fetchPages(Math.max(items.value.length, 1));
  const more = (): Promise<void> => fetchPages(items.value.length + PAGE);

  watch(text, () => {
    window.clearTimeout(typing);
    typing = window.setTimeout(() => void fetchPages(1), 250);
  });
  onMounted(() => {
    void reload();
    if (everyMs > 0) clock = window.setInterval(() => !document.hidden && !loading.value && void reload(), everyMs);
  });
  onBeforeUnmount(() => {
    round++;
    window.clearInterval(clock);
    window.clearTimeout(typing);
  });
  return { items, total, next, text, loading, problem, reload, more };
}
