import { createPinia } from "pinia";
import { createApp } from "vue";
import App from "./App.vue";
import { installElement } from "./element";
import { i18n } from "./i18n";
import { usePreferences } from "./preferences";
import { router } from "./router";
import "./styles/base.css";

const app = createApp(App);
app.use(createPinia());
app.use(i18n);
usePreferences();
installElement(app);
app.use(router);
app.mount("#app");
