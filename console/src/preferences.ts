import { defineStore } from "pinia";
import { ref, watch } from "vue";
import { WAYS, type Preferred } from "@/player/way";
import { setLanguage, type Language } from "@/i18n";

export type Theme = "dark" | "light";

function stored<T extends string>(name: string, allowed: readonly T[], otherwise: T): T {
  const found = localStorage.getItem(name) as T | null;
  return found !== null && allowed.includes(found) ? found : otherwise;
}

/** Language, theme and player, kept in this browser. */
export const usePreferences = defineStore("preferences", () => {
  const language = ref<Language>(
    stored("gbgateway.language", ["zh", "en"], navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en"),
  );
  const theme = ref<Theme>(stored("gbgateway.theme", ["dark", "light"], "dark"));

  const player = ref<Preferred>(stored("gbgateway.player", WAYS, "automatic"));

  watch(player, (now) => localStorage.setItem("gbgateway.player", now));
  watch(
    language,
    (now) => {
      localStorage.setItem("gbgateway.language", now);
      document.documentElement.lang = now === "zh" ? "zh-CN" : "en";
      setLanguage(now);
    },
    { immediate: true },
  );
  watch(
    theme,
    (now) => {
      localStorage.setItem("gbgateway.theme", now);
      document.documentElement.classList.toggle("dark", now === "dark");
    },
    { immediate: true },
  );
  return { language, theme, player };
});
