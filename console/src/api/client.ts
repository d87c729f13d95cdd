import { ApiFailure, isFailureBody, isSessionOver, localFailure } from "./failure";

export type Query = Record<string, string | number | boolean | null | undefined>;

/** Who asks: the token to send, and what to do when the node does not know it any more. */
export interface Caller {
  token(): string;
  unauthenticated(): void;
}

let caller: Caller = { token: () => "", unauthenticated: () => undefined };

export function setCaller(next: Caller): void {
  caller = next;
}

export interface Options {
  query?: Query;
  body?: unknown;
  signal?: AbortSignal;
  keepalive?: boolean;
}

/** One request of the API; its JSON, or `undefined` for 204. Throws ApiFailure, nothing else. */
export async function call<T>(method: string, path: string, options: Options = {}): Promise<T> {
  const token = caller.token();
  const response = await send(method, path, options, token);
  if (response.status === 204) return undefined as T;
  const body: unknown = await response.json().catch(() => undefined);
  if (response.ok) return body as T;
  throw refused(response, body, token);
}

/** One file of the API. */
export async function download(path: string): Promise<Blob> {
  const token = caller.token();
  const response = await send("GET", path, {}, token);
  if (response.ok) return response.blob();
  throw refused(response, await response.json().catch(() => undefined), token);
}

async function send(method: string, path: string, options: Options, token: string): Promise<Response> {
  const headers: Record<string, string> = { Accept: "application/json" };
  if (token) headers.Authorization = `Bearer ${token}`;
  if (options.body !== undefined) headers["Content-Type"] = "application/json";
  try {
    return await fetch(path + queryText(options.query), {
      method,
      headers,
      body: options.body === undefined ? null : JSON.stringify(options.body),
      signal: options.signal ?? null,
      keepalive: options.keepalive ?? false,
      cache: "no-store",
      credentials: "omit",
    });
  } catch (error) {
    if (options.signal?.aborted) throw localFailure("aborted", "Cancelled.", "已取消。");
    void error;
    throw localFailure("unreachable", "The node cannot be reached.", "无法连接到本平台。");
  }
}

/** Whoever logged in meanwhile is not put out by the answer to an older token. */
function refused(response: Response, body: unknown, token: string): ApiFailure {
  const failure = isFailureBody(body)
    ? new ApiFailure(response.status, body)
    : new ApiFailure(response.status, {
        error: "http_error",
        step: "",
        message: `The node answered ${response.status}.`,
        message_zh: `平台返回状态码 ${response.status}。`,
        hint: "",
      });
  if (isSessionOver(failure) && token === caller.token()) caller.unauthenticated();
  return failure;
}

export function queryText(query: Query | undefined): string {
  const given = Object.entries(query ?? {}).filter(([, value]) => value !== undefined && value !== null && value !== "");
  if (!given.length) return "";
  return "?" + new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
}

/** A path with its variables escaped: path`/api/v1/devices/${id}`. */
export function path(parts: TemplateStringsArray, ...values: string[]): string {
  return parts.reduce((made, part, at) => made + encodeURIComponent(values[at - 1] ?? "") + part);
}
