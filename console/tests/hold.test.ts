import { describe, expect, it } from "vitest";
import { Hold } from "@/ptz/hold";

function recorder(fail = new Set<string>()) {
  const sent: string[] = [];
  const errors: unknown[] = [];
  const hold = new Hold(
    async (action) => {
      sent.push(action);
      await Promise.resolve();
      if (fail.has(action)) throw new Error(action);
    },
    (error) => errors.push(error),
  );
  return { hold, sent, errors };
}

describe("press and hold", () => {
  it("starts when pressed and stops when released, once", async () => {
    const { hold, sent } = recorder();
    hold.press("left");
    hold.press("left");
    await hold.settled();
    expect(sent).toEqual(["left"]);
    hold.release();
    hold.release();
    await hold.settled();
    expect(sent).toEqual(["left", "stop"]);
  });

  it("stops the lens by its own command", async () => {
    const { hold, sent } = recorder();
    hold.press("focus_near");
    await hold.settled();
    hold.release();
    await hold.settled();
    expect(sent).toEqual(["focus_near", "lens_stop"]);
  });

  it("sends nothing for a press that was over before it could be sent", async () => {
    const { hold, sent } = recorder();
    hold.press("up");
    hold.release();
    await hold.settled();
    expect(sent).toEqual([]);
  });

  it("stops even where the start failed, and says what failed", async () => {
    const { hold, sent, errors } = recorder(new Set(["up"]));
    hold.press("up");
    await hold.settled();
    hold.release();
    await hold.settled();
    expect(sent).toEqual(["up", "stop"]);
    expect(errors).toHaveLength(1);
  });

  it("stops one motion before the next, and before a preset", async () => {
    const { hold, sent } = recorder();
    hold.press("left");
    await hold.settled();
    hold.press("right");
    await hold.settled();
    hold.once(async () => sent.push("preset"));
    await hold.settled();
    expect(sent).toEqual(["left", "stop", "right", "stop", "preset"]);
    expect(hold.action).toBeNull();
  });
});
