/** Only a page of the console itself is gone back to after logging in. */
export function backTo(next: unknown): string {
  return typeof next === "string" && /^\/[a-z]/.test(next) ? next : "/watch";
}
