import type { TraceStep } from "@/api/types";

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

export function rungs(steps: TraceStep[]): Rung[] {
  const start = steps[0]?.at ?? 0;
  return steps.map((step) => {
    const found = DIRECTION.exec(step.what);
    const text = found?.[2] ?? step.what;
    const kind = found ? (found[1] === ">" ? "sent" : "received") : "milestone";
    const details = Object.entries(step)
      .filter(([name, value]) => !HIDDEN.has(name) && value !== null && value !== "")
      .map(([name, value]) => `${name}=${typeof value === "object" ? JSON.stringify(value) : String(value)}`)
      .join("  ");
    const challenged = /^SIP\/2\.0 (401|407)/.test(text);
    const peer = typeof step.peer === "string" ? step.peer : "";
    return { at: step.at, after: step.at - start, kind, text, peer, details, bad: BAD.test(text) && !challenged };
  });
}
