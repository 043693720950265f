// Connections captured in network namespaces, on a machine of the test's own: bridge, packet filter and forwarding of this one stay as
// they are. The cases are in capture-cases.ts and capture-machine-cases.ts.

import { join } from "node:path";
import { findComponent } from "../../scripts/components.ts";
import { reportFromOwnMachine } from "./own-machine.ts";

const isRoot = process.platform === "linux" && process.geteuid?.() === 0;
const missing = [
  ...(isRoot ? [] : ["root on Linux"]),
  ...(["ip", "iptables", "curl"] as const).filter((tool) => findComponent(tool) === undefined),
];
if (isRoot && process.env.CI === "true" && (missing.length > 0 || !findComponent("envoy")))
  throw new Error(`capture tests need envoy, ${missing.join(", ")}`);

await reportFromOwnMachine(
  "capture",
  ["capture-cases.ts", "capture-machine-cases.ts"].map((file) => join(import.meta.dir, file)),
  missing,
);
