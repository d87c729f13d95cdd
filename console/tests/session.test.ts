import { createPinia, setActivePinia } from "pinia";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { effectScope } from "vue";
import { call } from "@/api/client";
import { useAttempt } from "@/form/useAttempt";
import { useSession } from "@/session/store";

const unauthenticated = { error: "unauthenticated", step: "", message: "Log in first.", message_zh: "请先登录。", hint: "" };
const session = (username: string, role = "admin", token = "t1") => ({ username, role, token, expires_at: Date.now() / 1000 + 3600 });
const json = (status: number, body: unknown): Response => new Response(JSON.stringify(body), { status });
const reload = vi.fn();
let next: Response[];
const fetched = vi.fn(async (..._: unknown[]) => next.shift() ?? json(200, { name: "node" }));

describe("a session that ends", () => {
  beforeEach(async () => {
    const kept = new Map<string, string>();
    vi.stubGlobal("sessionStorage", {
      getItem: (name: string) => kept.get(name) ?? null,
      setItem: (name: string, value: string) => kept.set(name, value),
      removeItem: (name: string) => kept.delete(name),
    });
    vi.stubGlobal("window", { setTimeout: () => 1, clearTimeout: () => undefined, location: { reload } });
    vi.stubGlobal("fetch", fetched);
    reload.mockClear();
    setActivePinia(createPinia());
    next = [json(200, session("zhang"))];
    await useSession().logIn("zhang", "pw");
  });
  afterEach(() => vi.unstubAllGlobals());
  const refused = async (): Promise<boolean> => {
    next = [json(401, unauthenticated)];
    return call("GET", "/api/v1/devices").then(() => false, () => true);
  };

  it("leaves nothing of the page where no form is open", async () => {
    expect(await refused()).toBe(true);
    expect(useSession()).toMatchObject({ loggedIn: false, away: null, ended: "expired" });
  });

  it("leaves the page as it is where a form is open, and the same person goes on with it", async () => {
    const here = useSession();
    const close = here.openForm();
    await refused();
    expect(here).toMatchObject({ loggedIn: false, away: { username: "zhang" } });
    expect(here.may("admin")).toBe(true);
    expect(sessionStorage.getItem("gbgateway.session")).toBeNull();
    next = [json(200, session("zhang", "admin", "t2"))];
    await here.logIn("zhang", "pw");
    expect(here).toMatchObject({ loggedIn: true, away: null, ended: "" });
    expect(reload).not.toHaveBeenCalled();
    close();
    await refused();
    expect(here.away).toBeNull();
  });

  it.each([["li", "admin"], ["zhang", "viewer"]])("shows nothing of the form to %s as %s", async (username, role) => {
    const here = useSession();
    here.openForm();
    await refused();
    next = [json(200, session(username, role))];
    await here.logIn(username, "pw");
    expect(reload).toHaveBeenCalledOnce();
    expect(here.away).not.toBeNull();
  });

  it("is over for good when the form closes below the log-in", async () => {
    const here = useSession();
    const close = here.openForm();
    await refused();
    close();
    expect(here).toMatchObject({ loggedIn: false, away: null });
  });

  it("is not ended by a late answer to the token before", async () => {
    const here = useSession();
    let answer = (_: Response): void => undefined;
    fetched.mockImplementationOnce(() => new Promise<Response>((done) => (answer = done)));
    const late = call("GET", "/api/v1/devices").catch(() => undefined);
    next = [json(200, session("zhang", "admin", "t2"))];
    await here.logIn("zhang", "pw");
    answer(json(401, unauthenticated));
    await late;
    expect(here.loggedIn).toBe(true);
  });

  it("is no fault of the form that was being saved", async () => {
    const { attempt, problem } = effectScope().run(() => useAttempt()) as ReturnType<typeof useAttempt>;
    next = [json(401, unauthenticated)];
    expect(await attempt(() => call("POST", "/api/v1/devices", { body: {} }))).toBe(false);
    expect(problem.value).toBe("");
  });
});
