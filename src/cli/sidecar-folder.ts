// The folder of one sidecar: its sockets, its bootstrap, the proxy's log. Gone with it, but for the log of a proxy that failed.

import { existsSync, mkdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stateFolder, statePaths } from "./state-folder.ts";

/** Paths of Unix sockets have 107 bytes (unix(7)); the longest name in the folder has 10. */
const MAX_PATH = 95;

export class SidecarFolder {
  readonly path: string;

  /** In the state folder, or where the path of a socket can be short. Made with mode 0700. */
  constructor(state: string | undefined, pod: string) {
    const usual = join(statePaths(stateFolder(state)).sidecars, pod);
    this.path = Buffer.byteLength(usual) <= MAX_PATH ? usual : join(tmpdir(), `heddle-${pod}`);
    mkdirSync(this.path, { recursive: true, mode: 0o700 });
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }

  /** What failed before the proxy was started left nothing to read. */
  removeWithoutLog(): void {
    if (!existsSync(join(this.path, "proxy.log"))) this.remove();
  }
}
