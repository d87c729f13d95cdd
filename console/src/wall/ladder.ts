import type { TraceStep } from "@/api/types";
import type { Language } from "@/i18n";
import { stepsEn, stepsZh } from "@/i18n/steps";

/** One rung of a call: a SIP message with its direction, or a milestone of our own. */
export interface Rung {
  at: number;
  /** Seconds after the first rung. */
  after: number;
  kind: "sent" | "received" | "milestone";
  text: string;
  peer: string;
  details: string;
  bad: boolean;
}

/** ">" sent, "<" received. */
const DIRECTION = /^([<>])\s+(.*)$/;
const BAD = /^(SIP\/2\.0 [4-6]\d\d)|\b(lost|failed|no picture|no answer|refused)\b/i;
const HIDDEN = new Set(["at", "what", "peer"]);

/** The details of a step in one language; a failed step by its title. */
function detailsOf(step: TraceStep, language: Language): string {
  const inWords = (name: string, value: unknown): unknown => {
    if (name === "step") return (language === "zh" ? stepsZh : stepsEn)[String(value)]?.title ?? value;
    return (language === "zh" && step[`${name}_zh`]) || value;
  };
  return Object.entries(step)
    .filter(([name, value]) => !HIDDEN.has(name) && !name.endsWith("_zh") && value !== null && value !== "")
    .map(([name, value]) => [name, inWords(name, value)] as const)
    .map(([name, value]) => `${name}=${typeof value === "object" ? JSON.stringify(value) : String(value)}`)
    .join("  ");
}

/** Milestones are in the words of the language, messages as they were on the wire. */
export function rungs(steps: TraceStep[], language: Language): Rung[] {
  const start = steps[0]?.at ?? 0;
  return steps.map((step) => {
    const found = DIRECTION.exec(step.what);
    const text = found?.[2] ?? ((language === "zh" && step.what_zh) || step.what);
    const kind = found ? (found[1] === ">" ? "sent" : "received") : "milestone";
    const details = detailsOf(step, language);
    const challenged = /^SIP\/2\.0 (401|407)/.test(text);
    const peer = typeof step.peer === "string" ? step.peer : "";
    const bad = BAD.test(found?.[2] ?? step.what) && !challenged;
    return { at: step.at, after: step.at - start, kind, text, peer, details, bad };
  });
}
