// The proxy's user is how its own connections are told from the application's: an application that has it is not captured.

import type { ObjectAnalyzer } from "../analyzer.ts";
import { finding } from "../code.ts";
import { runnablesOf } from "../runnable.ts";
import { viewAs } from "../view.ts";

const PROXY_UID = 1337;
const PROXY_CONTAINER = "istio-proxy";

export const applicationUser: ObjectAnalyzer = {
  name: "deployment.ApplicationUIDAnalyzer",
  about: "no application runs as the proxy's user",
  codes: ["IST0144"],
  scope: "object",
  analyze(object, report) {
    const [runnable] = runnablesOf((kind) => [viewAs(kind, object)].filter((view) => view !== undefined));
    if (!runnable) return;
    const { pod, path } = runnable;
    const users = [
      ...(pod.containers ?? []).map(({ name, securityContext }, i) => ({
        user: name === PROXY_CONTAINER ? undefined : securityContext?.runAsUser,
        at: `${path}.containers[${i}].securityContext.runAsUser`,
      })),
      { user: pod.securityContext?.runAsUser, at: `${path}.securityContext.runAsUser` },
    ];
    for (const { user, at } of users)
      if (user === PROXY_UID)
        report(object, at, finding("IST0144", "User ID (UID) 1337 is reserved for the sidecar proxy", "another user"));
  },
};
