import { onBeforeUnmount, watch } from "vue";
import { useSession } from "./store";

/**
 * What is typed into a form outlives the session: the page stays below the log-in for as long as the form is open.
 * `forget` empties what must not be left behind, passwords.
 */
export function useDraft(forget: () => void = () => undefined): void {
  const session = useSession();
  const close = session.openForm();
  watch(
    () => session.away,
    (away) => away !== null && forget(),
  );
  onBeforeUnmount(close);
}
