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
  /** Why it cannot be turned; "" where it can or nobody knows. Where one channel is shown. */
  no_ptz?: "" | "no_commands" | "fixed";
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
  whep_url: string | null;
}

/** `what_zh` is there for milestones; a detail in words has its Chinese ones beside it, with `_zh` after its name. */
export interface TraceStep {
  at: number;
  what: string;
  what_zh?: string;
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

export type DeviceKind = "device" | "platform" | "rtsp" | "onvif";
export type DeviceState = "online" | "offline" | "unstable";

/** What is known of a camera that does not register: whether it answers, and why not. */
export interface Source {
  state: "online" | "offline" | "unknown";
  step: string;
  message: string;
  message_zh: string;
  hint: string;
  checked_at: number | null;
  video_codec: string | null;
  audio_codec: string | null;
  /** What an ONVIF camera says of itself, and what to look at though it works. */
  manufacturer?: string | null;
  model?: string | null;
  firmware?: string | null;
  serial?: string | null;
  clock_offset_s?: number | null;
  warning?: string;
  warning_zh?: string;
}

export interface Device {
  id: string;
  name: string;
  kind: DeviceKind;
  has_password: boolean;
  allow_no_password: boolean;
  charset: string | null;
  edition: string | null;
  media_transport: MediaTransport | null;
  tolerances: string[];
  zone: string | null;
  enabled: boolean;
  created_at: number;
  url: string;
  username: string;
  channel_id: string;
  rtsp_transport: "tcp" | "udp";
  always_on: boolean;
  /** Token of the profile of an ONVIF camera; "" is the best it has. */
  profile?: string;
  max_sessions: number | null;
  online: boolean;
  state: DeviceState;
  last_contact: number | null;
  offline_reason: string | null;
  offline_reason_zh: string | null;
  registration: Binding | null;
  /** How it is asked for its media; `message` says why otherwise than configured. */
  media?: { transport: MediaTransport; behind_nat: boolean; message: string; message_zh: string } | null;
  source: Source | null;
}

/** A network zone; `sip_told` is what its peers are told to reach this node at, "" the address towards each. */
export interface Zone {
  name: string;
  networks: string[];
  sip_told: string;
  sip_port: number;
}

export interface DeviceHealth {
  id: string;
  state: DeviceState;
  since: number | null;
  last_contact: number | null;
  offline_reason: string | null;
  offline_reason_zh: string | null;
  keepalive: { configured_seconds: number; learned_seconds: number | null; samples: number; misses: number; offline_after_seconds: number };
  flaps: { count: number; allowed: number; window_seconds: number; settles_at: number | null };
  sessions: { running: number; limit: number | null; limit_by: "manual" | "learned" | null; learned_at: number | null; expires_at: number | null };
  clock: { offset_seconds: number | null; far_off: boolean };
  contacts: { at: number; kind: string; source: string; transport: string }[];
  offline: { at: number; reason: string; message: string; message_zh: string }[];
}

/** A camera that answered a search of the network; `device_id` names the device it was added as. */
export interface OnvifFound {
  address: string;
  url: string;
  name: string;
  hardware: string;
  location: string;
  device_id: string | null;
}

export interface OnvifProfile {
  token: string;
  name: string;
  codec: string;
  width: number;
  height: number;
  fps: number | null;
}

/** What an ONVIF camera says of itself. */
export interface OnvifProbe {
  manufacturer: string;
  model: string;
  firmware: string;
  serial: string;
  clock_offset_s: number | null;
  sources: { token: string; name: string; profiles: OnvifProfile[]; chosen?: string | null; ptz: boolean }[];
  snapshot: boolean;
  events: boolean;
}

export interface SyncStatus {
  state: string;
  at?: number;
  received?: number;
  promised?: number | null;
  missing?: number | null;
  problem?: string | null;
  problem_zh?: string | null;
}

export interface UplinkState {
  state: string;
  since?: number;
  problem?: string | null;
  problem_zh?: string | null;
  hint?: string | null;
  hint_zh?: string | null;
  registered_until?: number;
  last_keepalive?: number;
  missed_keepalives?: number;
  peer_version?: string | null;
  steps?: { at: number; message: string; message_zh: string; failed: boolean }[];
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
  zone: string | null;
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
