import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { ApiFailure } from "@/api/failure";
import { en } from "@/i18n/en";
import { bothWords, fieldWords, told } from "@/i18n/failure";
import { stepsEn, stepsZh } from "@/i18n/steps";
import { zh } from "@/i18n/zh";
import { HINDRANCES } from "@/player/way";

const SRC = fileURLToPath(new URL("../src", import.meta.url));

function keys(value: object, before = ""): string[] {
  return Object.entries(value).flatMap(([name, one]) =>
    typeof one === "string" ? [before + name] : keys(one as object, `${before}${name}.`),
  );
}
function text(value: object, key: string): string {
  return key.split(".").reduce<unknown>((found, name) => (found as Record<string, unknown>)[name], value) as string;
}
function sources(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? sources(join(folder, entry.name)) : [join(folder, entry.name)],
  );
}
const slots = (sentence: string): string[] => (sentence.match(/\{\w+\}/g) ?? []).sort();

describe("the two languages", () => {
  it("have the same texts, with the same values in them", () => {
    expect(keys(en).sort()).toEqual(keys(zh).sort());
    for (const key of keys(zh)) expect(slots(text(en, key)), key).toEqual(slots(text(zh, key)));
  });

  it("are told apart: no Chinese in English, none left in English", () => {
    for (const key of keys(en).filter((one) => one !== "shell.language")) expect(text(en, key), key).not.toMatch(/[一-鿿]/);
    const same = keys(zh).filter((key) => text(zh, key) === text(en, key));
    expect(same).toEqual(["transport.udp", "live.way.webrtc", "live.way.mse"]);
  });

  it("have every text the pages ask for by name", () => {
    const known = new Set(keys(zh));
    const asked = sources(SRC)
      .filter((place) => /\.(vue|ts)$/.test(place))
      .flatMap((place) => [...readFileSync(place, "utf8").matchAll(/\b(?:\$?t|say)\(\s*["']([\w.]+)["']/g)].map((found) => found[1] as string));
    expect(asked.length).toBeGreaterThan(100);
    expect(asked.filter((key) => !known.has(key))).toEqual([]);
  });
});

describe("a failure in words", () => {
  const page = readFileSync(fileURLToPath(new URL("../../docs/failures.md", import.meta.url)), "utf8");
  const steps = [...page.matchAll(/^\| `(\w+)` \|/gm)].map((found) => found[1] as string);

  it("has a title for every step the node can name, in both languages", () => {
    expect(steps.length).toBeGreaterThan(20);
    expect(Object.keys(stepsZh).sort()).toEqual([...steps].sort());
    expect(Object.keys(stepsEn).sort()).toEqual([...steps].sort());
  });

  it("takes the sentence of the language, and the console's own hint", () => {
    const body = { error: "failure", step: "no_packet", message: "Nothing came.", message_zh: "没有收到。", hint: "Look." };
    expect(told(body, "zh")).toMatchObject({ title: "无媒体包", message: "没有收到。" });
    expect(told(body, "en")).toMatchObject({ title: "No media packet", message: "Nothing came." });
    expect(told(body, "zh").hint).toMatch(/媒体/);
  });

  it("has every reason against WebRTC in both languages", () => {
    for (const name of HINDRANCES) {
      const words = bothWords(`live.hindrance.${name}`);
      expect(words.zh, name).toMatch(/[一-鿿]/);
      expect(words.en, name).toMatch(/^[A-Z].*\.$/);
    }
  });

  it("does not say the same twice", () => {
    const body = { error: "failure", step: "device_offline", message: "The device is offline.", message_zh: "设备离线。", hint: "" };
    expect(told(body, "zh").message).toBe("");
  });

  it("says what is wrong with each field of a form, and that a code is taken", () => {
    const fields = [{ field: "port", problem: "too big", problem_zh: "不能大于 65535" }, { field: "sources.0", problem: "no address" }];
    const refused = new ApiFailure(400, { error: "invalid", step: "", message: "port: too big", message_zh: "", hint: "", fields });
    expect(fieldWords(refused)).toEqual({ port: "不能大于 65535", sources: "no address" });
    const taken = new ApiFailure(409, { error: "already_exists", step: "", message: "there", message_zh: "", hint: "" });
    expect(fieldWords(taken)).toEqual({ id: "此编码已被使用" });
    expect(fieldWords(new Error("else"))).toEqual({});
  });
});
