/** The shapes of the API that the console uses (docs/api.md). Times are Unix seconds. */
import type { FailureBody } from "./failure";

export type Role = "viewer" | "operator" | "admin";
export type MediaTransport = "udp" | "tcp_passive" | "tcp_active";

export interface Page<T> {
  items: T[];
  total?: number;
  next: string | null;
}

export interface Session {
  token: string;
  expires_at: number;
  role: Role;
  username: string;
}

export interface NodeShown {
  id: string;
  name: string;
  domain: string;
  version: string;
  edition: string;
  sip: { host: string; port: number; transports: string[] };
  register_expires_seconds: number;
  keepalive_interval_seconds: number;
  keepalive_misses: number;
  device_transport: MediaTransport;
  session_idle_seconds: number;
}

export interface Channel {
  peer_id: string;
  code: string;
  name: string;
  kind: string;
  status: string;
  online: boolean;
  playable: boolean;
  region: string;
  parent_ids: string[];
  manufacturer: string | null;
  model: string | null;
  address: string | null;
  longitude: number | null;
  latitude: number | null;
  has_children?: boolean;
}

export interface PeerBranch {
  peer_id: string;
  name: string;
  kind: string;
  online: boolean;
  total: number;
}

export interface RegionBranch {
  code: string;
  name: string;
  total: number;
  direct: number;
  has_parts: boolean;
}

export interface View {
  id: string;
  actor: string;
  peer_id: string;
  code: string;
  created_at: number;
  expires_at: number;
  viewers: number;
  state: string;
  codec: string | null;
  width: number | null;
  height: number | null;
  failure: FailureBody | null;
}

export interface StartedView extends View {
  mp4_url: string;
  ws_url: string;
}

export interface TraceStep {
  at: number;
  what: string;
  [detail: string]: unknown;
}

export interface Trace {
  id: string;
  stream: string;
  call_ids: string[];
  steps: TraceStep[];
}

export interface Binding {
  transport: string;
  host: string;
  port: number;
  expires_at: number;
  registered_at: number;
  last_seen: number;
  gb_ver: string;
  user_agent: string;
}

export interface Device {
  id: string;
  name: string;
  kind: "device" | "platform" | "rtsp";
  has_password: boolean;
  allow_no_password: boolean;
  charset: string | null;
  edition: string | null;
  media_transport: MediaTransport | null;
  tolerances: string[];
  enabled: boolean;
  created_at: number;
  online: boolean;
  registration: Binding | null;
}

export interface SyncStatus {
  state: string;
  at?: number;
  received?: number;
  promised?: number | null;
  missing?: number | null;
  problem?: string | null;
}

export interface UplinkState {
  state: string;
  since?: number;
  problem?: string | null;
  hint?: string | null;
  hint_zh?: string | null;
  registered_until?: number;
  last_keepalive?: number;
  missed_keepalives?: number;
  peer_version?: string | null;
  steps?: string[];
}

export interface Upper {
  id: string;
  name: string;
  host: string;
  port: number;
  transport: "udp" | "tcp";
  domain: string;
  local_id: string;
  username: string;
  has_password: boolean;
  register_expires_seconds: number;
  keepalive_seconds: number;
  charset: string | null;
  edition: string | null;
  rule_id: string | null;
  source_addresses: string[];
  ssrc_policy: string;
  media_transport: MediaTransport | null;
  tolerances: string[];
  enabled: boolean;
  created_at: number;
  state: UplinkState;
}

export interface Rule {
  id: string;
  name: string;
  mode: "all" | "subtree" | "list";
  channels: string[];
  exclude: string[];
  published: Record<string, string>;
  actions: string[];
  created_at: number;
  used_by: string[];
}

export interface User {
  id: string;
  name: string;
  role: Role;
  enabled: boolean;
  locked_until: number;
  password_changed_at: number;
  created_at: number;
}

export interface LedgerRow {
  seq: number;
  at: number;
  hash: string;
  actor_kind: string;
  actor_id: string;
  action: string;
  result: string;
  peer_id: string;
  code: string;
  purpose: string;
  destination: string;
  clause: string;
  grant_id: string;
  bytes: number | null;
  seconds: number | null;
  detail: Record<string, unknown>;
}

export interface Verification {
  whole: boolean;
  entries: number | null;
  head: string | null;
  signed: number | null;
  first_bad: number | null;
  problem: string | null;
}
