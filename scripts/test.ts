// All tests: those beside their source, the traffic suite on both proxies, end to end. Arguments go to `bun test`.

import { dirname } from "node:path";
import { installComponents } from "./components.ts";

const root = dirname(import.meta.dir);
await installComponents();
// A bound on what hangs, and no more: on a busy machine the generated cases of a property take more than Bun's five seconds.
const TIMEOUT_MS = 30_000;
const child = Bun.spawn([process.execPath, "test", `--timeout=${TIMEOUT_MS}`, ...process.argv.slice(2)], {
  cwd: root,
  stdout: "inherit",
  stderr: "inherit",
});
process.exit(await child.exited);
