// All tests: those beside their source, the traffic suite on both proxies, end to end. Arguments go to `bun test`.

import { dirname } from "node:path";
import { installComponents } from "./components.ts";

const root = dirname(import.meta.dir);
await installComponents();
const child = Bun.spawn([process.execPath, "test", ...process.argv.slice(2)], {
  cwd: root,
  stdout: "inherit",
  stderr: "inherit",
});
process.exit(await child.exited);
