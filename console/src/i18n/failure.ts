import { ApiFailure, type FailureBody } from "@/api/failure";
import { en } from "./en";
import { i18n } from "./index";
import { zh } from "./zh";
import { stepsEn, stepsZh } from "./steps";

/** A failure in the words of the present language. */
export interface Told {
  step: string;
  title: string;
  message: string;
  hint: string;
}

export function told(body: FailureBody, language: string = i18n.global.locale.value): Told {
  const chinese = language === "zh";
  const words = (chinese ? stepsZh : stepsEn)[body.step];
  const message = (chinese ? body.message_zh : body.message) || body.message;
  return {
    step: body.step,
    title: words?.title ?? message,
    message: isSaid(message, words?.title) ? "" : message,
    hint: words?.hint || (chinese ? "" : body.hint),
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

/** What is wrong with which field of a form, in the present language. */
export function fieldWords(error: unknown): Record<string, string> {
  if (!(error instanceof ApiFailure)) return {};
  const { body } = error;
  if (body.error === "already_exists") return { id: i18n.global.t("common.taken") };
  const chinese = i18n.global.locale.value === "zh";
  const named = (body.fields ?? []).map(({ field, problem, problem_zh }) => [field.split(".")[0], (chinese && problem_zh) || problem]);
  return Object.fromEntries(named) as Record<string, string>;
}

/** A text in both languages at once, for what is kept while the language may change. */
export function bothWords(key: string): { en: string; zh: string } {
  const found = (words: object): string => key.split(".").reduce<unknown>((at, name) => (at as Record<string, unknown>)[name], words) as string;
  return { en: found(en), zh: found(zh) };
}
