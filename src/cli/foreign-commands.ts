// Commands of istioctl and kubectl that people type from habit, and what does the same here.

const FOREIGN: ReadonlyMap<string, string> = new Map([
  ...all(["install", "uninstall", "manifest", "operator", "upgrade", "profile", "init"], "heddle up"),
  ...all(["verify-install", "precheck", "doctor", "status"], "heddle check"),
  ...all(
    ["bug-report"],
    "heddle check -o json, heddle proxy-status -o json and heddle proxy-config all WORKLOAD -o json",
  ),
  ...all(["kube-inject", "workload"], "heddle run --name NAME -- COMMAND"),
  ...all(["validate", "lint"], "heddle analyze FILES"),
  ...all(["create", "replace", "edit", "patch"], "heddle apply -f FILES, or kubectl --server URL"),
  ...all(["label", "annotate", "scale", "rollout"], "kubectl --server URL, of heddle up"),
  ...all(["api-resources"], "heddle schema, or kubectl --server URL"),
  ...all(["admin"], "heddle up --log-level debug"),
  ...all(["internal-debug"], "heddle proxy-status -o wide"),
  ...all(["envoy-stats", "metrics", "top"], "heddle proxy-config envoy-stats WORKLOAD"),
  ...all(["logs"], "heddle proxy-config log WORKLOAD; proxy.log is below the state folder"),
  ...all(
    ["tag", "revision", "create-remote-secret", "remote-clusters", "waypoint", "ztunnel-config"],
    "heddle --help: Heddle has nothing like it",
  ),
]);

function all(names: readonly string[], instead: string): readonly (readonly [string, string])[] {
  return names.map((name) => [name, instead] as const);
}

/** Of commander's words about it. */
export function insteadOf(message: string): string | undefined {
  const [, name = ""] = /^unknown command '([^']*)'$/.exec(message) ?? [];
  return FOREIGN.get(name);
}
