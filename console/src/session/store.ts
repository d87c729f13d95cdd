import { defineStore } from "pinia";
import { computed, ref } from "vue";
import { call, setCaller } from "@/api/client";
import type { NodeShown, Role, Session } from "@/api/types";

const KEPT = "gbgateway.session";
const ORDER: Role[] = ["viewer", "operator", "admin"];

/** Whether a role may do what needs another. */
export function atLeast(role: Role | undefined, needed: Role): boolean {
  return role !== undefined && ORDER.indexOf(role) >= ORDER.indexOf(needed);
}

function kept(): Session | null {
  try {
    const found = JSON.parse(sessionStorage.getItem(KEPT) ?? "null") as Session | null;
    return found && found.expires_at * 1000 > Date.now() ? found : null;
  } catch {
    return null;
  }
}

/** Who is logged in. The token lives here and in the tab's sessionStorage, nowhere else. */
export const useSession = defineStore("session", () => {
  const session = ref<Session | null>(kept());
  const node = ref<NodeShown | null>(null);
  const setupNeeded = ref<boolean | null>(null);
  const ended = ref<"" | "expired" | "logout">("");
  let clock = 0;

  /** Whose session ended while a form was open: the page stays below the log-in, for the form's sake. */
  const away = ref<Session | null>(null);
  let forms = 0;

  const loggedIn = computed(() => session.value !== null);

  function keep(next: Session | null): void {
    session.value = next;
    window.clearTimeout(clock);
    if (next === null) {
      sessionStorage.removeItem(KEPT);
      return;
    }
    sessionStorage.setItem(KEPT, JSON.stringify(next));
    const left = next.expires_at * 1000 - Date.now();
    clock = window.setTimeout(expire, Math.min(Math.max(left, 0), 2 ** 31 - 1));
  }

  /** The node does not know the token any more, or its time is over. */
  function expire(): void {
    if (session.value === null) return;
    ended.value = "expired";
    if (forms > 0) away.value = session.value;
    keep(null);
  }

  /** A form is open from now on; what closes it. */
  function openForm(): () => void {
    forms++;
    return () => {
      if (--forms === 0) away.value = null;
    };
  }

  async function askSetup(): Promise<boolean> {
    if (setupNeeded.value !== false) {
      setupNeeded.value = (await call<{ needed: boolean }>("GET", "/api/v1/setup")).needed;
    }
    return setupNeeded.value;
  }

  async function setUp(code: string, username: string, password: string): Promise<void> {
    await call("POST", "/api/v1/setup", { body: { code, username, password } });
    setupNeeded.value = false;
    await logIn(username, password);
  }

  async function logIn(username: string, password: string): Promise<void> {
    keep(await call<Session>("POST", "/api/v1/login", { body: { username, password } }));
    ended.value = "";
    const before = away.value;
    if (before !== null && (before.username !== session.value?.username || before.role !== session.value.role)) {
      window.location.reload();
      return;
    }
    away.value = null;
    await askNode();
  }

  async function askNode(): Promise<void> {
    if (node.value === null) node.value = await call<NodeShown>("GET", "/api/v1/node");
  }

  async function logOut(): Promise<void> {
    const leaving = call("POST", "/api/v1/logout").catch(() => undefined);
    ended.value = "logout";
    await leaving;
    keep(null);
  }

  const may = (needed: Role): boolean => atLeast((session.value ?? away.value)?.role, needed);

  if (session.value) keep(session.value);
  setCaller({ token: () => session.value?.token ?? "", unauthenticated: expire });
  return { session, node, setupNeeded, ended, away, loggedIn, may, openForm, askSetup, setUp, logIn, askNode, logOut, expire };
});
