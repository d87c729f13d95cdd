import { createI18n } from "vue-i18n";
import { en } from "./en";
import { zh } from "./zh";

export type Language = "zh" | "en";

export const i18n = createI18n({
  legacy: false,
  locale: "zh",
  fallbackLocale: "en",
  messages: { zh, en },
});

export function setLanguage(language: Language): void {
  i18n.global.locale.value = language;
}

/** A text in the present language, outside components. */
export const say = (key: string, values: Record<string, unknown> = {}): string => i18n.global.t(key, values);
