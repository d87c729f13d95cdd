/** The kinds of devices and what a form sends of each. */
import type { Device, DeviceKind } from "@/api/types";

export const KINDS: readonly DeviceKind[] = ["device", "platform", "rtsp", "onvif"];

/** Whether it registers here by GB/T 28181; the others are cameras this node goes to. */
export const registers = (kind: DeviceKind): boolean => kind === "device" || kind === "platform";

/** A device can become another kind only among those that register. */
export function kindsFor(device: Device | null): readonly DeviceKind[] {
  if (device === null) return KINDS;
  return registers(device.kind) ? KINDS.filter(registers) : [device.kind];
}

export interface DeviceForm {
  name: string;
  kind: DeviceKind;
  zone: string | null;
  enabled: boolean;
  max_sessions: number | null;
  allow_no_password: boolean;
  charset: string | null;
  edition: string | null;
  media_transport: Device["media_transport"];
  tolerances: string[];
  url: string;
  username: string;
  channel_id: string;
  rtsp_transport: Device["rtsp_transport"];
  always_on: boolean;
  profile: string;
}

export function formOf(device: Device | null): DeviceForm {
  return {
    name: device?.name ?? "",
    kind: device?.kind ?? "device",
    zone: device?.zone ?? null,
    enabled: device?.enabled ?? true,
    max_sessions: device?.max_sessions ?? null,
    allow_no_password: device?.allow_no_password ?? false,
    charset: device?.charset ?? null,
    edition: device?.edition ?? null,
    media_transport: device?.media_transport ?? null,
    tolerances: [...(device?.tolerances ?? [])],
    url: device?.url ?? "",
    username: device?.username ?? "",
    channel_id: device?.channel_id ?? "",
    rtsp_transport: device?.rtsp_transport ?? "tcp",
    always_on: device?.always_on ?? false,
    profile: device?.profile ?? "",
  };
}

const EVERY = ["name", "kind", "zone", "enabled", "max_sessions"] as const;
const REGISTERING = ["allow_no_password", "charset", "edition", "media_transport", "tolerances"] as const;
/** Quirks that can be allowed for a kind. */
export const TOLERANCES: Record<DeviceKind, readonly string[]> = {
  device: ["media_source_any", "ssrc_any"],
  platform: ["media_source_any", "ssrc_any"],
  rtsp: [],
  onvif: ["onvif_other_hosts", "onvif_any_certificate"],
};

const CAMERA = ["url", "username", "channel_id", "rtsp_transport", "always_on"] as const;

/** What of a form belongs to its kind. */
export function sent(form: DeviceForm): Partial<DeviceForm> {
  const own: readonly (keyof DeviceForm)[] = registers(form.kind) ? REGISTERING : form.kind === "onvif" ? [...CAMERA, "profile", "tolerances"] : CAMERA;
  return Object.fromEntries([...EVERY, ...own].map((name) => [name, form[name]]));
}
