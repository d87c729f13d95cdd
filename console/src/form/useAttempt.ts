import { computed, ref, shallowRef } from "vue";
import { isSessionOver } from "@/api/failure";
import { fieldWords, sentence } from "@/i18n/failure";

/**
 * One thing a form does at the node: whether it is under way, and in words what the last one failed of. What is wrong
 * with a field of `beside` is said in `fields`, for the form shows it there; everything else in `problem`.
 */
export function useAttempt(beside: readonly string[] = []) {
  const busy = ref(false);
  const failed = shallowRef<unknown>(null);
  const fields = computed(() => (failed.value === null ? {} : fieldWords(failed.value)));
  const problem = computed(() => {
    const named = Object.keys(fields.value);
    const shown = named.length > 0 && named.every((name) => beside.includes(name));
    return failed.value === null || shown ? "" : sentence(failed.value);
  });

  /** Do `work`; whether it succeeded. */
  async function attempt(work: () => Promise<unknown>): Promise<boolean> {
    busy.value = true;
    failed.value = null;
    try {
      await work();
      return true;
    } catch (error) {
      failed.value = isSessionOver(error) ? null : error;
      return false;
    } finally {
      busy.value = false;
    }
  }

  return { busy, failed, fields, problem, attempt };
}
