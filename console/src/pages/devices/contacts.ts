/** The messages of a device in a person's words. */
import { say } from "@/i18n";

/** Methods and commands that have a word, `health.contact.<name>`. */
const KNOWN = new Set([
  "REGISTER", "Keepalive", "Catalog", "DeviceInfo", "DeviceStatus", "Alarm", "RecordInfo", "MobilePosition", "MediaStatus", "ConfigDownload", "PresetQuery",
  "INVITE", "BYE", "MESSAGE", "SUBSCRIBE", "NOTIFY", "INFO", "ACK", "OPTIONS",
]);
const ANSWER = /^(\d{3}) to (\S+)/;

/** `MESSAGE Keepalive` is a keepalive, `200 to INVITE` an answer to a call. */
export function contactWord(kind: string): string {
  const answer = ANSWER.exec(kind);
  if (answer) return say("health.contact.answer", { code: answer[1], what: wordOf(answer[2] ?? "") });
  const parts = kind.split(/\s+/);
  return wordOf(parts.reverse().find((part) => KNOWN.has(part)) ?? kind);
}

function wordOf(name: string): string {
  return KNOWN.has(name) ? say(`health.contact.${name}`) : name;
}
