import { ApiFailure, type FailureBody } from "@/api/failure";
import { i18n } from "./index";
import { stepsEn, stepsZh } from "./steps";

/** A failure in the words of the present language. */
export interface Told {
  step: string;
  title: string;
  message: string;
  hint: string;
}

export function told(body: FailureBody, language: string = i18n.global.locale.value): Told {
  const zh = language === "zh";
  const words = (zh ? stepsZh : stepsEn)[body.step];
  const message = (zh ? body.message_zh : body.message) || body.message;
  const fields = zh && body.fields ? body.fields.map((one) => one.field).filter(Boolean).join("、") : "";
  return {
    step: body.step,
    title: words?.title ?? message,
    message: fields ? `${message}（${fields}）` : isSaid(message, words?.title) ? "" : message,
    hint: words?.hint || (zh ? "" : body.hint),
  };
}

/** Whether a sentence says no more than its title. */
function isSaid(message: string, title: string | undefined): boolean {
  return title !== undefined && message.replace(/[。.\s]+$/, "").toLowerCase() === title.toLowerCase();
}

/** Any caught error as one sentence. */
export function sentence(error: unknown): string {
  if (error instanceof ApiFailure) {
    const words = told(error.body);
    if (!words.message) return words.hint ? `${words.title} ${words.hint}` : words.title;
    return words.hint && !words.message.includes(words.hint) ? `${words.message} ${words.hint}` : words.message;
  }
  return error instanceof Error ? error.message : String(error);
}
