/** The fields of a form that differ from what they were: what a PATCH sends. */
export function changed<T extends object>(before: T, after: T): Partial<T> {
  const found = Object.entries(after).filter(
    ([name, value]) => JSON.stringify(value) !== JSON.stringify((before as Record<string, unknown>)[name]),
  );
  return Object.fromEntries(found) as Partial<T>;
}

/** Lines or words of a text field, empty ones left out. */
export function listed(text: string): string[] {
  return text.split(/[\s,，;；]+/).filter((part) => part !== "");
}

export const CODE = /^[0-9]{20}$/;
export const TRANSPORTS = ["tcp_passive", "tcp_active", "udp"] as const;
export const CHARSETS = ["GB18030", "GB2312", "UTF-8"] as const;
export const EDITIONS = [
  { value: "2016", label: "GB/T 28181-2016" },
  { value: "2022", label: "GB/T 28181-2022" },
] as const;
