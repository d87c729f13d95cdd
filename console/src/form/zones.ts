import { call } from "@/api/client";
import type { Zone } from "@/api/types";

/** The network zones of the node; none where it cannot be asked. */
export async function zonesOfNode(): Promise<Zone[]> {
  return (await call<{ items: Zone[] }>("GET", "/api/v1/zones").catch(() => ({ items: [] }))).items;
}

/** The zone of a device; one without a zone of its own is taken for the default zone's until its address is known. */
export function zoneNamed(zones: readonly Zone[], name: string | null): Zone | undefined {
  return zones.find((zone) => zone.name === (name ?? "default"));
}
