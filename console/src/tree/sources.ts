import { call } from "@/api/client";
import type { Channel, PeerBranch, RegionBranch } from "@/api/types";
import type { Page, Source } from "./outline";

/** What one line of the catalogue shows. `children` is there where it can be opened. */
export interface Entry {
  key: string;
  label: string;
  code: string;
  kind: string;
  online: boolean | null;
  total: number | null;
  channel: Channel | null;
  children: Source<Entry> | null;
}

export type Arrangement = "peers" | "regions" | "groups";

const BASE = "/api/v1/tree";

export function rootOf(arrangement: Arrangement): Source<Entry> {
  if (arrangement === "peers") return peers;
  if (arrangement === "groups") return groups;
  return regionsIn("", 0);
}

export function channelEntry(channel: Channel): Entry {
  return {
    key: `${channel.peer_id}/${channel.code}`,
    label: channel.name || channel.code,
    code: channel.code,
    kind: channel.kind,
    online: channel.kind === "region" ? null : channel.online,
    total: null,
    channel,
    children: channel.has_children ? childrenOf(channel.peer_id, channel.code) : null,
  };
}

const peers: Source<Entry> = async (offset, limit) => {
  const page = await call<Page<PeerBranch>>("GET", `${BASE}/peers`, { query: { offset, limit } });
  const items = page.items.map((peer) => ({
    key: peer.peer_id,
    label: peer.name || peer.peer_id,
    code: peer.peer_id,
    kind: peer.kind,
    online: peer.online,
    total: peer.total,
    channel: null,
    children: peer.total ? childrenOf(peer.peer_id, "") : null,
  }));
  return { items, total: page.total };
};

const groups: Source<Entry> = async (offset, limit) => {
  const page = await call<Page<Channel>>("GET", `${BASE}/groups`);
  return { items: page.items.slice(offset, offset + limit).map(channelEntry), total: page.total };
};

function childrenOf(peer_id: string, parent: string): Source<Entry> {
  return async (offset, limit) => {
    const page = await call<Page<Channel>>("GET", `${BASE}/children`, { query: { peer_id, parent, offset, limit } });
    return { items: page.items.map(channelEntry), total: page.total };
  };
}

/** First the parts of a division, then what is filed under itself. */
function regionsIn(parent: string, direct: number): Source<Entry> {
  return async (offset, limit) => {
    const parts = (await call<{ items: RegionBranch[] }>("GET", `${BASE}/regions`, { query: { parent } })).items;
    const items = parts.slice(offset, offset + limit).map(regionEntry);
    const left = limit - items.length;
    if (left > 0 && direct > 0) {
      const query = { code: parent, offset: Math.max(0, offset - parts.length), limit: left };
      const page = await call<{ items: Channel[] }>("GET", `${BASE}/region`, { query });
      items.push(...page.items.map((channel) => ({ ...channelEntry(channel), children: null })));
    }
    return { items, total: parts.length + direct };
  };
}

function regionEntry(region: RegionBranch): Entry {
  const code = region.code;
  return {
    key: `region ${code}`,
    label: region.name || code,
    code,
    kind: "region",
    online: null,
    total: region.total,
    channel: null,
    children: region.has_parts ? regionsIn(code, region.direct) : filedUnder(code, region.direct),
  };
}

function filedUnder(code: string, direct: number): Source<Entry> {
  return async (offset, limit) => {
    const page = await call<{ items: Channel[] }>("GET", `${BASE}/region`, { query: { code, offset, limit } });
    return { items: page.items.map((channel) => ({ ...channelEntry(channel), children: null })), total: direct };
  };
}

/** A page of a search, by the cursor of the one before. */
export async function searched(text: string, after: string | null, signal: AbortSignal) {
  const query = { text, after, limit: 100 };
  const page = await call<{ items: Channel[]; next: string | null }>("GET", "/api/v1/channels", { query, signal });
  return { items: page.items.map((channel) => ({ ...channelEntry(channel), children: null })), next: page.next };
}
