import { OK } from "./answer.ts";
import type { AdminState } from "./state.ts";

/** After the answer is on its way: the process may end at once. */
export function quit(state: AdminState): Response {
  setTimeout(() => state.quit(), 0);
  return OK();
}
