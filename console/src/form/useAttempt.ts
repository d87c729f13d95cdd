import { ref } from "vue";
import { sentence } from "@/i18n/failure";

/** One thing a form does at the node: whether it is under way, and in words what the last one failed of. */
export function useAttempt() {
  const busy = ref(false);
  const problem = ref("");

  /** Do `work`; whether it succeeded. */
  async function attempt(work: () => Promise<unknown>): Promise<boolean> {
    busy.value = true;
    problem.value = "";
    try {
      await work();
      return true;
    } catch (error) {
      problem.value = sentence(error);
      return false;
    } finally {
      busy.value = false;
    }
  }

  return { busy, problem, attempt };
}
