/// <reference types="vitest/config" />
import { fileURLToPath, URL } from "node:url";
import vue from "@vitejs/plugin-vue";
import { defineConfig } from "vite";
// @ts-expect-error a module without types
import { licences } from "./tools/licences.mjs";

/** Where the built console goes; a check builds into another folder and compares. */
const outDir = process.env.CONSOLE_OUT ?? fileURLToPath(new URL("../gateway/web/console", import.meta.url));
const api = process.env.CONSOLE_API ?? "http://127.0.0.1:8080";

export default defineConfig({
  plugins: [vue(), licences()],
  resolve: { alias: { "@": fileURLToPath(new URL("./src", import.meta.url)) } },
  define: { __VUE_I18N_FULL_INSTALL__: "false", __VUE_I18N_LEGACY_API__: "false", __INTLIFY_PROD_DEVTOOLS__: "false" },
  build: {
    outDir,
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    sourcemap: false,
    reportCompressedSize: true,
    chunkSizeWarningLimit: 1200,
    rolldownOptions: {
      output: {
        advancedChunks: {
          groups: [
            { name: "vue", test: /node_modules\/(@vue|vue|vue-router|pinia|vue-i18n|@intlify)\// },
            { name: "element", test: /node_modules\/(element-plus|@element-plus|@vueuse|@popperjs|@floating-ui|async-validator|dayjs|lodash|@ctrl|memoize-one|normalize-wheel)/ },
          ],
        },
      },
    },
  },
  server: { proxy: { "/api": api, "/healthz": api } },
  test: { include: ["tests/**/*.test.ts"], environment: "node" },
});
