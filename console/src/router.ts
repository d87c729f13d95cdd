import { createRouter, createWebHistory, type RouteRecordRaw } from "vue-router";
import type { Role } from "@/api/types";
import LoginPage from "@/pages/LoginPage.vue";
import { backTo } from "@/session/back";
import { useSession } from "@/session/store";

declare module "vue-router" {
  interface RouteMeta {
    public?: boolean;
    needs?: Role;
  }
}

const pages: RouteRecordRaw[] = [
  { path: "", redirect: "/watch" },
  { path: "watch", component: () => import("@/pages/WatchPage.vue"), meta: { needs: "viewer" } },
  { path: "devices", component: () => import("@/pages/DevicesPage.vue"), meta: { needs: "operator" } },
  { path: "uppers", component: () => import("@/pages/UppersPage.vue"), meta: { needs: "operator" } },
  { path: "rules", component: () => import("@/pages/RulesPage.vue"), meta: { needs: "operator" } },
  { path: "users", component: () => import("@/pages/UsersPage.vue"), meta: { needs: "admin" } },
  { path: "ledger", component: () => import("@/pages/LedgerPage.vue"), meta: { needs: "admin" } },
  { path: "status", component: () => import("@/pages/StatusPage.vue"), meta: { needs: "viewer" } },
];

export const router = createRouter({
  history: createWebHistory(),
  routes: [
    { path: "/setup", component: () => import("@/pages/SetupPage.vue"), meta: { public: true } },
    { path: "/login", component: LoginPage, meta: { public: true } },
    { path: "/", component: () => import("@/shell/AppShell.vue"), children: pages },
    { path: "/:rest(.*)*", redirect: "/watch" },
  ],
});

router.beforeEach(async (to) => {
  const session = useSession();
  if (session.loggedIn) {
    if (to.meta.public) return backTo(to.query.next);
    await session.askNode().catch(() => undefined);
    if (!session.loggedIn) return { path: "/login", query: { next: to.fullPath } };
    return to.meta.needs && !session.may(to.meta.needs) ? "/watch" : true;
  }
  const needed = await session.askSetup().catch(() => false);
  if (needed) return to.path === "/setup" ? true : "/setup";
  if (to.path === "/login") return true;
  return { path: "/login", query: to.meta.public || to.path === "/" ? {} : { next: to.fullPath } };
});
