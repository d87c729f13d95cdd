/** How a device stands, for whoever looks at the list: a light, a word, and the reason. */
import type { FailureBody } from "@/api/failure";
import type { Device, DeviceState } from "@/api/types";
import { told } from "@/i18n/failure";

export interface Standing {
  light: "on" | "warn" | "bad" | "";
  /** Key of the word. */
  word: string;
}

const STANDINGS: Record<DeviceState, Standing> = {
  online: { light: "on", word: "common.online" },
  unstable: { light: "warn", word: "devices.unstable" },
  offline: { light: "bad", word: "common.offline" },
};

export function standingOf(device: Pick<Device, "enabled" | "state" | "source" | "registration" | "last_contact">): Standing {
  if (!device.enabled) return { light: "", word: "common.disabled" };
  if (device.source?.state === "unknown") return { light: "", word: "devices.unasked" };
  if (device.source) return STANDINGS[device.source.state === "online" ? "online" : "offline"];
  if (device.state === "offline" && device.last_contact === null && device.registration === null) return { light: "", word: "devices.neverSeen" };
  return STANDINGS[device.state];
}

export interface Reason {
  text: string;
  hint: string;
}

/** Why it is not on line, in the language; null when there is nothing to say. */
export function reasonOf(device: Pick<Device, "state" | "source" | "offline_reason" | "offline_reason_zh">, language: string): Reason | null {
  const { source } = device;
  if (source) {
    if (source.state !== "offline" || !source.step) return null;
    const body: FailureBody = { error: "failure", ...source };
    const { title, message, hint } = told(body, language);
    return { text: [title, message].filter(Boolean).join(language === "zh" ? "：" : ": "), hint };
  }
  if (device.state === "online") return null;
  const text = (language === "zh" ? device.offline_reason_zh : device.offline_reason) ?? "";
  return text ? { text, hint: "" } : null;
}

/** What to look at though a camera works; "" when there is nothing. */
export function warningOf(device: Pick<Device, "source">, language: string): string {
  return (language === "zh" ? device.source?.warning_zh : device.source?.warning) ?? "";
}
