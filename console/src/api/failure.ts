/** What went wrong, as the API says it: a stable name, the step that failed, and words for a person. */
export interface FailureBody {
  error: string;
  step: string;
  message: string;
  message_zh: string;
  hint: string;
  sip_code?: number;
  fields?: { field: string; problem: string; problem_zh?: string }[];
}

export class ApiFailure extends Error {
  constructor(
    readonly status: number,
    readonly body: FailureBody,
  ) {
    super(body.message);
  }
}

/** A failure that did not come from the API: the node cannot be reached, or the browser gave up. */
export function localFailure(error: string, message: string, message_zh: string, hint = ""): ApiFailure {
  return new ApiFailure(0, { error, step: "", message, message_zh, hint });
}

/** Nobody is logged in any more: the log-in says so, and there is nothing wrong with what was asked. */
export function isSessionOver(error: unknown): boolean {
  return error instanceof ApiFailure && error.status === 401 && error.body.error === "unauthenticated";
}

export function isFailureBody(value: unknown): value is FailureBody {
  return typeof value === "object" && value !== null && "error" in value && "message" in value;
}
