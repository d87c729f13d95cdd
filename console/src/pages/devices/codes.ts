/** Codes (编码) for cameras that have none of their own: the first pair that is free below the node's domain. */
import { call } from "@/api/client";
import type { Channel, Device, Page } from "@/api/types";

/** Digits 11-13: a camera on the network as a device (132), what it films as its channel (131). */
const DEVICE_TYPE = "132";
const CHANNEL_TYPE = "131";
const MOST_PAGES = 20;
const MOST_ASKED = 20;

export interface Codes {
  device: string;
  channel: string;
}

/** Ten digits of the domain, three of the type, one of the network, six that count. */
export function codeOf(domain: string, type: string, serial: number): string {
  return `${domain}${type}0${String(serial).padStart(6, "0")}`;
}

/** Pairs of codes in order, without those whose device code is taken. */
export function* pairs(domain: string, taken: ReadonlySet<string>): Generator<Codes> {
  for (let serial = 1; serial < 1_000_000; serial++) {
    const device = codeOf(domain, DEVICE_TYPE, serial);
    if (!taken.has(device)) yield { device, channel: codeOf(domain, CHANNEL_TYPE, serial) };
  }
}

/** The first pair neither half of which is in use; null where none is found soon. */
export async function freeCodes(domain: string): Promise<Codes | null> {
  const taken = await devicesBelow(`${domain}${DEVICE_TYPE}`);
  let asked = 0;
  for (const pair of pairs(domain, taken)) {
    if (++asked > MOST_ASKED) return null;
    const query = { text: pair.channel, limit: 1 };
    const found = await call<Page<Channel>>("GET", "/api/v1/channels", { query });
    if (!found.items.length) return pair;
  }
  return null;
}

async function devicesBelow(text: string): Promise<Set<string>> {
  const found = new Set<string>();
  let after: string | null = null;
  for (let page = 0; page < MOST_PAGES; page++) {
    const some: Page<Device> = await call<Page<Device>>("GET", "/api/v1/devices", { query: { text, limit: 1000, after } });
    for (const device of some.items) found.add(device.id);
    after = some.next;
    if (after === null) break;
  }
  return found;
}
