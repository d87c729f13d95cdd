import { ElMessage, ElMessageBox } from "element-plus";
import { call } from "@/api/client";
import { sentence } from "@/i18n/failure";
import { say } from "@/i18n";

/** Ask, then remove a record; whether it is gone. What is asked is shown as text. */
export async function remove(route: string, question: string): Promise<boolean> {
  try {
    await ElMessageBox.confirm(question, say("common.removeTitle"), {
      type: "warning",
      confirmButtonText: say("common.remove"),
      cancelButtonText: say("common.cancel"),
      confirmButtonClass: "el-button--danger",
    });
  } catch {
    return false;
  }
  try {
    await call("DELETE", route);
    ElMessage.success(say("common.removed"));
    return true;
  } catch (error) {
    ElMessage.error(sentence(error));
    return false;
  }
}
